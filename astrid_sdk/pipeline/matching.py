"""Matching the stars of two images whose relation is unknown.

Triangles of neighbouring stars keep the ratios of their sides under shift, rotation, scale and
mirroring (Groth 1986, AJ 91, 1244; the invariants are those of Beroiz et al. 2020, astroalign).
Every pair of alike triangles proposes a similarity; the one that brings most stars together wins.
Nothing is drawn at random, so that the same stars always give the same answer.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from astrid_sdk.pipeline.polynomial import PlaneMap

_NEIGHBOURS = 5
_ALIKE = 0.05  # largest distance of the invariants of two triangles taken as alike
_MOST_PROPOSALS = 3000
_CORNERS = 3
_LEAST_SCALE, _MOST_SCALE = 0.1, 10.0

Points = NDArray[np.float64]


def match_by_triangles(
    source: Points, target: Points, tolerance_px: float, brightest: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of stars in `source` and `target` that are the same; maybe none.

    Parameters
    ----------
    source, target : ndarray of float64, shape (n, 2)
        Star positions, brightest first.
    tolerance_px : float
        Distance in the target below which two stars are one.
    brightest : int
        How many of the brightest make triangles.
    """
    nothing = np.zeros(0, dtype=np.intp)
    if min(len(source), len(target)) < _CORNERS:
        return nothing, nothing
    matrices = _proposals(source[:brightest], target[:brightest])
    if len(matrices) == 0:
        return nothing, nothing
    probe = np.column_stack([source[: 2 * brightest], np.ones(len(source[: 2 * brightest]))])
    moved = np.einsum("kab,nb->kna", matrices, probe)
    near, _ = cKDTree(target).query(moved, distance_upper_bound=tolerance_px)
    best = matrices[int(np.argmax(np.isfinite(near).sum(axis=1)))]
    return pair_up(source @ best[:, :2].T + best[:, 2], target, tolerance_px)


def pair_up(
    moved: Points, target: Points, tolerance_px: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return indices of mutually nearest points of `moved` and `target` within the tolerance."""
    if len(moved) == 0 or len(target) == 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    distance, to_target = cKDTree(target).query(moved)
    _, to_moved = cKDTree(moved).query(target)
    mutual = (to_moved[to_target] == np.arange(len(moved))) & (distance < tolerance_px)
    return np.flatnonzero(mutual), to_target[mutual]


def fit_robustly(
    source: Points, target: Points, degree: int, clip: float = 3.0
) -> tuple[PlaneMap, NDArray[np.bool_]]:
    """Return the polynomial map source -> target and which pairs it kept after clipping."""
    kept = np.ones(len(source), dtype=bool)
    fitted = PlaneMap.fit(source, target, degree)
    for _ in range(5):
        off = np.hypot(*(fitted(source) - target).T)
        limit = max(clip * 1.2 * float(np.median(off[kept])), 0.05)
        again = off < limit
        if again.sum() < _CORNERS or (again == kept).all():
            break
        kept = again
        fitted = PlaneMap.fit(source[kept], target[kept], degree)
    return fitted, kept


def _proposals(source: Points, target: Points) -> NDArray[np.float64]:
    """Return affine matrices, shape (n, 2, 3), that take triangles onto alike ones."""
    source_shapes, source_corners = _triangles(source)
    target_shapes, target_corners = _triangles(target)
    found = cKDTree(source_shapes).query_ball_tree(cKDTree(target_shapes), _ALIKE)
    pairs = [(i, j) for i, alike in enumerate(found) for j in sorted(alike)]
    if not pairs:
        return np.zeros((0, 2, 3))
    ours, theirs = np.array(pairs, dtype=np.intp).T
    gaps = np.hypot(*(source_shapes[ours] - target_shapes[theirs]).T)
    closest = np.argsort(gaps, kind="stable")[:_MOST_PROPOSALS]
    before = source[source_corners[ours[closest]]]
    after = target[target_corners[theirs[closest]]]
    design = np.concatenate([before, np.ones((*before.shape[:2], 1))], axis=2)
    solvable = np.abs(np.linalg.det(design)) > 1.0  # twice the triangle's area, pixels squared
    solved = np.linalg.solve(design[solvable], after[solvable]).transpose(0, 2, 1)
    scales = np.linalg.svd(solved[:, :, :2], compute_uv=False)
    # close to a similarity: equal scales and right angles
    sensible = (
        (scales[:, 1] > _LEAST_SCALE)
        & (scales[:, 0] < _MOST_SCALE)
        & (scales[:, 0] < 1.1 * scales[:, 1])
    )
    return np.asarray(solved[sensible])


def _triangles(points: Points) -> tuple[Points, NDArray[np.intp]]:
    """Return side ratios (n, 2) and corners (n, 3), corners in an order that shape decides."""
    _, near = cKDTree(points).query(points, k=min(_NEIGHBOURS, len(points)))
    corners = sorted({tuple(sorted(c)) for row in near for c in combinations(row.tolist(), 3)})
    index = np.array(corners, dtype=np.intp)
    p = points[index]
    # side k is opposite to corner k
    sides = np.stack([np.hypot(*(p[:, (k + 1) % 3] - p[:, (k + 2) % 3]).T) for k in range(3)], 1)
    order = np.argsort(sides, axis=1, kind="stable")
    index = np.take_along_axis(index, order, axis=1)
    sides = np.maximum(np.take_along_axis(sides, order, axis=1), 1e-9)
    return np.column_stack([sides[:, 2] / sides[:, 1], sides[:, 1] / sides[:, 0]]), index
