"""Pairs as arrays, and which reference of a science frame is better than another."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.catalog.pairs.frames import Frames
from astrid_sdk.catalog.pairs.neighbours import Places
from astrid_sdk.sky.sphere import Bools, Floats

Numbers = NDArray[np.int64]

_ALIKE = 20.0  # overlaps that round to one twentieth are equally good
_OVERLAP_BIT = 32
_CONTAMINATED_BIT = 40


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

    @classmethod
    def joined(cls, parts: "Sequence[FoundPairs]") -> "FoundPairs":
        """Return the pairs of all `parts` together, science frames in order."""
        kinds = (np.intp, np.intp, np.float64, np.float64, np.bool_, np.bool_, np.intp)
        columns = [
            np.concatenate([np.zeros(0, kind), *(getattr(part, column.name) for part in parts)])
            for column, kind in zip(fields(cls), kinds, strict=True)
        ]
        made = cls(*columns)
        return made.take(np.lexsort([made.rank, made.science]))

    def best(self, references: Frames, most: int | None) -> "FoundPairs":
        """Return the pairs ranked, and no more than `most` of each science frame."""
        j = self.reference
        depth, seeing = _quality(references)
        keys = (j, -np.abs(self.gap_days), depth[j], seeing[j], _lacks(self.overlap))
        ordered = self.take(np.lexsort([*keys, self.contaminated, self.science]))
        _, first, counts = np.unique(ordered.science, return_index=True, return_counts=True)
        ordered.rank[:] = np.arange(len(ordered)) - np.repeat(first, counts) + 1
        return ordered if most is None else ordered.take(ordered.rank <= most)


class Standing:
    """How good references are in themselves: by seeing, exposure, and distance in time.

    Parameters
    ----------
    references : Frames
    """

    def __init__(self, references: Frames) -> None:
        quality, start = _quality(references), references.start
        self._earlier, self._later = (
            np.argsort(np.lexsort([away, *quality])) for away in (start, -start)
        )

    def worth(self, j: Places, gap_days: Floats, overlap: Floats, contaminated: Bools) -> Numbers:
        """Return a number per pair that is less for the better reference of a science frame.

        It can be compared among references that are all earlier than the science frame, or all
        later: of those the earliest, or the latest, is the furthest away from any such frame.
        """
        standing = np.where(gap_days > 0, self._earlier[j], self._later[j])
        lacks = _lacks(overlap).astype(np.int64) << _OVERLAP_BIT
        return np.asarray((contaminated.astype(np.int64) << _CONTAMINATED_BIT) | lacks | standing)


def _lacks(overlap: Floats) -> Floats:
    """Return by how many steps an overlap falls short of all; more than all counts as all."""
    return np.asarray(_ALIKE - np.round(np.minimum(overlap, 1.0) * _ALIKE))


def _quality(references: Frames) -> tuple[Floats, Floats]:
    """Return numbers that are less for a longer exposure, and for a better seeing."""
    return -np.nan_to_num(references.depth), np.nan_to_num(references.seeing, nan=np.inf)
