"""How much of one footprint lies in another, for very many pairs of them at once.

Corners are unit vectors, shape (n, k, 3), counter-clockwise as seen from outside the sphere; a
polygon of fewer corners repeats its last one. Polygons are convex and within a hemisphere.
"""

import numpy as np

from astrid_sdk.sky.sphere import Bools, Floats, centre, normalised, unit_vectors

_IN_FRONT = 0.05  # cosine: what lies further from the centre has no sound place in its plane
# Edges that lie on each other would be counted twice or never: the second polygon is made smaller
# by an odd hair, which shows in the eighth digit of the answer.
_HAIR = 3.7e-8
_DECIMALS = 6


def stacked_corners(footprints: list[tuple[tuple[float, float], ...]]) -> Floats:
    """Return footprints (corners in ICRS degrees) as one array of corner vectors.

    Parameters
    ----------
    footprints : list of tuple of (ra, dec)
        In order around each, either way round.

    Returns
    -------
    ndarray, shape (n, k, 3)
        As the functions of this module take them; k is the largest number of corners.
    """
    most = max((len(corners) for corners in footprints), default=3)
    filled = [(*corners, *[corners[-1]] * (most - len(corners))) for corners in footprints]
    degrees = np.array(filled, dtype=np.float64).reshape(len(filled), most, 2)
    vectors = unit_vectors(degrees[..., 0], degrees[..., 1])
    turn = (np.cross(vectors, np.roll(vectors, -1, axis=1)) * centre(vectors)).sum(axis=(1, 2))
    return np.asarray(np.where(turn[:, np.newaxis, np.newaxis] < 0, vectors[:, ::-1], vectors))


def areas(corners: Floats) -> Floats:
    """Return the solid angle of each polygon, steradian."""
    plane, _ = _in_plane(corners, centre(corners))
    return np.asarray(_fan(plane, _following(plane)).sum(axis=0))


def shared_fractions(first: Floats, second: Floats) -> Floats:
    """Return how much of each first polygon lies in the second beside it, 0 to 1.

    Both are laid into the plane that touches the sphere in the middle of the first, where great
    circles are straight; the outline of what they share is the parts of each outline that lie in
    the other, and its solid angle the sum of triangles from the middle to these parts (Van Oosterom
    & Strackee 1983, IEEE Trans. Biomed. Eng. 30, 125).

    Returns
    -------
    ndarray, shape (n,)
        To six decimals; NaN where the second reaches round the sphere as seen from the first.
    """
    middle = centre(first)
    a, a_sound = _in_plane(first, middle)
    b, b_sound = _in_plane(second, middle)
    b -= _HAIR * (b - b.mean(axis=1, keepdims=True))
    whole = _fan(a, _following(a)).sum(axis=0)
    shared = _inside_outline(a, b) + _inside_outline(b, a)
    fraction = np.clip(shared / np.where(whole > 0, whole, np.inf), 0.0, 1.0)
    return np.where(a_sound & b_sound, np.round(fraction, _DECIMALS), np.nan)


def reach(corners: Floats, points: Floats, margin_rad: float) -> Bools:
    """Return whether each point, shape (n, 3), lies in its polygon or within a margin of it."""
    edges = normalised(np.cross(corners, np.roll(corners, -1, axis=1)))
    heights = (edges * points[:, np.newaxis]).sum(axis=2)
    return np.asarray((heights >= -np.sin(margin_rad)).all(axis=1))


def circle_fractions(radius_a: Floats, radius_b: Floats, apart: Floats) -> Floats:
    """Return how much of each circle a lies in circle b, in the plane; all lengths alike."""
    d = np.maximum(apart, 1e-15)
    far = np.clip((d**2 + radius_a**2 - radius_b**2) / (2 * d * radius_a), -1.0, 1.0)
    near = np.clip((d**2 + radius_b**2 - radius_a**2) / (2 * d * radius_b), -1.0, 1.0)
    lens = _segment(radius_a, far) + _segment(radius_b, near)
    smaller = np.minimum(radius_a, radius_b)
    within = apart <= np.abs(radius_a - radius_b)
    shared = np.where(within, np.pi * smaller**2, np.where(apart >= radius_a + radius_b, 0, lens))
    return np.asarray(np.round(shared / (np.pi * radius_a**2), _DECIMALS))


def _segment(radius: Floats, cosine: Floats) -> Floats:
    """Return the area between a chord and its arc."""
    half = np.arccos(cosine)
    return np.asarray(radius**2 * (half - cosine * np.sin(half)))


# Below, the pairs are the last axis and the corners the one before: (2, k, n). Few corners and many
# pairs are worked on much faster that way round.


def _in_plane(corners: Floats, middle: Floats) -> tuple[Floats, Bools]:
    """Return (x, y) of corners in the plane touching at `middle`, and whether all lie before it."""
    axis = np.eye(3)[np.argmin(np.abs(middle), axis=-1)]  # the one least along `middle`
    east = normalised(np.cross(axis, middle))
    north = np.cross(middle, east)
    x, y, depth = (_along(corners, side) for side in (east, north, middle))
    sound = np.asarray((depth > _IN_FRONT).all(axis=0))
    return np.stack([x, y]) / np.maximum(depth, _IN_FRONT), sound


def _along(corners: Floats, side: Floats) -> Floats:
    """Return how far corners, (n, k, 3), lie along directions, (n, 1, 3); shape (k, n)."""
    u, v, w = np.ascontiguousarray(corners.T)
    a, b, c = side[:, 0].T
    return np.asarray(u * a + v * b + w * c)


def _following(points: Floats) -> Floats:
    return np.roll(points, -1, axis=1)


def _fan(start: Floats, end: Floats) -> Floats:
    """Return the signed solid angle of the triangles (middle, start, end)."""
    (x, y), (u, v) = start, end
    p, q = np.sqrt(1.0 + x * x + y * y), np.sqrt(1.0 + u * u + v * v)
    return np.asarray(2.0 * np.arctan2(x * v - y * u, p * q + p + q + x * u + y * v + 1.0))


def _inside_outline(a: Floats, b: Floats) -> Floats:
    """Return the solid angle, seen from the middle, of the parts of a's outline that lie in b."""
    step = _following(a) - a
    enter, leave = _stretch(a, step, b)
    ends = _fan(a + step * enter, a + step * leave)
    return np.asarray(np.where(leave > enter, ends, 0.0).sum(axis=0))


def _stretch(a: Floats, step: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return which stretch of each edge of a, as parts of it, is inside all edges of b."""
    enter, leave = np.zeros_like(a[0]), np.ones_like(a[0])
    edges = _following(b) - b
    for corner in range(b.shape[1]):
        edge, foot = edges[:, corner], b[:, corner]
        height = edge[0] * (a[1] - foot[1]) - edge[1] * (a[0] - foot[0])  # of the edge's start
        climb = edge[0] * step[1] - edge[1] * step[0]
        flat = climb == 0
        part = -height / np.where(flat, 1.0, climb)
        np.maximum(enter, part, out=enter, where=climb > 0)
        np.minimum(leave, part, out=leave, where=climb < 0)
        leave[flat & (height < 0)] = -1.0
    return enter, leave
