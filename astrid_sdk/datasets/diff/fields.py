"""Where on the sky files lie, in a few words: groups of positions around a centre."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.sky.sphere import angle, normalised, positions, unit_vectors

GROUP_DEG = 1.0
"""Positions this near to one another are told of together."""


@dataclass(frozen=True, slots=True)
class Field:
    """Some positions around a centre.

    Attributes
    ----------
    count : int
    ra_deg, dec_deg : float
        The centre, ICRS degrees.
    radius_deg : float
        To the furthest.
    """

    count: int
    ra_deg: float
    dec_deg: float
    radius_deg: float

    @override
    def __str__(self) -> str:
        noun = "position" if self.count == 1 else "positions"
        if self.count == 1:
            return f"1 {noun} at {self.ra_deg:.4f} {self.dec_deg:+.4f}"
        return (
            f"{self.count:,} {noun} within {self.radius_deg:.2g} deg of "
            f"{self.ra_deg:.4f} {self.dec_deg:+.4f}"
        )


def places(files: Iterable[DatasetFile]) -> list[tuple[float, float]]:
    """Return the positions of the files that have one, ICRS degrees."""
    return [
        (file.ra_deg, file.dec_deg)
        for file in files
        if file.ra_deg is not None and file.dec_deg is not None
    ]


def fields_of(points: Sequence[tuple[float, float]]) -> list[Field]:
    """Return groups of positions, those with most positions first."""
    found: list[Field] = []
    if not points:
        return found
    ra, dec = np.array(points, float).T
    rest = unit_vectors(ra, dec)
    while len(rest):
        near = angle(rest, rest[:1]) <= np.radians(GROUP_DEG)
        found.append(_field(rest[near]))
        rest = rest[~near]
    return sorted(found, key=lambda field: (-field.count, field.ra_deg, field.dec_deg))


def _field(vectors: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Field:
    middle = normalised(vectors.mean(axis=0, keepdims=True))
    (ra,), (dec,) = positions(middle)
    furthest = np.degrees(angle(vectors, middle).max())
    return Field(len(vectors), float(ra), float(dec), float(furthest))
