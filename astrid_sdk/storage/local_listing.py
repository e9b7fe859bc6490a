"""The files below a folder as a listing: in the order of their keys, a page at a time."""

import contextlib
import heapq
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def first_files(
    folder: Path, key: str, *, prefix: str, after: str, limit: int
) -> list[tuple[str, os.stat_result]]:
    """Return the keys and states of the first regular files below `folder`.

    In the order of the keys' bytes, those that start with `prefix` and come behind `after`;
    `key` is the folder's own.
    """
    found: list[tuple[str, os.stat_result]] = []
    for name, entry in _walk(folder, key, prefix, after, limit):
        with contextlib.suppress(FileNotFoundError):  # deleted since
            found.append((name, entry.stat(follow_symlinks=False)))
        if len(found) == limit:
            break
    return found


def _walk(
    folder: Path | str, key: str, prefix: str, after: str, limit: int
) -> "Iterator[tuple[str, os.DirEntry[str]]]":
    """Yield keys in order, looking only into folders that may hold some that are wanted."""
    try:
        with os.scandir(folder) as entries:
            wanted = [pair for pair in _named(entries, key) if _is_wanted(pair[0], prefix, after)]
    except (FileNotFoundError, NotADirectoryError):  # nothing has that prefix, or no longer
        return
    # Code points sort as the bytes of UTF-8 do. A folder sorts as its files do: with its slash.
    for name, entry in _in_order(wanted, limit):
        if name.endswith("/"):
            yield from _walk(entry.path, name.removesuffix("/"), prefix, after, limit)
        else:
            yield name, entry


def _in_order(
    wanted: "list[tuple[str, os.DirEntry[str]]]", limit: int
) -> "Iterator[tuple[str, os.DirEntry[str]]]":
    """Yield all in order; a page of a large folder does not wait until all of it is sorted."""
    if len(wanted) > 4 * limit:
        first = heapq.nsmallest(2 * limit, wanted, key=_name)
        yield from first
        wanted = [pair for pair in wanted if pair[0] > first[-1][0]]
    yield from sorted(wanted, key=_name)


def _name(pair: "tuple[str, os.DirEntry[str]]") -> str:
    return pair[0]


def _named(
    entries: "Iterable[os.DirEntry[str]]", key: str
) -> "Iterator[tuple[str, os.DirEntry[str]]]":
    above = f"{key}/" if key else ""
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield f"{above}{entry.name}/", entry
        elif entry.is_file(follow_symlinks=False):
            yield above + entry.name, entry


def _is_wanted(name: str, prefix: str, after: str) -> bool:
    if name.endswith("/"):
        may_match = name.startswith(prefix) or prefix.startswith(name)
        return may_match and (name > after or after.startswith(name))
    return name.startswith(prefix) and name > after
