"""Places on the sky that people search: a cone, a box in RA and Dec, or a polygon.

Each says of rows whether it touches them: by their footprint where that is known, and by their
position alone where it is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from astrid_sdk.catalog.cells import Bounds
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.footprint import bounding_circle, cone_intersects, separation_deg
from astrid_sdk.sky.regions import box_covers, box_intersects, polygon_covers, polygon_intersects

_RIGHT_ANGLE_DEG = 90.0
_HALF_TURN_DEG = 180.0
_WHOLE_TURN_DEG = 360.0
_LARGE_DEG = 85.0
_MARGIN_DEG = 1e-9  # four micro-arcseconds: a position on the edge is inside

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Region(Protocol):
    """A place that is searched."""

    def bounds(self) -> Bounds:
        """Return a range of declination and right ascension that holds all of it."""

    def middle(self) -> tuple[float, float]:
        """Return a position (ra, dec), degrees, in the middle of it."""

    def is_near(self, ra_deg: Floats, dec_deg: Floats, reach_deg: Floats) -> Bools:
        """Return which of the circles may touch it, cheaply: all that do, and few more."""

    def holds(self, ra_deg: Floats, dec_deg: Floats) -> Bools:
        """Return which positions lie in it, its edge included."""

    def touches(self, footprints: Floats) -> Bools:
        """Return which of the footprints, shape (n, k, 2), share a point with it."""


@dataclass(frozen=True, slots=True)
class Cone(Region):
    """A circle on the sky, ICRS degrees."""

    ra_deg: float
    dec_deg: float
    radius_deg: float

    def __post_init__(self) -> None:
        in_range = abs(self.dec_deg) <= _RIGHT_ANGLE_DEG and self.radius_deg >= 0  # no for NaN
        if not (in_range and -_HALF_TURN_DEG <= self.ra_deg <= _WHOLE_TURN_DEG):
            raise InvalidInputError(
                f"no cone of {self.radius_deg} degrees is at ra_deg={self.ra_deg}, "
                f"dec_deg={self.dec_deg}: give ICRS degrees, ra_deg from -180 to 360, dec_deg from "
                "-90 to 90 and a radius of 0 or more",
                kind="cone",
            )

    @override
    def bounds(self) -> Bounds:
        return Bounds.of_cone(self.ra_deg, self.dec_deg, self.radius_deg)

    @override
    def middle(self) -> tuple[float, float]:
        return self.ra_deg, self.dec_deg

    @override
    def is_near(self, ra_deg: Floats, dec_deg: Floats, reach_deg: Floats) -> Bools:
        apart = separation_deg(ra_deg, dec_deg, self.ra_deg, self.dec_deg)
        return np.asarray(apart <= self.radius_deg + reach_deg + _MARGIN_DEG)

    @override
    def holds(self, ra_deg: Floats, dec_deg: Floats) -> Bools:
        apart = separation_deg(ra_deg, dec_deg, self.ra_deg, self.dec_deg)
        return np.asarray(apart <= self.radius_deg + _MARGIN_DEG)

    @override
    def touches(self, footprints: Floats) -> Bools:
        return cone_intersects(footprints, self.ra_deg, self.dec_deg, self.radius_deg)


@dataclass(frozen=True, slots=True)
class Box(Region):
    """Between two meridians, from west to east, and two parallels."""

    ra_min_deg: float
    ra_max_deg: float
    dec_min_deg: float
    dec_max_deg: float

    def __post_init__(self) -> None:
        self.holds(np.zeros(1), np.zeros(1))  # refuses limits that are none

    @override
    def bounds(self) -> Bounds:
        width = self.ra_max_deg - self.ra_min_deg
        half = _HALF_TURN_DEG if width >= 2 * _HALF_TURN_DEG else (width % 360.0) / 2
        return Bounds(self.ra_min_deg + half, half, self.dec_min_deg, self.dec_max_deg)

    @override
    def middle(self) -> tuple[float, float]:
        return self.bounds().ra_deg, (self.dec_min_deg + self.dec_max_deg) / 2

    @override
    def is_near(self, ra_deg: Floats, dec_deg: Floats, reach_deg: Floats) -> Bools:
        reach = reach_deg + _MARGIN_DEG
        in_dec = (dec_deg >= self.dec_min_deg - reach) & (dec_deg <= self.dec_max_deg + reach)
        return np.asarray(in_dec & self._is_near_in_ra(ra_deg, dec_deg, reach))

    def _is_near_in_ra(self, ra_deg: Floats, dec_deg: Floats, reach_deg: Floats) -> Bools:
        """Return which circles come to the right ascensions; one that holds a pole has all."""
        bounds = self.bounds()
        apart = np.abs(np.remainder(ra_deg - bounds.ra_deg + 180.0, 360.0) - 180.0)
        has_pole = np.abs(dec_deg) + reach_deg >= _RIGHT_ANGLE_DEG - _MARGIN_DEG
        sine = np.sin(np.radians(reach_deg)) / np.cos(np.radians(dec_deg))
        wide = np.degrees(np.arcsin(np.clip(np.where(has_pole, 1.0, sine), 0.0, 1.0)))
        return np.asarray(has_pole | (apart <= bounds.half_width_deg + wide + _MARGIN_DEG))

    @override
    def holds(self, ra_deg: Floats, dec_deg: Floats) -> Bools:
        limits = (self.ra_min_deg, self.ra_max_deg, self.dec_min_deg, self.dec_max_deg)
        return box_covers(limits, ra_deg, dec_deg)

    @override
    def touches(self, footprints: Floats) -> Bools:
        limits = (self.ra_min_deg, self.ra_max_deg, self.dec_min_deg, self.dec_max_deg)
        return box_intersects(footprints, *limits)


@dataclass(frozen=True, slots=True)
class Polygon(Region):
    """Corners (ra, dec), degrees, in order around a place smaller than a hemisphere."""

    corners: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, corners: Sequence[Sequence[float]]) -> "Polygon":
        """Return the polygon with these corners.

        Raises
        ------
        InvalidInputError
            They enclose no place; see `astrid_sdk.sky.regions.polygon_intersects`.
        """
        try:
            pairs = tuple((float(ra), float(dec)) for ra, dec in corners)
        except (TypeError, ValueError):
            raise InvalidInputError(
                f"a polygon is a list of (ra_deg, dec_deg) corners, not {corners!r}", kind="polygon"
            ) from None
        polygon = cls(pairs)
        polygon.holds(np.zeros(1), np.zeros(1))  # refuses corners that enclose nothing
        return polygon

    @override
    def bounds(self) -> Bounds:
        return self._circle().bounds()

    @override
    def middle(self) -> tuple[float, float]:
        return self._circle().middle()

    @override
    def is_near(self, ra_deg: Floats, dec_deg: Floats, reach_deg: Floats) -> Bools:
        return self._circle().is_near(ra_deg, dec_deg, reach_deg)

    @override
    def holds(self, ra_deg: Floats, dec_deg: Floats) -> Bools:
        return polygon_covers(self.corners, ra_deg, dec_deg)

    @override
    def touches(self, footprints: Floats) -> Bools:
        return polygon_intersects(footprints, self.corners)

    def _circle(self) -> Cone:
        """Return a cone that holds the polygon: no edge leaves a circle smaller than half a sky."""
        ra_deg, dec_deg, radius_deg = bounding_circle(self.corners)
        is_small = radius_deg < _LARGE_DEG
        return Cone(ra_deg, dec_deg, radius_deg + _MARGIN_DEG if is_small else _HALF_TURN_DEG)
