"""Pixels that are not to be trusted, found in the image itself."""

import astroscrappy
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.pipeline.noise import number_in

_SATURATION_WORDS = ("SATURATE", "SATLEVEL", "SATLVL", "SATURATA", "SATURATB", "MAXLIN")
_RING = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2))  # around (1, 1)
_CROSS = ndimage.generate_binary_structure(2, 1)
_SQUARE = ndimage.generate_binary_structure(2, 2)
_COLUMN_CHUNK_ROWS = 128
_COLUMN_OFFSET_SIGMA = 1.0  # of one pixel: a smaller offset does not show under a star
_FILL_AREA_PX = 30  # of one value far below the sky: the fill of a resampled border
_BRIGHT_SIGMA = 30.0
_PILE_UP_PX = 3
_PLATEAU_PX = 4
_COLUMN_WINDOW = 9
_SPREAD_CLIP_SIGMA = 3.0
_MOST_ODD = 0.1  # more odd columns than this are the detector's way, not defects

BoolPlane = NDArray[np.bool_]


def no_data(data: NDArray[np.float32]) -> BoolPlane:
    """Return where `data` has no value: not finite, or the fill value of a resampled border."""
    missing = ~np.isfinite(data)
    if missing.all():
        return missing
    lowest = np.nanmin(data[~missing])
    fill = data == lowest
    if fill.sum() < _FILL_AREA_PX:
        return missing
    typical = np.nanmedian(data[~missing])
    spread = 1.4826 * np.nanmedian(np.abs(data[~missing] - typical))
    if typical - lowest <= 8 * spread:
        return missing
    labels, _ = ndimage.label(fill)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return np.asarray(missing | (areas >= _FILL_AREA_PX)[labels])


def saturation_level(
    header: fits.Header, data: NDArray[np.float32], sky: float, rms: float
) -> float:
    """Return the count at which pixels stop counting, ADU as in `data`; NaN when none do.

    The header's word is taken when the image reaches it. Otherwise pixels piled up at the largest
    value, or a plateau near it (four connected pixels within 2 %, which no star core shows),
    give the level away.
    """
    top = float(data.max())
    bright = top > sky + _BRIGHT_SIGMA * rms
    piled = int((data == top).sum()) >= _PILE_UP_PX or _has_plateau(data, top)
    said = number_in(header, _SATURATION_WORDS, max(sky + 10 * rms, 100.0), 1e9)
    if np.isfinite(said) and (said <= top or not (bright and piled)):
        return said
    return 0.98 * top if bright and piled else float("nan")


def saturated(data: NDArray[np.float32], level: float, fwhm_px: float) -> BoolPlane:
    """Return the pixels at or above `level`, grown over the pixels they spill into."""
    if not np.isfinite(level):
        return np.zeros(data.shape, dtype=bool)
    full = data >= level
    grow = int(np.clip(np.ceil(0.7 * fwhm_px), 1, 4))
    return np.asarray(ndimage.binary_dilation(full, _SQUARE, iterations=grow))


def isolated(
    residual: NDArray[np.float32], noise: NDArray[np.float32], fwhm_px: float
) -> BoolPlane:
    """Return pixels far sharper than a star of `fwhm_px`, bright or dark.

    A star's second-brightest neighbour holds at least exp(-4 ln 2 / FWHM^2) of its brightest
    pixel wherever the star is centred; half of that, less the noise, is the limit.
    """
    ratio = 0.5 * np.exp(-4 * np.log(2) / max(fwhm_px, 1.0) ** 2)
    found = np.zeros(residual.shape, dtype=bool)
    rows, columns = np.nonzero(np.abs(residual) > 8 * noise)
    if len(rows) == 0:
        return found
    padded = np.pad(residual, 1, mode="reflect")
    ring = np.stack([padded[rows + dy, columns + dx] for dy, dx in _RING])
    ring.sort(axis=0)
    value, sigma = residual[rows, columns], noise[rows, columns]
    hot = (value > 0) & (ring[-2] < ratio * value - 0.5 * sigma)
    dead = (value < 0) & (ring[1] > 0.3 * value)
    found[rows, columns] = hot | dead
    return found


def dark_pixels(residual: NDArray[np.float32], rms: NDArray[np.float32]) -> BoolPlane:
    """Return pixels too far below the sky for any light to explain."""
    return np.asarray(residual < -10 * rms)


def bad_columns(
    residual: NDArray[np.float32], rms: NDArray[np.float32], bad: BoolPlane
) -> BoolPlane:
    """Return columns, whole or in stretches of 128 rows, that stand off from their neighbours.

    Each row is first freed of what is wider than a column: stars cross few rows of a stretch, and
    the middle half of its values does not feel them.
    """
    scaled = np.where(bad, 0, residual) / rms
    narrow = scaled - ndimage.median_filter(scaled, (1, _COLUMN_WINDOW), mode="mirror")
    found = np.zeros(residual.shape, dtype=bool)
    height = residual.shape[0]
    chunks = max(1, height // _COLUMN_CHUNK_ROWS)
    for rows in np.array_split(np.arange(height), chunks):
        found[rows[0] : rows[-1] + 1] |= _odd_columns(narrow[rows[0] : rows[-1] + 1])
    return found


def cosmic_rays(
    residual: NDArray[np.float32],
    variance: NDArray[np.float32],
    bad: BoolPlane,
    fwhm_px: float,
) -> BoolPlane:
    """Return cosmic-ray pixels by L.A.Cosmic, star cores spared.

    van Dokkum 2001, PASP 113, 1420, on our own variance. A hit is kept only where the brightest
    pixel has a side with far less light than a star would put there.
    """
    hits, _ = astroscrappy.detect_cosmics(
        residual,
        inmask=bad,
        inbkg=np.zeros_like(residual),
        invar=variance,
        gain=1.0,
        sigclip=5.0,
        sigfrac=0.3,
        objlim=6.0,
        niter=2,
        satlevel=float("inf"),
        sepmed=True,
        fsmode="convolve",
        psfmodel="gauss",
        psffwhm=fwhm_px,
    )
    return _without_star_cores(np.asarray(hits, dtype=bool), residual, np.sqrt(variance), fwhm_px)


def _without_star_cores(
    hits: BoolPlane, residual: NDArray[np.float32], noise: NDArray[np.float32], fwhm_px: float
) -> BoolPlane:
    weakest = ndimage.minimum_filter(residual, footprint=_CROSS, mode="nearest")
    share = 0.5 * np.exp(-8 * np.log(2) / fwhm_px**2)  # the far side of a star half a pixel off
    steep = weakest < share * residual - noise
    labels, count = ndimage.label(hits, _SQUARE)
    if count == 0:
        return hits
    peaks = ndimage.maximum_position(residual, labels, np.arange(1, count + 1))
    kept = np.zeros(count + 1, dtype=bool)
    kept[1:] = [steep[peak] for peak in peaks]
    return np.asarray(kept[labels])


def _odd_columns(narrow: NDArray[np.float32]) -> BoolPlane:
    """Return, per column of one stretch in sky sigma, whether level or noise stands off."""
    ordered = np.sort(narrow, axis=0)
    rows = len(ordered)
    # a mean, not a median: a median of integer counts moves in steps of the noise
    level = ordered[rows // 4 : rows - rows // 4].mean(axis=0)
    spread = np.minimum(np.abs(narrow - level), _SPREAD_CLIP_SIGMA).mean(axis=0)
    offset = np.abs(level - np.median(level))
    usual = max(1.4826 * float(np.median(offset)), 1 / np.sqrt(rows))
    odd = (offset > 6 * usual) & (offset > _COLUMN_OFFSET_SIGMA)
    usual_spread = np.median(spread)
    odd |= (spread > 2.0 * usual_spread) | (spread < 0.2 * usual_spread)
    return odd if odd.mean() < _MOST_ODD else np.zeros_like(odd)


def _has_plateau(data: NDArray[np.float32], top: float) -> bool:
    labels, count = ndimage.label(data > 0.98 * top)
    return bool(count and np.bincount(labels.ravel())[1:].max() >= _PLATEAU_PX)
