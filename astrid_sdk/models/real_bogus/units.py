"""What is resampled: samples that share an exposure or a place on the sky are one observation.

Drawing samples one by one would take the many cutouts of one frame for as many tries, and the
uncertainty would come out too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from astrid_sdk.datasets.splits.nearness import UNKNOWN, chains
from astrid_sdk.models.real_bogus.forest import Floats

Numbers = NDArray[np.int64]

LEAST_UNITS = 5
"""Fewer say nothing of how results vary."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Which unit each sample belongs to, and what a unit is.

    Attributes
    ----------
    of_sample : ndarray of int64
        Numbered from 0.
    kind : str
    note : str
        What an uncertainty from these units leaves out; "" where it leaves nothing out.
    """

    of_sample: Numbers
    kind: str
    note: str = ""

    @property
    def count(self) -> int:
        """How many units there are."""
        return int(self.of_sample.max(initial=-1)) + 1

    @classmethod
    def of(
        cls, exposures: Sequence[Sequence[str]], positions: Floats, radius_arcsec: float
    ) -> Self:
        """Return the largest units of which there are enough.

        First those that share neither exposure nor place; where these are too few, exposures;
        then places.

        Parameters
        ----------
        exposures : sequence of sequence of str
            The raw frames of each sample.
        positions : ndarray, shape (samples, 2)
            ICRS degrees.
        radius_arcsec : float
            What is nearer is one place.
        """
        frame = _numbered([tuple(found) for found in exposures])
        place = _places(positions, radius_arcsec)
        apart = _joined(frame, place)
        frames, groups = _count(frame), _count(apart)
        if groups >= LEAST_UNITS:
            return cls(apart, "groups that share neither exposure nor place")
        if frames >= LEAST_UNITS:
            note = (
                f"by exposure and place the samples fall into {groups} only: exposures are drawn, "
                "and what recurs at one place in several of them counts as new each time"
            )
            return cls(frame, "exposures", note)
        note = (
            f"there are too few exposures to draw from ({frames}): places on the sky are drawn, "
            "and how results differ from exposure to exposure is not in the uncertainty"
        )
        return cls(place, "places on the sky", note)


def _numbered(keys: Sequence[tuple[str, ...]]) -> Numbers:
    """Return the number of each key; a sample without a frame stands alone."""
    number: dict[object, int] = {}
    for place, key in enumerate(keys):
        number.setdefault(key or place, len(number))
    return np.array([number[key or place] for place, key in enumerate(keys)], np.int64)


def _places(positions: Floats, radius_arcsec: float) -> Numbers:
    chain = chains(positions, radius_arcsec) if len(positions) else np.zeros(0, np.int64)
    alone = chain == UNKNOWN
    first = int(chain.max(initial=UNKNOWN)) + 1
    chain = np.where(alone, first + np.cumsum(alone) - 1, chain)
    return np.asarray(np.unique(chain, return_inverse=True)[1], np.int64).reshape(-1)


def _joined(first: Numbers, second: Numbers) -> Numbers:
    """Return the groups of samples that are connected by either."""
    count = _count(first)
    ends = (first, count + second)
    size = count + _count(second)
    links = sparse.coo_array((np.ones(len(first), np.int8), ends), shape=(size, size))
    found = connected_components(links, directed=False)[1][first]
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64).reshape(-1)


def _count(numbers: Numbers) -> int:
    return int(numbers.max(initial=-1)) + 1
