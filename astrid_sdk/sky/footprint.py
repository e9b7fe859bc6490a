"""Where an image lies on the sky: unit vectors and great circles, right at RA 0 and at the poles.

A footprint is a convex polygon with great-circle edges: its corners (ra, dec) in degrees, ICRS,
in order around it. Functions take one footprint, shape (k, 2), or many, shape (..., k, 2), and
broadcast. Footprints must fit in a hemisphere; those of images do.
"""

from itertools import pairwise
from typing import cast

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Corners = tuple[tuple[float, float], ...]

_INSIDE_RAD = 1e-12  # a point on an edge is inside
_MAX_RADIUS_DEG = 80.0
_THINNEST = 1e-6  # area over squared radius; 0.005 for a strip of 10 x 4000 pixels
_TURN_DEG = 360.0


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> Floats:
    """Return unit vectors, shape (..., 3), of positions in degrees."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    parts = np.broadcast_arrays(np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec))
    return np.stack(parts, axis=-1)


def positions(vectors: Floats) -> tuple[Floats, Floats]:
    """Return (ra, dec) in degrees, ra in [0, 360), of vectors of shape (..., 3)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    ra = np.degrees(np.arctan2(y, x)) % _TURN_DEG
    return np.where(ra >= _TURN_DEG, 0.0, ra), np.degrees(np.arctan2(z, np.hypot(x, y)))


def separation_deg(
    ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike
) -> Floats:
    """Return the angle between positions, degrees, exact from 0 to 180.

    By atan2 of cross and dot product, which loses no digits at small or at large angles.
    """
    return np.degrees(_angle(unit_vectors(ra1_deg, dec1_deg), unit_vectors(ra2_deg, dec2_deg)))


def pixel_to_icrs(wcs: WCS, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return (ra, dec) in degrees, ICRS, of 0-based pixel positions, whatever frame `wcs` is in.

    NaN where the projection has no inverse.
    """
    sky = wcs.pixel_to_world(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    icrs = cast("SkyCoord", sky).icrs
    return np.asarray(icrs.ra.deg, dtype=float), np.asarray(icrs.dec.deg, dtype=float)


def footprint_of(wcs: WCS, shape: tuple[int, int]) -> Corners | None:
    """Return the outer corners of the corner pixels of an image, or None where `wcs` is unsound.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial.
    shape : tuple of int
        (ny, nx).
    """
    ny, nx = shape
    x = np.array([-0.5, nx - 0.5, nx - 0.5, -0.5])
    y = np.array([-0.5, -0.5, ny - 0.5, ny - 0.5])
    try:
        ra, dec = pixel_to_icrs(wcs, x, y)
    except (ValueError, TypeError, AttributeError):  # a singular matrix, or an unknown frame
        return None
    corners = tuple((float(a), float(d)) for a, d in zip(ra, dec, strict=True))
    return corners if np.isfinite(corners).all() and _is_sound(corners) else None


def bounding_circle(footprint: ArrayLike) -> tuple[float, float, float]:
    """Return centre and radius (ra, dec, radius), degrees, of a circle around one footprint.

    The centre is the mean of the corners, on the sphere.
    """
    corners = _vectors(footprint)
    centre = _centre(corners)
    radius = float(np.degrees(_angle(centre, corners).max()))
    ra, dec = positions(centre)
    return float(ra[0]), float(dec[0]), radius


def covers(footprint: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Bools:
    """Return whether each position lies in the footprint; on an edge counts as in."""
    corners = _vectors(footprint)
    point = unit_vectors(ra_deg, dec_deg)[..., np.newaxis, :]
    return _inside(corners, point)[..., 0]


def cone_intersects(
    footprint: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike, radius_deg: ArrayLike
) -> Bools:
    """Return whether each cone around a position touches the footprint."""
    corners = _vectors(footprint)
    point = unit_vectors(ra_deg, dec_deg)[..., np.newaxis, :]
    reach = np.degrees(_edge_distance(corners, point).min(axis=-1))
    near = reach <= np.asarray(radius_deg) + np.degrees(_INSIDE_RAD)
    return np.asarray(near | _inside(corners, point)[..., 0])


def overlaps(footprint_a: ArrayLike, footprint_b: ArrayLike) -> Bools:
    """Return whether footprints share any point; touching counts.

    Two convex polygons in one hemisphere are apart exactly if an edge of one has the other
    wholly outside (separating axis theorem); those further apart are told by their circles.
    """
    a, b = _vectors(footprint_a), _vectors(footprint_b)
    centre_a, centre_b = _centre(a), _centre(b)
    reach = _angle(centre_a, a).max(axis=-1) + _angle(centre_b, b).max(axis=-1)
    near = _angle(centre_a, centre_b)[..., 0] <= reach + _INSIDE_RAD
    apart = _an_edge_separates(a, b) | _an_edge_separates(b, a)
    return np.asarray(near & ~apart)


def overlap_fraction(footprint_a: ArrayLike, footprint_b: ArrayLike) -> float:
    """Return how much of footprint a lies in footprint b, 0 to 1."""
    a, b = _vectors(footprint_a), _vectors(footprint_b)
    if not overlaps(footprint_a, footprint_b):
        return 0.0
    return min(1.0, _area(_clipped(_in_order(a), _edge_normals(b))) / _area(_in_order(a)))


def _is_sound(corners: Corners) -> bool:
    """Return whether the corners enclose an area: those of a singular WCS lie on one line."""
    radius_deg = bounding_circle(corners)[2]
    area = _area(_vectors(corners))
    return bool(radius_deg < _MAX_RADIUS_DEG and area > _THINNEST * np.radians(radius_deg) ** 2)


def _vectors(footprint: ArrayLike) -> Floats:
    corners = np.asarray(footprint, dtype=np.float64)
    return unit_vectors(corners[..., 0], corners[..., 1])


def _angle(a: Floats, b: Floats) -> Floats:
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.asarray(np.arctan2(cross, (a * b).sum(axis=-1)))


def _normalised(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length == 0, 1.0, length))


def _centre(corners: Floats) -> Floats:
    """Return the mean direction of corners, shape (..., 1, 3)."""
    return _normalised(corners.mean(axis=-2, keepdims=True))


def _edge_normals(corners: Floats) -> Floats:
    """Return the inward unit normals of the edges, shape (..., k, 3)."""
    normals = _normalised(np.cross(corners, np.roll(corners, -1, axis=-2)))
    turn = np.sign((normals * _centre(corners)).sum(axis=-1).sum(axis=-1))
    return np.asarray(normals * turn[..., np.newaxis, np.newaxis])


def _inside(corners: Floats, points: Floats) -> Bools:
    """Return (..., n) whether points of shape (..., n, 3) are inside all edges."""
    heights = points @ np.swapaxes(_edge_normals(corners), -1, -2)
    return np.asarray((heights >= -_INSIDE_RAD).all(axis=-1))


def _an_edge_separates(a: Floats, b: Floats) -> Bools:
    heights = b @ np.swapaxes(_edge_normals(a), -1, -2)
    return np.asarray((heights < -_INSIDE_RAD).all(axis=-2).any(axis=-1))


def _edge_distance(corners: Floats, point: Floats) -> Floats:
    """Return the angle, radians, of a point, shape (..., 1, 3), to each edge, shape (..., k)."""
    following = np.roll(corners, -1, axis=-2)
    normals = _normalised(np.cross(corners, following))
    height = np.abs(np.arcsin(np.clip((normals * point).sum(axis=-1), -1.0, 1.0)))
    before = (np.cross(normals, corners) * point).sum(axis=-1)
    beyond = (np.cross(following, normals) * point).sum(axis=-1)
    to_ends = np.minimum(_angle(corners, point), _angle(following, point))
    return np.where((before >= 0) & (beyond >= 0), height, to_ends)


def _in_order(corners: Floats) -> Floats:
    """Return the corners counter-clockwise as seen from outside the sphere."""
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    return corners if (normals * _centre(corners)).sum() > 0 else corners[::-1]


def _clipped(corners: Floats, normals: Floats) -> Floats:
    """Return the polygon cut down to the inner side of each great circle (Sutherland-Hodgman)."""
    for normal in normals:
        kept: list[Floats] = []
        for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            h, t = float(here @ normal), float(there @ normal)
            if h >= 0:
                kept.append(here)
            if h * t < 0:
                kept.append(_normalised(np.abs(t) * here + np.abs(h) * there))
        if not kept:
            return np.zeros((0, 3))
        corners = np.array(kept)
    return corners


def _area(corners: Floats) -> float:
    """Return the solid angle of a convex polygon, steradian, as a fan of triangles.

    Van Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30, 125; good for the smallest images.
    """
    total = 0.0
    for second, third in pairwise(corners[1:]):
        first = corners[0]
        volume = float(first @ np.cross(second - first, third - first))
        total += 2 * np.arctan2(volume, 1 + first @ second + second @ third + third @ first)
    return abs(float(total))
