"""The fixed pattern of a detector, from frames whose stars drift across it."""

from collections.abc import Sequence

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline import defects
from astrid_sdk.pipeline.background import find_object_pixels, measure_background
from astrid_sdk.pipeline.fill import fill_masked
from astrid_sdk.pipeline.matching import match_by_triangles
from astrid_sdk.pipeline.overscan import without_overscan
from astrid_sdk.pipeline.stars import Stars, find_stars, typical_fwhm_px
from astrid_sdk.sky.frame import Frame, MaskBit, RawImage

_FEWEST_FRAMES = 5
_FEWEST_MATCHES = 4
_FEWEST_UNLIT = 3  # frames in which a pixel must lie free of stars
_SIGNIFICANT = 4.0  # sigma of the mean above which a pixel's offset is real
_UNSTEADY = 3.0  # times the usual scatter from frame to frame
_GUESSED_FWHM_PX = 1.3
_LIMIT_SHARE = 0.5  # of full scale: beyond it too little range is left for light


def build_pattern(raws: Sequence[RawImage]) -> Frame:
    """Return the fixed pattern of one detector: what stays while the stars move.

    Parameters
    ----------
    raws : sequence of RawImage
        At least five frames of one detector, mode and exposure time, whose stars drift.

    Returns
    -------
    Frame
        `data` is what to subtract from a raw frame, ADU, 0 where nothing is significant;
        `mask` marks as BAD what cannot be corrected: pixels that flicker or are nearly full.

    Raises
    ------
    InvalidInputError
        Fewer than five usable frames of one shape (kind ``too_few_frames``), or the stars stand
        still, so that they cannot be told from the detector (kind ``no_drift``).
    """
    if len(raws) < _FEWEST_FRAMES:
        raise InvalidInputError(
            f"{len(raws)} frames cannot tell the detector from the sky; "
            f"{_FEWEST_FRAMES} or more are needed",
            kind="too_few_frames",
        )
    layers = [_layer(without_overscan(raw).data) for raw in raws]
    if len({layer[0].shape for layer in layers}) != 1:
        raise InvalidInputError(
            "the frames differ in shape: they are not of one detector and mode", kind="shape"
        )
    _require_drift([layer[2] for layer in layers])
    values = np.stack([layer[0] for layer in layers])
    free = ~np.stack([layer[1] for layer in layers])
    return _pattern(values, free, max(float(np.nanmax(raw.data)) for raw in raws))


_Layer = tuple[NDArray[np.float32], NDArray[np.bool_], Stars]


def _layer(counts: NDArray[np.float32]) -> _Layer:
    """Return sky-subtracted counts, the pixels under light, and the stars of one frame."""
    missing = defects.no_data(counts)
    if missing.all():
        raise InvalidInputError("one of the frames holds no value at all", kind="no_data")
    whole = np.where(missing, np.median(counts[~missing]), counts).astype(np.float32)
    sky = measure_background(whole, missing)
    residual = whole - sky.level
    single = defects.isolated(residual, sky.rms, _GUESSED_FWHM_PX) | missing
    smooth = fill_masked(residual, np.where(single, MaskBit.BAD, 0).astype(np.uint16))
    lit = find_object_pixels(smooth, sky.median_rms, single)
    return residual, lit | missing, find_stars(residual, sky.rms, single)


def _require_drift(stars: list[Stars]) -> None:
    places = np.array([shift for shift in (_shift(stars[0], other) for other in stars) if shift])
    width = float(np.nanmedian([typical_fwhm_px(found) for found in stars]))
    reach = 1.5 * max(width, 1.5) if np.isfinite(width) else 3.0
    if len(places) >= _FEWEST_FRAMES:
        together = cKDTree(places).query_ball_point(places, reach, return_length=True)
        if together.max() <= 0.6 * len(places):
            return
    raise InvalidInputError(
        "the stars hardly move from frame to frame, or could not be followed: "
        "they cannot be told from the detector's pattern",
        kind="no_drift",
    )


def _shift(first: Stars, other: Stars) -> tuple[float, float] | None:
    ours, theirs = match_by_triangles(first.positions, other.positions, 1.5, 40)
    if len(ours) < _FEWEST_MATCHES:
        return None
    moved = np.median(other.positions[theirs] - first.positions[ours], axis=0)
    return float(moved[0]), float(moved[1])


def _pattern(values: NDArray[np.float32], free: NDArray[np.bool_], full_scale: float) -> Frame:
    ordered = np.sort(np.where(free, values, np.inf), axis=0)
    count = free.sum(axis=0)
    seen = count >= _FEWEST_UNLIT
    middle = np.take_along_axis(ordered, np.where(seen, count // 2, 0)[None], axis=0)[0]
    # always lit: a cluster of hot pixels looks like a star; drifting stars fill few frames only
    low = np.sort(values, axis=0)[int(0.3 * len(values))]
    level = np.where(seen, middle, low).astype(np.float32)
    scatter = 1.4826 * np.median(np.abs(values - np.median(values, axis=0)), axis=0)
    usual = max(float(np.median(scatter)), 1e-6)
    error = 1.25 * usual / np.sqrt(np.where(seen, count, 0.3 * len(values)))
    data = np.where(np.abs(level) > _SIGNIFICANT * error, level, 0).astype(np.float32)
    unsteady = (scatter > _UNSTEADY * usual) & (data != 0)
    bad = unsteady | (np.abs(data) > _LIMIT_SHARE * full_scale)
    mask = np.where(bad, np.uint16(MaskBit.BAD), np.uint16(0)).astype(np.uint16)
    header = fits.Header()
    header["NCOMBINE"] = (len(values), "frames the pattern was taken from")
    return Frame(data, (error**2).astype(np.float32), mask, header)
