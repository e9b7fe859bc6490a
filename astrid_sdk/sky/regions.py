"""Areas of the sky that people ask for: polygons, convex or not, and boxes in RA and Dec.

The edges of a polygon are great circles; it must fit in less than a hemisphere and must not cross
itself. The sides of a box are meridians and parallels, so that it holds every position between its
limits; it may wrap around RA 0, reach the poles and go all around. Edges belong to the area.

Two areas meet exactly if an edge of one crosses an edge of the other, or a corner of one lies in
the other. That is what is asked here, of all footprints at once; where there is no position (NaN),
the answer is no.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky import sphere
from astrid_sdk.sky.sphere import TOUCH_RAD, TURN_DEG, Bools, Floats, unit_vectors

_LEAST_CORNERS = 3
_POLE_DEG = 90.0
_TOUCH_DEG = float(np.degrees(TOUCH_RAD)) * 10  # of an angle that went through a sine
_LEAST_COSINE = 1e-3  # of corner to centre: just short of a hemisphere
_CENTRE_STEPS = 2000
_CHUNK = 2**14  # footprints looked at together: bounds the memory


def polygon_intersects(footprints: ArrayLike, polygon: ArrayLike) -> Bools:
    """Return whether each footprint shares a point with a polygon; touching counts.

    Parameters
    ----------
    footprints : array_like, shape (..., k, 2)
        Corners (ra, dec), degrees, of convex footprints.
    polygon : array_like, shape (m, 2)
        Corners (ra, dec), degrees, in order around it, either way; the first may be repeated at
        the end. It may have dents.

    Raises
    ------
    InvalidInputError
        Kind ``polygon``: fewer than three corners, no positions, a hemisphere or more, or edges
        that cross each other.
    """
    area = _Polygon.of(polygon)
    return _in_chunks(area.meets, footprints)


def polygon_covers(polygon: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Bools:
    """Return whether each position lies in a polygon, convex or not; on an edge counts as in.

    Raises
    ------
    InvalidInputError
        As `polygon_intersects`.
    """
    area, points = _Polygon.of(polygon), unit_vectors(ra_deg, dec_deg)
    return area.holds(points.reshape(-1, 3)).reshape(points.shape[:-1])


def box_intersects(
    footprints: ArrayLike,
    ra_min_deg: float,
    ra_max_deg: float,
    dec_min_deg: float,
    dec_max_deg: float,
) -> Bools:
    """Return whether each footprint shares a point with a box; touching counts.

    Parameters
    ----------
    footprints : array_like, shape (..., k, 2)
        Corners (ra, dec), degrees, of convex footprints.
    ra_min_deg, ra_max_deg : float
        From west to east: 350 to 10 is the 20 degrees around 0, and so is -10 to 10. A whole turn
        or more is every right ascension.
    dec_min_deg, dec_max_deg : float
        Up to the poles. The sides are parallels, not great circles.

    Raises
    ------
    InvalidInputError
        Kind ``box``: a limit is not finite, or the declinations are beyond a pole or swapped.
    """
    return _in_chunks(_Box.of(ra_min_deg, ra_max_deg, dec_min_deg, dec_max_deg).meets, footprints)


def box_covers(
    box: tuple[float, float, float, float], ra_deg: ArrayLike, dec_deg: ArrayLike
) -> Bools:
    """Return whether each position lies in a box (ra_min, ra_max, dec_min, dec_max), degrees.

    Raises
    ------
    InvalidInputError
        As `box_intersects`.
    """
    return _Box.of(*box).holds(np.asarray(ra_deg, float), np.asarray(dec_deg, float))


def _in_chunks(meets: Callable[[Floats], Bools], footprints: ArrayLike) -> Bools:
    """Return what `meets` says of each footprint, looking at a bounded number at a time."""
    corners = np.asarray(footprints, dtype=np.float64)
    flat = corners.reshape(-1, *corners.shape[-2:])
    parts = [meets(flat[i : i + _CHUNK]) for i in range(0, len(flat), _CHUNK)]
    found = np.concatenate(parts) if parts else np.zeros(0, dtype=np.bool_)
    return found.reshape(corners.shape[:-2])


@dataclass(frozen=True, slots=True, eq=False)
class _Polygon:
    """A checked polygon, and a direction from which all of it lies in front.

    Attributes
    ----------
    corners : ndarray, shape (m, 3)
    centre : ndarray, shape (3,)
    radius_rad : float
        From the centre to the furthest corner.
    """

    corners: Floats
    centre: Floats
    radius_rad: float

    @classmethod
    def of(cls, polygon: ArrayLike) -> "_Polygon":
        corners = _checked_corners(polygon)
        middle = _centre_in_front_of(corners)
        if _crosses_itself(corners):
            raise _no_polygon("two of its edges cross: give the corners in order around it")
        return cls(corners, middle, float(sphere.angle(middle, corners).max()))

    def meets(self, footprints: Floats) -> Bools:
        """Return (n,) whether footprints, (n, k, 2) in degrees, share a point with it."""
        found = np.zeros(len(footprints), dtype=np.bool_)
        vectors = sphere.corner_vectors(footprints)
        middles = sphere.centre(vectors)
        reach = sphere.angle(middles, vectors).max(axis=-1) + self.radius_rad
        near = np.flatnonzero(sphere.angle(middles[:, 0], self.centre) <= reach + TOUCH_RAD)
        found[near] = self._meets(vectors[near])
        return found

    def _meets(self, vectors: Floats) -> Bools:
        held = self.holds(vectors.reshape(-1, 3)).reshape(vectors.shape[:-1]).any(axis=-1)
        holding = sphere.inside_convex(vectors, self.corners).any(axis=-1)
        return np.asarray(held | holding | _an_edge_crosses(vectors, self.corners))

    def holds(self, points: Floats) -> Bools:
        """Return (n,) whether points, (n, 3), are in it: by winding number, on an edge by distance.

        Seen from the centre (gnomonic), great circles are straight lines. The planar test is
        written in homogeneous coordinates, which are the vectors themselves.
        """
        found = np.zeros(len(points), dtype=np.bool_)
        front = np.flatnonzero(points @ self.centre > 0)
        seen = points[front]
        found[front] = _winding(self.corners @ self._plane(), seen @ self._plane()) != 0
        normals = np.cross(self.corners, np.roll(self.corners, -1, axis=0))
        close = front[(np.abs(seen @ normals.T) <= 2 * TOUCH_RAD).any(axis=-1)]
        distance = sphere.edge_distance(self.corners, points[close, np.newaxis, :])
        found[close] |= distance.min(axis=-1, initial=np.inf) <= TOUCH_RAD
        return found

    def _plane(self) -> Floats:
        """Return a rotation, (3, 3): its columns are two directions across and the centre."""
        pole = np.eye(3)[np.abs(self.centre).argmin()]
        across = sphere.normalised(np.cross(pole, self.centre))
        return np.stack([across, np.cross(self.centre, across), self.centre], axis=-1)


def _winding(corners: Floats, points: Floats) -> Floats:
    """Return how often a polygon winds around each point; all vectors have z > 0.

    Sunday 2001, "Inclusion of a point in a polygon": edges that pass the point's height upward on
    its right count one, downward minus one.
    """
    following = np.roll(corners, -1, axis=0)
    left = points @ np.cross(corners, following).T
    height = np.outer(points[:, 2], corners[:, 1]) - np.outer(points[:, 1], corners[:, 2])
    after = np.roll(height, -1, axis=-1)
    upward = (height <= 0) & (after > 0) & (left > 0)
    downward = (height > 0) & (after <= 0) & (left < 0)
    return np.asarray(upward.sum(axis=-1) - downward.sum(axis=-1), dtype=np.float64)


def _no_polygon(reason: str) -> InvalidInputError:
    return InvalidInputError(f"this is no polygon on the sky: {reason}", kind="polygon")


def _checked_corners(polygon: ArrayLike) -> Floats:
    try:
        degrees = np.asarray(polygon, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _no_polygon("give pairs (ra, dec) in degrees") from error
    if degrees.ndim != 2 or degrees.shape[1] != 2:  # noqa: PLR2004 - rows of pairs
        raise _no_polygon("give pairs (ra, dec) in degrees")
    if not np.isfinite(degrees).all() or (np.abs(degrees[:, 1]) > _POLE_DEG).any():
        raise _no_polygon("a corner is not on the sky: declinations lie within -90 and 90")
    corners = sphere.corner_vectors(degrees)
    corners = corners[sphere.angle(corners, np.roll(corners, -1, axis=0)) > TOUCH_RAD]
    if len(corners) < _LEAST_CORNERS:
        raise _no_polygon("it needs three different corners or more")
    return corners


def _centre_in_front_of(corners: Floats) -> Floats:
    """Return a direction within less than 90 degrees of all corners.

    From the mean, towards the furthest corner by ever smaller steps (Badoiu & Clarkson 2003), which
    ends at the centre of the smallest circle around them.
    """
    middle = corners.mean(axis=0)
    for step in range(_CENTRE_STEPS):
        direction = sphere.normalised(middle)
        cosines = corners @ direction
        furthest = int(cosines.argmin())
        if cosines[furthest] > _LEAST_COSINE:
            return direction
        middle = middle + (corners[furthest] - middle) / (step + 2)
    raise _no_polygon("it spans a hemisphere or more: cut it into smaller ones")


def _crosses_itself(corners: Floats) -> bool:
    """Return whether edges cross that are no neighbours; those share a corner."""
    following = np.roll(corners, -1, axis=0)
    pairs = sphere.arcs_cross(corners[:, np.newaxis], following[:, np.newaxis], corners, following)
    place = np.arange(len(corners))
    apart = (place[:, np.newaxis] - place) % len(corners)
    return bool((pairs & (apart > 1) & (apart < len(corners) - 1)).any())


def _an_edge_crosses(footprints: Floats, corners: Floats) -> Bools:
    """Return (n,) whether edges of footprints, (n, k, 3), cross those of one polygon, (m, 3)."""
    a, b = footprints, np.roll(footprints, -1, axis=-2)
    found = np.zeros(len(footprints), dtype=np.bool_)
    for c, d in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        found |= sphere.arcs_cross(a, b, c, d).any(axis=-1)
    return found


@dataclass(frozen=True, slots=True)
class _Box:
    """A checked box: where it starts in RA, how far it goes east, and its declinations, degrees."""

    ra_deg: float
    width_deg: float
    dec_min_deg: float
    dec_max_deg: float

    @classmethod
    def of(cls, ra_min: float, ra_max: float, dec_min: float, dec_max: float) -> "_Box":
        if not np.isfinite([ra_min, ra_max, dec_min, dec_max]).all():
            raise _no_box("its four limits are numbers, in degrees")
        if not -_POLE_DEG <= dec_min <= dec_max <= _POLE_DEG:
            raise _no_box("its declinations go from the lower to the higher, within -90 and 90")
        full = ra_max - ra_min >= TURN_DEG
        return cls(ra_min, TURN_DEG if full else (ra_max - ra_min) % TURN_DEG, dec_min, dec_max)

    @property
    def is_all_around(self) -> bool:
        return self.width_deg >= TURN_DEG

    def holds(self, ra_deg: Floats, dec_deg: Floats) -> Bools:
        """Return whether positions lie in it. At a pole every right ascension is the same."""
        inside = (dec_deg >= self.dec_min_deg - _TOUCH_DEG) & (
            dec_deg <= self.dec_max_deg + _TOUCH_DEG
        )
        east = (ra_deg - self.ra_deg + _TOUCH_DEG) % TURN_DEG
        at_pole = np.abs(dec_deg) >= _POLE_DEG - _TOUCH_DEG
        return np.asarray(inside & ((east <= self.width_deg + 2 * _TOUCH_DEG) | at_pole))

    def meets(self, footprints: Floats) -> Bools:
        """Return (n,) whether footprints, (n, k, 2) in degrees, share a point with it."""
        found = np.zeros(len(footprints), dtype=np.bool_)
        vectors = sphere.corner_vectors(footprints)
        middles = sphere.centre(vectors)
        reach_deg = np.degrees(sphere.angle(middles, vectors).max(axis=-1)) + _TOUCH_DEG
        dec_deg = sphere.positions(middles[:, 0])[1]
        near = np.flatnonzero(
            (dec_deg + reach_deg >= self.dec_min_deg) & (dec_deg - reach_deg <= self.dec_max_deg)
        )
        found[near] = self._meets(footprints[near], vectors[near])
        return found

    def _meets(self, degrees: Floats, vectors: Floats) -> Bools:
        held = self.holds(degrees[..., 0], degrees[..., 1]).any(axis=-1)
        holding = sphere.inside_convex(vectors, self._corners()).any(axis=-1)
        crossing = self._meridian_crosses(vectors) | self._parallel_crosses(vectors)
        return np.asarray(held | holding | crossing)

    def _corners(self) -> Floats:
        ends = [(ra, dec) for ra in self._meridians() for dec in self._parallels()]
        return sphere.corner_vectors(ends)

    def _meridians(self) -> tuple[float, ...]:
        return (self.ra_deg, self.ra_deg + self.width_deg)

    def _parallels(self) -> tuple[float, ...]:
        return (self.dec_min_deg, self.dec_max_deg)

    def _meridian_crosses(self, vectors: Floats) -> Bools:
        """Return (n,) whether an edge crosses the western or eastern side, in two arcs each."""
        found = np.zeros(len(vectors), dtype=np.bool_)
        if self.is_all_around:
            return found
        following = np.roll(vectors, -1, axis=-2)
        middle_deg = (self.dec_min_deg + self.dec_max_deg) / 2
        for ra in self._meridians():
            for dec in self._parallels():
                c, d = unit_vectors(ra, dec), unit_vectors(ra, middle_deg)
                found |= sphere.arcs_cross(vectors, following, c, d).any(axis=-1)
        return found | self._passes_middle(vectors, middle_deg)

    def _passes_middle(self, vectors: Floats, middle_deg: float) -> Bools:
        """Return (n,) whether the points where the side was cut lie in the footprint."""
        cuts = sphere.corner_vectors([(ra, middle_deg) for ra in self._meridians()])
        return np.asarray(sphere.inside_convex(vectors, cuts).any(axis=-1))

    def _parallel_crosses(self, vectors: Floats) -> Bools:
        """Return (n,) whether an edge crosses the northern or southern side."""
        normals = sphere.normalised(np.cross(vectors, np.roll(vectors, -1, axis=-2)))
        found = np.zeros(len(vectors), dtype=np.bool_)
        for dec in self._parallels():
            for point in _at_declination(normals, dec):
                ra, _ = sphere.positions(point)
                on_side = self.holds(ra, np.full(ra.shape, dec)) & _is_on_edge(
                    vectors, normals, point
                )
                found |= on_side.any(axis=-1)
        return found


def _no_box(reason: str) -> InvalidInputError:
    return InvalidInputError(f"this is no box on the sky: {reason}", kind="box")


def _at_declination(normals: Floats, dec_deg: float) -> tuple[Floats, Floats]:
    """Return the two points of great circles at a declination, NaN where they do not reach it."""
    lean = np.hypot(normals[..., 0], normals[..., 1])[..., np.newaxis]
    pole = np.array([0.0, 0.0, 1.0])
    with np.errstate(invalid="ignore", divide="ignore"):
        # Of the circle: its highest point, the point a quarter turn on, and how far to go between.
        top = (pole - normals[..., 2:] * normals) / lean
        side = np.cross(normals, top)
        cosine = np.sin(np.radians(dec_deg)) / lean
        sine = np.sqrt(1.0 - cosine**2)
        return cosine * top + sine * side, cosine * top - sine * side


def _is_on_edge(corners: Floats, normals: Floats, points: Floats) -> Bools:
    """Return (n, k) whether points of the edges' great circles lie between their ends."""
    following = np.roll(corners, -1, axis=-2)
    before = (np.cross(corners, points) * normals).sum(axis=-1)
    beyond = (np.cross(points, following) * normals).sum(axis=-1)
    return np.asarray((before >= -TOUCH_RAD) & (beyond >= -TOUCH_RAD))
