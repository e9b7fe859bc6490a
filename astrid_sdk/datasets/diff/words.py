"""A diff in sentences."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from astrid_sdk.datasets.diff.balance import UNLABELLED, ClassBalance
from astrid_sdk.datasets.diff.fields import Field
from astrid_sdk.datasets.diff.telling import UNKNOWN

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.datasets.diff.dataset_diff import DatasetDiff

_SHOWN_FIELDS = 4


def words(diff: "DatasetDiff") -> str:
    """Return what changed, a line each; contents are looked into where that is soon done."""
    head = f"{diff.before.name} -> {diff.after.name}"
    same = len(diff.matched.unchanged)
    count = f"{same:,} file{'' if same == 1 else 's'} unchanged"
    if diff.is_empty:
        return f"{head}: nothing changed, {count}"
    lines = [f"{head}: {summary(diff)}; {count}"]
    return "\n".join([*lines, *(f"  {line}" for line in _details(diff))])


def summary(diff: "DatasetDiff") -> str:
    """Return how many files were added, removed and so on."""
    parts = {
        "added": diff.added,
        "removed": diff.removed,
        "relabelled": diff.relabelled,
        "moved": diff.moved,
        "changed": diff.changed,
    }
    return ", ".join(f"{len(found):,} {name}" for name, found in parts.items() if found)


def _details(diff: "DatasetDiff") -> Iterator[str]:
    if diff.relabelled:
        yield f"relabelled: {relabelled_words(diff)}"
    if diff.changed:
        yield f"changed: {changed_words(diff)}"
    for name, fields in diff.fields.items():
        if fields:
            yield f"sky, {name}: {fields_words(fields)}"
    yield from _light("filters", diff.filters)
    yield from _light("instruments", diff.instruments)
    for each in diff.balance:
        yield f"class {balance_words(each)}"


def relabelled_words(diff: "DatasetDiff") -> str:
    """Return how many files went from which label to which."""
    turns = Counter((old.label, new.label) for old, new in diff.relabelled)
    told = (
        f"{count:,} {old or UNLABELLED} -> {new or UNLABELLED}"
        for (old, new), count in turns.most_common()
    )
    return ", ".join(told)


def changed_words(diff: "DatasetDiff") -> str:
    """Return how many files have other pixels, or that nobody looked yet."""
    told = diff.compared()
    if told is None:
        return f"{len(diff.changed):,} files, not looked into: compare() does"
    return ", ".join(f"{count:,} {name}" for name, count in sorted(told.items()))


def fields_words(fields: Sequence[Field]) -> str:
    """Return where positions lie, the larger groups first."""
    more = len(fields) - _SHOWN_FIELDS
    told = [str(field) for field in fields[:_SHOWN_FIELDS]]
    return "; ".join(told + ([f"and {more:,} more places"] if more > 0 else []))


def balance_words(each: ClassBalance) -> str:
    """Return a label before and after."""
    counts = f"{each.label}: {each.before:,} -> {each.after:,}"
    if each.label == UNLABELLED:
        return counts
    return f"{counts} ({each.before_share:.1%} -> {each.after_share:.1%} of the labelled)"


def _light(name: str, counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for part, found in counts.items():
        if found.keys() - {UNKNOWN}:
            told = ", ".join(f"{count:,} {value}" for value, count in found.items())
            yield f"{name}, {part}: {told}"
