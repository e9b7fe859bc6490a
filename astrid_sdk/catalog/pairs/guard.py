"""The template guard: whether a reference may hold the very transient that is looked for.

A transient that shone when the reference was taken is subtracted from the science frame and lost,
or found fainter than it is. What is told is told against a list of known transients: without one
nothing is checked, and the answer says so.
"""

import enum
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.catalog.models.observation import mjd_of
from astrid_sdk.catalog.pairs.frames import Frames
from astrid_sdk.catalog.pairs.known_transients import KnownTransient
from astrid_sdk.catalog.pairs.neighbours import Places, touching
from astrid_sdk.sky.shared_area import reach
from astrid_sdk.sky.sphere import Bools, Floats, unit_vectors

_MARGIN_RAD = np.radians(5.0 / 3600.0)  # the wings of a star reach over an edge

_DENSE = 8  # pairs of frames that are looked at for one that is asked for
_BLOCK = 1 << 14


class GuardState(enum.StrEnum):
    """What the guard says of a pair."""

    NOT_CHECKED = "not checked"  # no known transients were given
    CLEAN = "clean"  # none of the known ones shone in both frames when the reference was taken
    CONTAMINATED = "contaminated"  # one did, or may have


class TemplateGuard:
    """Tells for pairs of frames which known transients the reference may hold.

    Parameters
    ----------
    transients : sequence of KnownTransient or None
        None, or none at all: nothing is checked.
    science, references : Frames
    """

    def __init__(
        self,
        transients: Sequence[KnownTransient] | None,
        science: Frames,
        references: Frames,
    ) -> None:
        self._transients = tuple(transients or ())
        self._references = references
        first, last = (
            _times([getattr(known, name) for known in self._transients])
            for name in ("first_light", "last_light")
        )
        self._first = first
        j, t = _within(references, self._transients)
        # NaN compares False: what is not known to be dark counts as shining
        shines = ~(references.end[j] <= first[t]) & ~(references.start[j] > last[t])
        self._in_science = _Held(*_within(science, self._transients), len(science))
        self._in_reference = _Held(j[shines], t[shines], len(references))

    @property
    def checked(self) -> int:
        """How many known transients were looked for."""
        return len(self._transients)

    def contaminated(self, i: Places, j: Places) -> Bools:
        """Return for which pairs of science i and reference j a transient shone in both frames."""
        some = np.flatnonzero((self._in_science.counts[i] > 0) & (self._in_reference.counts[j] > 0))
        found = np.zeros(len(i), bool)
        found[some] = _shared(self._in_science, i[some], self._in_reference, j[some])
        return found

    def held(self, i: int, j: int) -> list[KnownTransient]:
        """Return the transients that reference j may hold where science i looks."""
        return [self._transients[t] for t in self._both(i, j)]

    def sentences(self, i: int, j: int) -> list[str]:
        """Return a warning per transient that the reference may hold."""
        start = self._references.start[j]
        return [_sentence(self._transients[t], start - self._first[t]) for t in self._both(i, j)]

    def _both(self, i: int, j: int) -> Places:
        return np.intersect1d(self._in_science.of(i), self._in_reference.of(j))


class _Held:
    """Which transients are in which frame, given as pairs of their places."""

    def __init__(self, frames: Places, transients: Places, total: int) -> None:
        order = np.lexsort([transients, frames])
        self.counts = np.bincount(frames, minlength=total)
        self._ends = np.cumsum(self.counts)
        self._transients = transients[order]
        self._codes = _code(frames[order], self._transients)

    def of(self, frame: int) -> Places:
        """Return the transients in a frame."""
        end = self._ends[frame]
        return np.asarray(self._transients[end - self.counts[frame] : end])

    def each_of(self, frames: Places) -> tuple[Places, Places]:
        """Return every transient of every one of `frames`: the place in `frames`, the transient."""
        counts = self.counts[frames]
        which = np.repeat(np.arange(len(frames)), counts)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, self._transients[(self._ends - self.counts)[frames][which] + nth]

    def holds(self, frames: Places, transients: Places) -> Bools:
        """Return for each pair whether the frame has the transient."""
        return np.isin(_code(frames, transients), self._codes)

    def matrix(self, frames: Places, transients: Places) -> NDArray[np.float32]:
        """Return 1 where a frame (row) has one of `transients` (column; sorted), else 0."""
        made = np.zeros((len(frames), len(transients)), np.float32)
        which, t = self.each_of(frames)
        column = np.minimum(np.searchsorted(transients, t), len(transients) - 1)
        there = transients[column] == t
        made[which[there], column[there]] = 1.0
        return made


def _code(frames: Places, transients: Places) -> Places:
    return np.asarray(frames * (1 << 32) + transients)


def _shared(ours: _Held, i: Places, theirs: _Held, j: Places) -> Bools:
    """Return for each pair of frames that have transients whether they have one in common."""
    rows, row = np.unique(i, return_inverse=True)
    columns, column = np.unique(j, return_inverse=True)
    if len(rows) * len(columns) <= _DENSE * len(i):  # all against all: one product of matrices
        transients = np.unique(ours.each_of(rows)[1])
        common = ours.matrix(rows, transients) @ theirs.matrix(columns, transients).T
        return np.asarray(common[row, column] > 0)
    found = np.zeros(len(i), bool)
    for first in range(0, len(i), _BLOCK):
        which, t = ours.each_of(i[first : first + _BLOCK])
        found[first + which[theirs.holds(j[first + which], t)]] = True
    return found


def _sentence(known: KnownTransient, days: float) -> str:
    if np.isnan(days):
        return f"the reference may hold {known.name}, whose first light is not known"
    when = f"{days:.1f} days after" if days > 0 else "at"
    return f"the reference was taken {when} first light of {known.name}, which lies in both frames"


def _within(frames: Frames, transients: Sequence[KnownTransient]) -> tuple[Places, Places]:
    """Return (frame, transient) of the transients that lie in a frame."""
    ra, dec = (np.array([getattr(known, k) for known in transients]) for k in ("ra_deg", "dec_deg"))
    places = unit_vectors(ra, dec).reshape(-1, 3)
    margin = np.full(len(transients), _MARGIN_RAD)
    found = [np.zeros((2, 0), np.intp)]
    for a, b, near in touching(frames.middle, frames.radius, places, margin):
        i, t = (some[which] for some, which in zip((a, b), np.nonzero(near), strict=True))
        inside = ~frames.outlined[i] | reach(frames.corners[i], places[t], _MARGIN_RAD)
        found.append(np.array([i[inside], t[inside]]))
    i, t = np.concatenate(found, axis=1)
    return i, t


def _times(moments: Sequence[datetime | None]) -> Floats:
    return np.array([np.nan if moment is None else mjd_of(moment) for moment in moments])
