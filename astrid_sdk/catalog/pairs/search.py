"""The search for pairs: candidates by sky and time, their overlap, and which is the best."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from astrid_sdk.catalog.pairs.bounds import Boxes, most_shared
from astrid_sdk.catalog.pairs.frames import Frames, overlap_of
from astrid_sdk.catalog.pairs.guard import TemplateGuard
from astrid_sdk.catalog.pairs.hopeful import NEVER, Numbers, most_hopeful
from astrid_sdk.catalog.pairs.neighbours import Places, touching
from astrid_sdk.catalog.pairs.ranking import FoundPairs, Standing
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.sphere import Bools, Floats

BEFORE, AFTER, ANY = SIDES = ("before", "after", "any")

_WHEN = {BEFORE: "before it", AFTER: "after it", ANY: "before or after it"}
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
    lies further away in time. Where only the best are kept, overlaps that cannot matter are not
    measured: the tally may then count fewer that cover a frame than there are, but none only where
    there are none.
    """
    sought = _Search(science, references, rules, guard)
    found: list[FoundPairs] = []
    for ours, theirs in _same_light(science, references, sought.tally):
        circles = (science.middle[ours], science.radius[ours])
        others = (references.middle[theirs], references.radius[theirs])
        blocks = touching(*circles, *others)
        found += [sought.judged(ours[a], theirs[b], near) for a, b, near in blocks]
    return FoundPairs.joined(found), sought.tally


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


class _Search:
    """What a search works with, made once for all blocks of candidates."""

    def __init__(
        self, science: Frames, references: Frames, rules: PairRules, guard: TemplateGuard
    ) -> None:
        self.tally = Tally(len(science))
        self._frames = (science, references)
        self._rules = rules
        self._guard = guard
        self._boxes = (Boxes.of(science), Boxes.of(references))
        self._standing = Standing(references)
        names = np.concatenate([science.ids, references.ids])
        numbers = np.unique(names, return_inverse=True)[1]
        self._ids = (numbers[: len(science)], numbers[len(science) :])

    def judged(self, ours: Places, theirs: Places, near: Bools) -> FoundPairs:
        """Return the candidates that pass every gate, the best of each science frame.

        Parameters
        ----------
        ours, theirs : ndarray, shape (n,) and (m,)
            Science frames, with all candidates for each of them.
        near : ndarray, shape (n, m)
            Which are near which.
        """
        (science, references), (id_a, id_b) = self._frames, self._ids
        suits = near & (id_a[ours][:, np.newaxis] != id_b[theirs])
        self.tally.near[ours] = suits.sum(axis=1)
        gap_days = science.start[ours][:, np.newaxis] - references.start[theirs]
        suits &= _timely(gap_days, self._rules)
        self.tally.timely[ours] = suits.sum(axis=1)
        a, b = np.nonzero(suits)
        return self._best(ours[a], theirs[b])

    def _best(self, i: Places, j: Places) -> FoundPairs:
        """Return the pairs that pass the last gates too, the best of each science frame.

        All of a science frame stand one behind the other.
        """
        most = self._rules.max_pairs_per_science
        if most is None:
            made, passes = self._measured(i, j)
            return made.take(passes).best(self._frames[1], most)
        return self._hopeful(i, j, most).best(self._frames[1], most)

    def _gaps(self, i: Places, j: Places) -> Floats:
        science, references = self._frames
        return np.asarray(science.start[i] - references.start[j])

    def _hopeful(self, i: Places, j: Places, most: int) -> FoundPairs:
        """Return what passes every gate and may be among the best; see `most_hopeful`."""
        share = most_shared(self._boxes[0], i, self._boxes[1], j)
        may_cover = share >= self._rules.min_overlap
        i, j, share = i[may_cover], j[may_cover], share[may_cover]
        gaps = self._gaps(i, j)
        hopes = self._standing.worth(j, gaps, share, self._guard.contaminated(i, j))
        groups = 2 * np.cumsum(np.diff(i, prepend=-1) != 0) + (gaps > 0)
        found: list[FoundPairs] = []

        def measure(places: Places) -> Numbers:
            made, passes = self._measured(i[places], j[places])
            found.append(made.take(passes))
            told = (made.reference, made.gap_days, made.overlap, made.contaminated)
            return np.where(passes, self._standing.worth(*told), NEVER)

        most_hopeful(groups, hopes, most, measure)
        return FoundPairs.joined(found)

    def _measured(self, i: Places, j: Places) -> tuple[FoundPairs, Bools]:
        """Return pairs with all that is known of them, and which pass the last gates."""
        science, references = self._frames
        overlap, estimated = overlap_of(science, i, references, j)
        least = self._rules.min_overlap
        passes = overlap >= least if least > 0 else overlap > 0
        np.add.at(self.tally.covering, i[passes], 1)
        contaminated = self._guard.contaminated(i, j)
        if self._rules.exclude_contaminated:
            passes = passes & ~contaminated
        rank = np.zeros(len(i), np.intp)
        made = FoundPairs(i, j, overlap, self._gaps(i, j), estimated, contaminated, rank)
        return made, np.asarray(passes)


def _timely(gap_days: Floats, rules: PairRules) -> Bools:
    """Return which gaps (positive: the reference is earlier) suit; never frames of one moment."""
    gap = {BEFORE: gap_days, AFTER: -gap_days, ANY: np.abs(gap_days)}[rules.reference]
    longest = np.inf if rules.max_gap_days is None else rules.max_gap_days
    fits = (gap > 0) & (gap >= rules.min_gap_days - _GAP_SLACK_DAYS)
    return np.asarray(fits & (gap <= longest + _GAP_SLACK_DAYS))


def _days(rules: PairRules) -> str:
    if rules.max_gap_days is not None:
        return f"{rules.min_gap_days:g} to {rules.max_gap_days:g} days"
    return "1 day or more" if rules.min_gap_days == 1 else f"{rules.min_gap_days:g} days or more"


def _refuse(name: str, value: object, advice: str) -> None:
    raise InvalidInputError(f"{name} cannot be {value!r}: {advice}", kind="pair_rules")
