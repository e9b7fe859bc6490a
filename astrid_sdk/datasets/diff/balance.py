"""How many files of each label two versions hold, and which share that is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from astrid_sdk.datasets.manifest import DatasetFile

UNLABELLED = "unlabelled"


@dataclass(frozen=True, slots=True)
class ClassBalance:
    """One label before and after.

    Attributes
    ----------
    label : str
    before, after : int
        Files with it.
    before_share, after_share : float
        Of all labelled files, 0 to 1; 0 for what has no label.
    """

    label: str
    before: int
    after: int
    before_share: float
    after_share: float


def balance_of(before: Sequence[DatasetFile], after: Sequence[DatasetFile]) -> list[ClassBalance]:
    """Return the labels of both versions by name; files without one come last."""
    then, now = (Counter(file.label for file in files) for files in (before, after))
    labelled = [sum(count.values()) - count[None] for count in (then, now)]
    names = sorted(label for label in then.keys() | now.keys() if label is not None)
    found = [
        ClassBalance(
            name,
            then[name],
            now[name],
            then[name] / max(labelled[0], 1),
            now[name] / max(labelled[1], 1),
        )
        for name in names
    ]
    if then[None] or now[None]:
        found.append(ClassBalance(UNLABELLED, then[None], now[None], 0.0, 0.0))
    return found
