"""Registration: where each pixel of one frame lies in another, and resampling by it."""

from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.wcs import NoConvergence
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.matching import fit_robustly, match_by_triangles, pair_up
from astrid_sdk.pipeline.polynomial import PlaneMap
from astrid_sdk.pipeline.psf import fwhm_of, stars_of
from astrid_sdk.pipeline.stars import Stars
from astrid_sdk.pipeline.warp import warp
from astrid_sdk.sky.frame import Frame

__all__ = ["Registration", "register", "warp"]

_MOST_STARS = 400
_LARGEST_WCS_ERROR_PX = 40.0
_FEWEST_MATCHES = 4
_FEWEST_STARS = 3
_FEWEST_GRID_POINTS = 20
_BRIGHT_SNR = 40.0
_FEWEST_BRIGHT = 8
_LEAST_OVERLAP = 0.1
_QUADRATIC_FROM = 60  # matched stars from which distortion can be told from noise
_SAME_GRID_PX = 0.12  # below this, resampling costs more than the kernel fit that absorbs it
_UNCHECKED_RMS_PX = 0.5  # taken for a WCS that no star could confirm


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where the pixels of a science frame lie in a reference frame.

    Attributes
    ----------
    map : PlaneMap
        Science pixel to reference pixel, both 0-based centres.
    method : str
        ``identity`` (the grids agree), ``wcs`` (refined on stars) or ``stars``.
    rms_px : float
        Scatter of the bright matched stars per axis, science pixels.
    matched_stars : int
        Stars that the map was fitted to.
    """

    map: PlaneMap
    method: str
    rms_px: float
    matched_stars: int

    @property
    def is_identity(self) -> bool:
        """Whether the two grids are one, so that nothing needs resampling."""
        return self.method == "identity"


def register(science: Frame, reference: Frame) -> Registration:
    """Return the map from the pixels of `science` to those of `reference`.

    A WCS on both gives a first map, good to a few pixels; equal grids another; the shapes of
    star triangles a third. Whichever first brings enough stars together is refined on all of them.

    Raises
    ------
    InvalidInputError
        No way aligns them (kind ``not_alignable``).
    """
    ours, theirs = stars_of(science), stars_of(reference)
    width = max(fwhm_of(science, ours), 1.5)
    ours, theirs = ours.brightest(_MOST_STARS), theirs.brightest(_MOST_STARS)
    from_wcs = _map_from_wcs(science, reference)
    starts = [("wcs", from_wcs)] if from_wcs is not None else []
    starts.append(("stars", PlaneMap.identity()))
    for method, start in starts:
        found = _refine(start, ours, theirs, width, science.shape)
        if found is not None:
            return _named(*found, method, science.shape)
    by_shape = _by_triangles(ours, theirs, width, science.shape)
    if by_shape is not None:
        return _named(*by_shape, "stars", science.shape)
    if from_wcs is not None and _overlaps(from_wcs, science.shape, reference.shape):
        return Registration(from_wcs, "wcs", _UNCHECKED_RMS_PX, 0)
    raise InvalidInputError(
        f"{len(ours)} stars of one frame and {len(theirs)} of the other could not be brought "
        "together: another field, too little overlap, or too few stars",
        kind="not_alignable",
    )


_Found = tuple[PlaneMap, float, int]


def _map_from_wcs(science: Frame, reference: Frame) -> PlaneMap | None:
    ours, theirs = science.wcs, reference.wcs
    if ours is None or theirs is None:
        return None
    grid = _grid(science.shape)
    try:
        there = _through_sky(ours, theirs, grid)
    except (ValueError, NoConvergence):
        return None
    usable = np.isfinite(there).all(axis=1)
    return (
        PlaneMap.fit(grid[usable], there[usable], 3)
        if usable.sum() >= _FEWEST_GRID_POINTS
        else None
    )


def _through_sky(ours: WCS, theirs: WCS, points: NDArray[np.float64]) -> NDArray[np.float64]:
    sky = ours.pixel_to_world(points[:, 0], points[:, 1])
    return np.column_stack(theirs.world_to_pixel(sky))


def _grid(shape: tuple[int, int], side: int = 12) -> NDArray[np.float64]:
    rows, columns = np.meshgrid(
        np.linspace(0, shape[0] - 1, side), np.linspace(0, shape[1] - 1, side), indexing="ij"
    )
    return np.column_stack([columns.ravel(), rows.ravel()])


def _refine(
    start: PlaneMap, ours: Stars, theirs: Stars, width: float, shape: tuple[int, int]
) -> _Found | None:
    """Shift `start` to where most stars agree, pair the stars, fit the rest."""
    moved = start(ours.positions) if len(ours) else ours.positions
    shift = _common_shift(moved, theirs.positions)
    if shift is None:
        return None
    moved = moved + shift
    for tolerance in (max(3.0, width), max(1.5, 0.5 * width)):
        source, target = pair_up(moved, theirs.positions, tolerance)
        if not _beyond_chance(len(source), len(ours), theirs.positions, tolerance):
            return None
        correction, _ = fit_robustly(moved[source], theirs.positions[target], 1)
        moved = correction(moved)
    source, target = pair_up(moved, theirs.positions, max(1.2, 0.4 * width))
    first = start(ours.positions)
    return _final(start, first, (source, target), (ours, theirs), shape)


def _by_triangles(
    ours: Stars, theirs: Stars, width: float, shape: tuple[int, int]
) -> _Found | None:
    tolerance = max(1.5, 0.6 * width)
    for brightest in (40, 90):
        pairs = match_by_triangles(ours.positions, theirs.positions, tolerance, brightest)
        if _beyond_chance(len(pairs[0]), len(ours), theirs.positions, tolerance):
            start, _ = fit_robustly(ours.positions[pairs[0]], theirs.positions[pairs[1]], 1)
            return _refine(start, ours, theirs, width, shape)
    return None


def _final(
    start: PlaneMap,
    first: NDArray[np.float64],
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
    stars: tuple[Stars, Stars],
    shape: tuple[int, int],
) -> _Found | None:
    """Fit the correction on all pairs and fold it and `start` into one polynomial."""
    source, target = pairs
    if len(source) < _FEWEST_MATCHES:
        return None
    degree = 2 if len(source) >= _QUADRATIC_FROM else 1
    goal = stars[1].positions[target]
    correction, kept = fit_robustly(first[source], goal, degree)
    off = correction(first[source]) - goal
    bright = kept & (np.minimum(stars[0].snr[source], stars[1].snr[target]) > _BRIGHT_SNR)
    judged = off[bright] if bright.sum() >= _FEWEST_BRIGHT else off[kept]
    rms = float(1.4826 * np.median(np.abs(judged)))
    grid = _grid(shape)
    whole = PlaneMap.fit(grid, correction(start(grid)), max(start.degree, degree))
    return whole, rms, int(kept.sum())


def _common_shift(
    moved: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return the shift shared by most pairs of the brightest, or None without stars."""
    bright, goal = moved[:150], target[:150]
    if min(len(bright), len(goal)) < _FEWEST_STARS:
        return None
    near = cKDTree(bright).query_ball_tree(cKDTree(goal), _LARGEST_WCS_ERROR_PX)
    gaps = np.array([goal[j] - bright[i] for i, found in enumerate(near) for j in sorted(found)])
    if len(gaps) < _FEWEST_STARS:
        return None
    tree = cKDTree(gaps)
    counts = tree.query_ball_point(gaps, 2.0, return_length=True)
    centre = gaps[int(np.argmax(counts))]
    members = tree.query_ball_point(centre, 2.0)
    return np.asarray(np.median(gaps[members], axis=0))


def _beyond_chance(matches: int, tried: int, target: NDArray[np.float64], tolerance: float) -> bool:
    """Whether more stars were matched than scattering them at random would match."""
    area = float(np.prod(np.maximum(np.ptp(target, axis=0), 1.0))) if len(target) else 1.0
    by_chance = tried * min(1.0, len(target) * np.pi * tolerance**2 / area)
    return bool(matches >= _FEWEST_MATCHES + by_chance + 3 * np.sqrt(by_chance))


def _named(
    found: PlaneMap, rms: float, matched: int, method: str, shape: tuple[int, int]
) -> Registration:
    grid = _grid(shape)
    moved = np.abs(found(grid) - grid).max()
    if moved < _SAME_GRID_PX:
        return Registration(PlaneMap.identity(), "identity", max(rms, float(moved)), matched)
    return Registration(found, method, rms, matched)


def _overlaps(found: PlaneMap, ours: tuple[int, int], theirs: tuple[int, int]) -> bool:
    points = found(_grid(ours))
    inside = (points > 0).all(axis=1) & (points < (theirs[1], theirs[0])).all(axis=1)
    return bool(inside.mean() > _LEAST_OVERLAP)
