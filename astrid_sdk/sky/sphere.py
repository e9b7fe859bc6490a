"""Unit vectors and great circles: spherical geometry without a seam at RA 0 or at the poles.

Polygons are corners in order around them, shape (..., k, 3), joined by great circles shorter than
half a turn. Functions broadcast over the leading axes.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TOUCH_RAD = 1e-12  # a point on an edge is inside
TURN_DEG = 360.0


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> Floats:
    """Return unit vectors, shape (..., 3), of positions in degrees."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    parts = np.broadcast_arrays(np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec))
    return np.stack(parts, axis=-1)


def corner_vectors(corners: ArrayLike) -> Floats:
    """Return unit vectors of corners (ra, dec) in degrees, shape (..., k, 2)."""
    degrees = np.asarray(corners, dtype=np.float64)
    return unit_vectors(degrees[..., 0], degrees[..., 1])


def positions(vectors: Floats) -> tuple[Floats, Floats]:
    """Return (ra, dec) in degrees, ra in [0, 360), of vectors of shape (..., 3)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    ra = np.degrees(np.arctan2(y, x)) % TURN_DEG
    return np.where(ra >= TURN_DEG, 0.0, ra), np.degrees(np.arctan2(z, np.hypot(x, y)))


def angle(a: Floats, b: Floats) -> Floats:
    """Return the angle between vectors, radians.

    By atan2 of cross and dot product, which loses no digits at small or at large angles.
    """
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.asarray(np.arctan2(cross, (a * b).sum(axis=-1)))


def normalised(vectors: Floats) -> Floats:
    """Return the directions of `vectors`; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length == 0, 1.0, length))


def centre(corners: Floats) -> Floats:
    """Return the mean direction of corners, shape (..., 1, 3)."""
    return normalised(corners.mean(axis=-2, keepdims=True))


def edge_normals(corners: Floats) -> Floats:
    """Return the inward unit normals of the edges of convex polygons, shape (..., k, 3)."""
    normals = normalised(np.cross(corners, np.roll(corners, -1, axis=-2)))
    turn = np.sign((normals * centre(corners)).sum(axis=-1).sum(axis=-1))
    return np.asarray(normals * turn[..., np.newaxis, np.newaxis])


def inside_convex(corners: Floats, points: Floats) -> Bools:
    """Return (..., n) whether points of shape (..., n, 3) are inside all edges."""
    heights = points @ np.swapaxes(edge_normals(corners), -1, -2)
    return np.asarray((heights >= -TOUCH_RAD).all(axis=-1))


def edge_distance(corners: Floats, point: Floats) -> Floats:
    """Return the angle, radians, of a point, shape (..., 1, 3), to each edge, shape (..., k)."""
    following = np.roll(corners, -1, axis=-2)
    normals = normalised(np.cross(corners, following))
    height = np.abs(np.arcsin(np.clip((normals * point).sum(axis=-1), -1.0, 1.0)))
    before = (np.cross(normals, corners) * point).sum(axis=-1)
    beyond = (np.cross(following, normals) * point).sum(axis=-1)
    to_ends = np.minimum(angle(corners, point), angle(following, point))
    return np.where((before >= 0) & (beyond >= 0), height, to_ends)


def arcs_cross(a: Floats, b: Floats, c: Floats, d: Floats) -> Bools:
    """Return whether the arcs ab and cd cross at a point inside both.

    Four triple products of one sign, as in Google's S2 library; the antipodes of a crossing are
    told apart.
    """
    ab, cd = np.cross(a, b), np.cross(c, d)
    acb, bda = -(ab * c).sum(axis=-1), (ab * d).sum(axis=-1)
    cbd, dac = -(cd * b).sum(axis=-1), (cd * a).sum(axis=-1)
    return np.asarray((acb * bda > 0) & (acb * cbd > 0) & (acb * dac > 0))


def in_order(corners: Floats) -> Floats:
    """Return the corners counter-clockwise as seen from outside the sphere."""
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    return corners if (normals * centre(corners)).sum() > 0 else corners[::-1]


def clipped(corners: Floats, normals: Floats) -> Floats:
    """Return the polygon cut down to the inner side of each great circle (Sutherland-Hodgman)."""
    for normal in normals:
        kept: list[Floats] = []
        for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            h, t = float(here @ normal), float(there @ normal)
            if h >= 0:
                kept.append(here)
            if h * t < 0:
                kept.append(normalised(np.abs(t) * here + np.abs(h) * there))
        if not kept:
            return np.zeros((0, 3))
        corners = np.array(kept)
    return corners


def area(corners: Floats) -> float:
    """Return the solid angle of a convex polygon, steradian, as a fan of triangles.

    Van Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30, 125; good for the smallest images.
    """
    total = 0.0
    for second, third in pairwise(corners[1:]):
        first = corners[0]
        volume = float(first @ np.cross(second - first, third - first))
        total += 2 * np.arctan2(volume, 1 + first @ second + second @ third + third @ first)
    return abs(float(total))
