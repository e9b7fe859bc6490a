"""The point-spread function: the median of recentred bright stars."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.pipeline.stars import Stars, find_stars, point_like, typical_fwhm_px
from astrid_sdk.sky.frame import Frame

_MOST_STARS = 80
_FEWEST_STARS = 4
_BRIGHT_SNR = 20.0


def stars_of(frame: Frame, threshold: float = 5.0) -> Stars:
    """Return the sources of a calibrated frame, brightest first."""
    noise = np.sqrt(np.maximum(frame.variance, 1e-12)).astype(np.float32)
    return find_stars(frame.data, noise, ~frame.good, threshold)


def fwhm_of(frame: Frame, stars: Stars) -> float:
    """Return the stellar FWHM of `frame`, pixels: from its stars, else its header, else 3."""
    measured = typical_fwhm_px(stars)
    if np.isfinite(measured):
        return float(np.clip(measured, 1.0, 20.0))
    return float(frame.header.get("FWHMPX", 3.0))


def measure_psf(frame: Frame, stars: Stars, fwhm_px: float) -> NDArray[np.float32]:
    """Return the normalised PSF stamp of `frame`: odd square, centred, sum 1.

    A frame with too few clean stars gets a Gaussian of `fwhm_px`.
    """
    radius = psf_radius(fwhm_px)
    chosen = point_like(stars, fwhm_px)
    bright = chosen.select(chosen.snr > _BRIGHT_SNR).brightest(_MOST_STARS)
    stamps = [_recentred(frame.data, x, y, radius) for x, y in bright.positions]
    whole = [stamp for stamp in stamps if stamp is not None]
    if len(whole) < _FEWEST_STARS:
        return gaussian_psf(fwhm_px, radius)
    return _clean(np.median(whole, axis=0), fwhm_px)


def psf_radius(fwhm_px: float) -> int:
    """Return the half side of a PSF stamp that holds a star of `fwhm_px`."""
    return int(np.clip(np.ceil(2.5 * fwhm_px), 5, 25))


def gaussian_psf(fwhm_px: float, radius: int) -> NDArray[np.float32]:
    """Return a circular Gaussian stamp of sum 1."""
    offsets = np.arange(-radius, radius + 1)
    profile = np.exp(-4 * np.log(2) * (offsets / fwhm_px) ** 2)
    stamp = np.outer(profile, profile)
    return np.asarray(stamp / stamp.sum(), dtype=np.float32)


def _recentred(
    data: NDArray[np.float32], x: float, y: float, radius: int
) -> NDArray[np.float64] | None:
    column, row = round(x), round(y)
    reach = radius + 2  # the spline wants neighbours
    top, left = row - reach, column - reach
    window = data[max(top, 0) : row + reach + 1, max(left, 0) : column + reach + 1]
    if window.shape != (2 * reach + 1, 2 * reach + 1):
        return None
    shifted = ndimage.shift(window.astype(np.float64), (row - y, column - x), mode="nearest")
    stamp = shifted[2:-2, 2:-2]
    ring = np.concatenate([stamp[0], stamp[-1], stamp[1:-1, 0], stamp[1:-1, -1]])
    stamp = stamp - np.median(ring)
    total = _core_sum(stamp)
    return stamp / total if total > 0 else None


def _core_sum(stamp: NDArray[np.float64]) -> float:
    """Sum over the inner half of the stamp: neighbours do not change it."""
    radius = stamp.shape[0] // 2
    rows, columns = np.indices(stamp.shape) - radius
    return float(stamp[np.hypot(rows, columns) <= 0.6 * radius].sum())


def _clean(stamp: NDArray[np.float64], fwhm_px: float) -> NDArray[np.float32]:
    radius = stamp.shape[0] // 2
    rows, columns = np.indices(stamp.shape) - radius
    distance = np.hypot(rows, columns)
    # outside the bright part the noise of the stars would enter every later sum
    taper = np.clip((radius + 0.5 - distance) / max(1.0, 0.3 * fwhm_px), 0, 1)
    positive = np.clip(stamp, 0, None) * taper
    return np.asarray(positive / positive.sum(), dtype=np.float32)
