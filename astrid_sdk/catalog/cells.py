"""Cells of the sky: small numbers that lie close together where places do.

Rows are kept in the order of their cell, so that a search reads only the blocks of rows whose
cells it touches. A cell is two degrees of declination by half a degree of right ascension; rows
that reach further from their position have cells of their own, by how far they reach.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

NOWHERE = -1
"""The cell of what has no position."""

_HIGH_DEG = 2.0
_WIDE_DEG = 0.5
_STRIPS = 90
_AROUND = 720
_REACHES_DEG = (0.5, 2.0, 8.0, 180.0)
_A_CLASS = _STRIPS * _AROUND
_RIGHT_ANGLE_DEG = 90.0
_HALF_TURN_DEG = 180.0
_MARGIN_DEG = 1e-6  # what rounding may take away

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range of declination and right ascension, with all of a searched place in it.

    Attributes
    ----------
    ra_deg, half_width_deg : float
        The middle, and how far it goes to either side; 180 is all around.
    dec_min_deg, dec_max_deg : float
    """

    ra_deg: float
    half_width_deg: float
    dec_min_deg: float
    dec_max_deg: float

    @classmethod
    def of_cone(cls, ra_deg: float, dec_deg: float, radius_deg: float) -> "Bounds":
        """Return the bounds of a cone."""
        return cls(ra_deg, 0.0, dec_deg, dec_deg).grown(radius_deg)

    def grown(self, reach_deg: float) -> "Bounds":
        """Return bounds that hold everything within `reach_deg` of these."""
        reach = reach_deg + _MARGIN_DEG
        furthest = max(abs(self.dec_min_deg), abs(self.dec_max_deg))
        wider = _HALF_TURN_DEG
        if furthest + reach < _RIGHT_ANGLE_DEG:  # a circle that holds a pole goes all around
            sine = np.sin(np.radians(reach)) / np.cos(np.radians(furthest))
            wider = float(np.degrees(np.arcsin(min(1.0, sine)))) + _MARGIN_DEG
        return Bounds(
            self.ra_deg,
            min(_HALF_TURN_DEG, self.half_width_deg + wider),
            max(-_RIGHT_ANGLE_DEG, self.dec_min_deg - reach),
            min(_RIGHT_ANGLE_DEG, self.dec_max_deg + reach),
        )


@dataclass(frozen=True, slots=True)
class CellRanges:
    """Ranges of cells, both ends included, in order and apart."""

    first: Numbers
    last: Numbers

    def touch(self, lowest: Numbers, highest: Numbers) -> NDArray[np.bool_]:
        """Return which of the spans from `lowest` to `highest` hold a cell of these ranges."""
        place = np.searchsorted(self.last, lowest)
        inside = place < len(self.last)
        return inside & (self.first[np.where(inside, place, 0)] <= highest)


def cells_of(ra_deg: ArrayLike, dec_deg: ArrayLike, reach_deg: ArrayLike) -> NDArray[np.int32]:
    """Return the cell of each position; NaN is `NOWHERE`."""
    ra, dec, reach = (np.asarray(v, float) for v in (ra_deg, dec_deg, reach_deg))
    somewhere = np.isfinite(ra) & np.isfinite(dec)
    kind = np.searchsorted(_REACHES_DEG, np.nan_to_num(reach)).clip(max=len(_REACHES_DEG) - 1)
    cell = kind * _A_CLASS + _strip(np.nan_to_num(dec)) * _AROUND + _meridian(np.nan_to_num(ra))
    return np.where(somewhere, cell, NOWHERE).astype(np.int32)


def cells_in(bounds: Bounds) -> CellRanges:
    """Return the cells of everything that may touch `bounds`, whatever its reach."""
    ranges = [part for kind in range(len(_REACHES_DEG)) for part in _ranges(bounds, kind)]
    first, last = np.array(ranges, np.int64).reshape(-1, 2).T
    return CellRanges(first, last)


def _ranges(bounds: Bounds, kind: int) -> list[tuple[int, int]]:
    wide = bounds.grown(_REACHES_DEG[kind])
    bottom, top = (int(_strip(dec)) for dec in (wide.dec_min_deg, wide.dec_max_deg))
    meridians = _meridians(wide)
    starts = range(
        kind * _A_CLASS + bottom * _AROUND, kind * _A_CLASS + (top + 1) * _AROUND, _AROUND
    )
    return [(start + first, start + last) for start in starts for first, last in meridians]


def _meridians(bounds: Bounds) -> list[tuple[int, int]]:
    """Return the ranges of right ascension, in order: two where they go across RA 0."""
    if bounds.half_width_deg + _WIDE_DEG >= _HALF_TURN_DEG:
        return [(0, _AROUND - 1)]
    west = int(_meridian(bounds.ra_deg - bounds.half_width_deg))
    east = int(_meridian(bounds.ra_deg + bounds.half_width_deg))
    return [(west, east)] if west <= east else [(0, east), (west, _AROUND - 1)]


def _strip(dec_deg: ArrayLike) -> Numbers:
    strips = np.floor((np.asarray(dec_deg) + _RIGHT_ANGLE_DEG) / _HIGH_DEG).astype(np.int64)
    return np.asarray(strips.clip(0, _STRIPS - 1))


def _meridian(ra_deg: ArrayLike) -> Numbers:
    around = np.floor(np.mod(ra_deg, 2 * _HALF_TURN_DEG) / _WIDE_DEG).astype(np.int64)
    return np.asarray(around.clip(0, _AROUND - 1))
