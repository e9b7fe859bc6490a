"""From a raw image to a calibrated frame: without overscan and sky, with variance and mask."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline import defects
from astrid_sdk.pipeline.background import Background, measure_background
from astrid_sdk.pipeline.fill import fill_masked
from astrid_sdk.pipeline.noise import DetectorNoise, detector_noise, variance_of, zero_point_mag
from astrid_sdk.pipeline.overscan import without_overscan
from astrid_sdk.pipeline.pattern import build_pattern
from astrid_sdk.pipeline.stars import Stars, find_stars, typical_fwhm_px
from astrid_sdk.sky.frame import Frame, MaskBit, RawImage

__all__ = ["CalibrateParameters", "build_pattern", "calibrate"]

_SMALLEST_SIDE_PX = 64
_MOST_MISSING = 0.95
_GUESSED_FWHM_PX = 1.3  # the sharpest stars met: nothing sharper than these is light


@dataclass(frozen=True, slots=True)
class CalibrateParameters:
    """What the calibration may be told.

    Attributes
    ----------
    background_box_px : int
        Side of the mesh over which the sky is taken as constant.
    fewest_stars : int
        Frames with fewer sources are refused.
    cosmic_ray_least_fwhm_px : float
        Below this width a star is as sharp as a cosmic ray, and none are looked for.
    find_cosmic_rays, find_bad_columns : bool
        Whether to look for them at all.
    """

    background_box_px: int = 128
    fewest_stars: int = 3
    cosmic_ray_least_fwhm_px: float = 2.3
    find_cosmic_rays: bool = True
    find_bad_columns: bool = True


def calibrate(
    raw: RawImage,
    pattern: Frame | None = None,
    parameters: CalibrateParameters = CalibrateParameters(),
) -> Frame:
    """Return `raw` without overscan, fixed pattern and sky, with its variance and mask.

    Parameters
    ----------
    raw : RawImage
        Counts in ADU, NaN where there is no value.
    pattern : Frame, optional
        What `build_pattern` made from frames of the same detector.
    parameters : CalibrateParameters
        The defaults suit every camera tried.

    Returns
    -------
    Frame
        Its header has SKYLEVEL, SKYRMS (ADU), GAINUSED (e-/ADU), GAINSRC, RNUSED (e-), SATLEVEL
        (raw ADU), FWHMPX, NSTARS and, where the header has one, ZEROPT.

    Raises
    ------
    InvalidInputError
        The frame is empty (``no_data``), too small (``too_small``), without noise (``constant``)
        or without stars (``no_stars``), or `pattern` has another shape (``pattern_shape``).
    """
    seen = without_overscan(raw)
    missing = _missing(seen.data)
    counts = np.where(missing, np.median(seen.data[~missing]), seen.data)
    corrected, bad = _without_pattern(counts.astype(np.float32), missing, pattern)
    sky = measure_background(corrected, bad, parameters.background_box_px)
    level = defects.saturation_level(seen.header, counts, sky.median_level, sky.median_rms)
    hot = _single_pixels(corrected, sky, bad, _GUESSED_FWHM_PX)
    bad |= hot
    stars = find_stars(corrected - sky.level, sky.rms, bad)
    fwhm_px = _fwhm_or_refusal(stars, parameters)
    full = defects.saturated(np.where(hot, sky.level, counts), level, fwhm_px)
    bad |= _single_pixels(corrected, sky, bad | full, fwhm_px)
    if parameters.find_bad_columns:
        bad |= _columns(corrected, sky, bad | full)
    sky = measure_background(corrected, bad | full, parameters.background_box_px)
    residual = corrected - sky.level
    bad |= defects.dark_pixels(residual, sky.rms) & ~full
    detector = detector_noise(seen.header, sky, level)
    variance = variance_of(residual, sky, detector.gain)
    mask = _flags(missing, bad, full)
    if _wants_cosmic_rays(detector, fwhm_px, parameters):
        # single pixels stay in: they may be the ends of tracks, and without them the rest is missed
        hits = defects.cosmic_rays(residual, variance, missing | full, fwhm_px)
        mask[hits] |= int(MaskBit.COSMIC_RAY)
    return Frame(
        data=fill_masked(residual, mask),
        variance=variance,
        mask=mask,
        header=_describe(seen.header, sky, detector, level, stars),
    )


def _missing(data: NDArray[np.float32]) -> NDArray[np.bool_]:
    if min(data.shape) < _SMALLEST_SIDE_PX:
        raise InvalidInputError(
            f"an image of {data.shape[1]} x {data.shape[0]} pixels is too small to measure its sky "
            f"and stars; at least {_SMALLEST_SIDE_PX} on a side are needed",
            kind="too_small",
        )
    missing = defects.no_data(data)
    if missing.mean() > _MOST_MISSING:
        raise InvalidInputError(
            f"{missing.mean():.0%} of the pixels have no value: nothing to calibrate",
            kind="no_data",
        )
    if np.ptp(data[~missing]) == 0:
        raise InvalidInputError(
            "every pixel has the same value: the image is constant", kind="constant"
        )
    return missing


def _without_pattern(
    counts: NDArray[np.float32], missing: NDArray[np.bool_], pattern: Frame | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if pattern is None:
        return counts, missing.copy()
    if pattern.shape != counts.shape:
        raise InvalidInputError(
            f"the pattern has shape {pattern.shape}, the image {counts.shape}: "
            "they are not of one detector and read-out mode",
            kind="pattern_shape",
        )
    return counts - pattern.data, missing | ~pattern.good


def _single_pixels(
    data: NDArray[np.float32], sky: Background, bad: NDArray[np.bool_], fwhm_px: float
) -> NDArray[np.bool_]:
    residual = np.where(bad, 0, data - sky.level)
    return defects.isolated(residual, sky.rms, fwhm_px) & ~bad


def _fwhm_or_refusal(stars: Stars, parameters: CalibrateParameters) -> float:
    fwhm_px = typical_fwhm_px(stars)
    if len(stars) < parameters.fewest_stars or not np.isfinite(fwhm_px):
        raise InvalidInputError(
            f"only {len(stars)} sources stand out of the sky, {parameters.fewest_stars} are needed "
            "to measure and align the frame: was the shutter closed, or is it a cutout?",
            kind="no_stars",
        )
    return float(np.clip(fwhm_px, 1.0, 20.0))


def _columns(
    data: NDArray[np.float32], sky: Background, bad: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    residual = data - sky.level
    columns = defects.bad_columns(residual, sky.rms, bad)
    rows = defects.bad_columns(residual.T, sky.rms.T, bad.T).T
    return np.asarray(columns | rows)


def _wants_cosmic_rays(
    detector: DetectorNoise, fwhm_px: float, parameters: CalibrateParameters
) -> bool:
    # on guessed noise, or on stars as sharp as hits, L.A.Cosmic eats star cores
    known = detector.gain_source == "header" and np.isfinite(detector.read_noise_e)
    wide = fwhm_px >= parameters.cosmic_ray_least_fwhm_px
    return parameters.find_cosmic_rays and known and wide


def _flags(
    missing: NDArray[np.bool_], bad: NDArray[np.bool_], full: NDArray[np.bool_]
) -> NDArray[np.uint16]:
    mask = np.zeros(missing.shape, dtype=np.uint16)
    mask[bad & ~missing] |= int(MaskBit.BAD)
    mask[full] |= int(MaskBit.SATURATED)
    mask[missing] |= int(MaskBit.NO_DATA)
    return mask


def _describe(
    header: fits.Header, sky: Background, detector: DetectorNoise, level: float, stars: Stars
) -> fits.Header:
    described = header.copy()
    described["SKYLEVEL"] = (round(sky.median_level, 4), "[adu] median sky subtracted")
    described["SKYRMS"] = (round(sky.median_rms, 5), "[adu] noise of a sky pixel")
    described["GAINUSED"] = (round(detector.gain, 5), "[electron/adu] of the variance")
    described["GAINSRC"] = (detector.gain_source, "where GAINUSED comes from")
    if np.isfinite(detector.read_noise_e):
        described["RNUSED"] = (round(detector.read_noise_e, 4), "[electron] read noise")
    if np.isfinite(level):
        described["SATLEVEL"] = (round(level, 2), "[adu] raw counts taken as saturated")
    described["FWHMPX"] = (round(typical_fwhm_px(stars), 4), "[pix] width of the stars")
    described["NSTARS"] = (len(stars), "sources above 5 sigma")
    zero_point = zero_point_mag(header)
    if np.isfinite(zero_point):
        described["ZEROPT"] = (zero_point, "[mag] of 1 adu")
    return described
