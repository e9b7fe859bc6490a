"""Which file of one version is which file of another: by its content first, then by its path."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from astrid_sdk.datasets.manifest import DatasetFile

Pair: TypeAlias = tuple[DatasetFile, DatasetFile]
"""A file before and after."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The files of two versions; each is in one of the first five.

    Attributes
    ----------
    added, removed : sequence of DatasetFile
    unchanged : sequence of pairs
        The same content under the same path.
    moved : sequence of pairs
        The same content under another path.
    changed : sequence of pairs
        Another content under the same path.
    relabelled : sequence of pairs
        Those of the last three whose label is another.
    """

    added: Sequence[DatasetFile]
    removed: Sequence[DatasetFile]
    unchanged: Sequence[Pair]
    moved: Sequence[Pair]
    changed: Sequence[Pair]
    relabelled: Sequence[Pair]


def match(before: Sequence[DatasetFile], after: Sequence[DatasetFile]) -> Matched:
    """Return what became of the files `before`.

    A content that stands under several paths keeps those that both have; the others are matched in
    the order of their paths.
    """
    then = {file.path: file for file in before}
    now = {file.path: file for file in after}
    unchanged = [
        (file, now[path])
        for path, file in then.items()
        if path in now and now[path].content_hash == file.content_hash
    ]
    for file, _ in unchanged:
        del then[file.path], now[file.path]
    moved = list(_moved(then, now))
    for old, new in moved:
        del then[old.path], now[new.path]
    changed = [(file, now[path]) for path, file in then.items() if path in now]
    for old, _ in changed:
        del then[old.path], now[old.path]
    kept = [*unchanged, *moved, *changed]
    relabelled = sorted(
        (pair for pair in kept if pair[0].label != pair[1].label), key=lambda pair: pair[1].path
    )
    return Matched(
        tuple(now.values()),
        tuple(then.values()),
        tuple(unchanged),
        tuple(moved),
        tuple(changed),
        tuple(relabelled),
    )


def _moved(then: dict[str, DatasetFile], now: dict[str, DatasetFile]) -> Iterator[Pair]:
    new: dict[str, list[DatasetFile]] = {}
    for file in now.values():
        new.setdefault(file.content_hash, []).append(file)
    for file in then.values():
        if waiting := new.get(file.content_hash):
            yield file, waiting.pop(0)
