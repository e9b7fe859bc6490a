"""The search for pairs: candidates by sky and time, their overlap, and which is the best."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.catalog.pairs.frames import Frames, overlap_of
from astrid_sdk.catalog.pairs.guard import TemplateGuard
from astrid_sdk.catalog.pairs.neighbours import Places, touching
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.sphere import Bools, Floats

BEFORE, AFTER, ANY = SIDES = ("before", "after", "any")

_WHEN = {BEFORE: "before it", AFTER: "after it", ANY: "before or after it"}
_ALIKE = 20.0  # overlaps that round to one twentieth are equally good
_GAP_SLACK_DAYS = 1e-9


@dataclass(frozen=True, slots=True)
class PairRules:
    """Which references suit a science frame of the same survey (or instrument) and filter.

    Attributes
    ----------
    reference : str
        ``"before"``: taken before the science frame; ``"after"``; ``"any"``.
    min_overlap : float
        How much of the science footprint the reference covers at least, 0 to 1.
    min_gap_days, max_gap_days : float, float or None
        Between the starts of the two exposures. Frames of one night hold the same transients:
        by default a day must lie between them.
    max_pairs_per_science : int or None
        Keep the best so many; None keeps all.
    exclude_contaminated : bool
        Leave out references that may hold a known transient, instead of naming it.

    Raises
    ------
    InvalidInputError
        A value is not one of these (kind ``pair_rules``).
    """

    reference: str = BEFORE
    min_overlap: float = 0.5
    min_gap_days: float = 1.0
    max_gap_days: float | None = None
    max_pairs_per_science: int | None = 10
    exclude_contaminated: bool = False

    def __post_init__(self) -> None:
        longest = math.inf if self.max_gap_days is None else self.max_gap_days
        most = 1 if self.max_pairs_per_science is None else self.max_pairs_per_science
        if self.reference not in SIDES:
            _refuse("reference", self.reference, "give 'before', 'after' or 'any'")
        if not 0.0 <= self.min_overlap <= 1.0:
            _refuse("min_overlap", self.min_overlap, "give a part from 0 to 1")
        if not 0.0 <= self.min_gap_days <= longest:
            _refuse("min_gap_days", self.min_gap_days, "give days from 0 to max_gap_days")
        if most < 1:
            _refuse("max_pairs_per_science", most, "give 1 or more, or None for all")


@dataclass(frozen=True, slots=True, eq=False)
class FoundPairs:
    """Pairs as arrays, science frames in order, the best reference of each first.

    Attributes
    ----------
    science, reference : ndarray of int
        Places in the frames.
    overlap, gap_days : ndarray
        Gaps are positive where the reference is the earlier.
    estimated, contaminated : ndarray of bool
    rank : ndarray of int
        1 is the best of its science frame.
    """

    science: Places
    reference: Places
    overlap: Floats
    gap_days: Floats
    estimated: Bools
    contaminated: Bools
    rank: Places

    def __len__(self) -> int:
        return len(self.science)

    def take(self, places: "Places | Bools | slice") -> "FoundPairs":
        """Return the pairs at `places`."""
        return FoundPairs(*(getattr(self, column.name)[places] for column in fields(self)))


class Tally:
    """How many references of each science frame passed each gate."""

    def __init__(self, frames: int) -> None:
        self.alike, self.near, self.timely, self.covering = (
            np.zeros(frames, np.int64) for _ in range(4)
        )

    def reason(self, place: int, light: str, rules: PairRules) -> str:
        """Return why the science frame at `place` has no pair."""
        when = f"{_days(rules)} {_WHEN[rules.reference]}"
        if not self.alike[place]:
            return f"no other observation is of {light}"
        if not self.near[place]:
            return f"no other observation of {light} is near it"
        if not self.timely[place]:
            return f"of the observations of {light} near it, none was taken {when}"
        if not self.covering[place]:
            return f"no observation of {light}, {when}, covers {rules.min_overlap:.0%} of it"
        return f"every reference of {light} may hold a known transient that lies in it"


def search(
    science: Frames, references: Frames, rules: PairRules, guard: TemplateGuard
) -> tuple[FoundPairs, Tally]:
    """Return the pairs that `rules` allow, and how many references passed each gate.

    The best reference of a science frame is one that holds no known transient; then the one that
    covers more of it (in steps of a twentieth), has the better seeing, the longer exposure, and
    lies further away in time.
    """
    tally = Tally(len(science))
    found = [_nothing()]
    for ours, theirs in _same_light(science, references, tally):
        circles = (science.middle[ours], science.radius[ours])
        others = (references.middle[theirs], references.radius[theirs])
        for i, j in touching(*circles, *others):
            found.append(_judged((science, ours[i]), (references, theirs[j]), rules, guard, tally))
    joined = FoundPairs(
        *(np.concatenate([getattr(f, column.name) for f in found]) for column in fields(FoundPairs))
    )
    return joined.take(np.lexsort([joined.rank, joined.science])), tally


def _same_light(
    science: Frames, references: Frames, tally: Tally
) -> Iterator[tuple[Places, Places]]:
    """Yield the places of science frames and references of one light."""
    for light in np.unique(science.light):
        ours = np.flatnonzero(science.light == light)
        theirs = np.flatnonzero(references.light == light)
        known = np.isin(science.ids[ours], references.ids[theirs])
        tally.alike[ours] = len(theirs) - known
        yield ours, theirs


def _judged(
    ours: tuple[Frames, Places],
    theirs: tuple[Frames, Places],
    rules: PairRules,
    guard: TemplateGuard,
    tally: Tally,
) -> FoundPairs:
    """Return the pairs of a block of candidates that pass every gate, the best of each science."""
    (science, i), (references, j) = ours, theirs
    keep = science.ids[i] != references.ids[j]
    i, j = _counted(tally.near, i, j, keep)
    i, j = _counted(tally.timely, i, j, _timely(science.start[i] - references.start[j], rules))
    overlap, estimated = overlap_of(science, i, references, j)
    covering = overlap >= rules.min_overlap if rules.min_overlap > 0 else overlap > 0
    i, j = _counted(tally.covering, i, j, covering)
    contaminated = guard.contaminated(i, j)
    made = FoundPairs(
        science=i,
        reference=j,
        overlap=overlap[covering],
        gap_days=science.start[i] - references.start[j],
        estimated=estimated[covering],
        contaminated=contaminated,
        rank=np.zeros(len(i), np.intp),
    )
    if rules.exclude_contaminated:
        made = made.take(~contaminated)
    return _best(made, references, rules.max_pairs_per_science)


def _counted(counts: NDArray[np.int64], i: Places, j: Places, keep: Bools) -> tuple[Places, Places]:
    counts += np.bincount(i[keep], minlength=len(counts))
    return i[keep], j[keep]


def _timely(gap_days: Floats, rules: PairRules) -> Bools:
    """Return which gaps (positive: the reference is earlier) suit; never frames of one moment."""
    gap = {BEFORE: gap_days, AFTER: -gap_days, ANY: np.abs(gap_days)}[rules.reference]
    longest = np.inf if rules.max_gap_days is None else rules.max_gap_days
    fits = (gap > 0) & (gap >= rules.min_gap_days - _GAP_SLACK_DAYS)
    return np.asarray(fits & (gap <= longest + _GAP_SLACK_DAYS))


def _best(made: FoundPairs, references: Frames, most: int | None) -> FoundPairs:
    """Return `made` ranked, and no more than `most` per science frame."""
    j = made.reference
    keys = [
        j,
        -np.abs(made.gap_days),
        -np.nan_to_num(references.depth[j]),
        np.nan_to_num(references.seeing[j], nan=np.inf),
        -np.round(made.overlap * _ALIKE),
        made.contaminated,
        made.science,
    ]
    ordered = made.take(np.lexsort(keys))
    _, first, counts = np.unique(ordered.science, return_index=True, return_counts=True)
    ordered.rank[:] = np.arange(len(ordered)) - np.repeat(first, counts) + 1
    return ordered if most is None else ordered.take(ordered.rank <= most)


def _nothing() -> FoundPairs:
    places, numbers, flags = np.zeros(0, np.intp), np.zeros(0), np.zeros(0, bool)
    return FoundPairs(places, places, numbers, numbers, flags, flags, places)


def _days(rules: PairRules) -> str:
    if rules.max_gap_days is not None:
        return f"{rules.min_gap_days:g} to {rules.max_gap_days:g} days"
    return "1 day or more" if rules.min_gap_days == 1 else f"{rules.min_gap_days:g} days or more"


def _refuse(name: str, value: object, advice: str) -> None:
    raise InvalidInputError(f"{name} cannot be {value!r}: {advice}", kind="pair_rules")
