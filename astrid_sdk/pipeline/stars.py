"""Finding the stars of an image: where they are, how bright, how wide."""

from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray
from scipy import ndimage

_SMOOTHING = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32)
_WIDE = np.exp(-0.5 * (np.arange(-5, 6) / 2.0) ** 2)
_WIDE_SMOOTHING = np.outer(_WIDE, _WIDE).astype(np.float32)  # for faint stars in bad seeing
_FEW = 80
_LEAST_WIDTH_PX = 0.9  # sharper than any star: a defect
_BRIGHT_SNR, _FAINT_SNR = 15.0, 8.0
_FEWEST = 3
_PIXEL_STACK = 2_000_000  # sep's own default overflows in crowded fields


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Sources of one image, brightest first.

    Attributes
    ----------
    x, y : ndarray of float64, shape (n,)
        Centroids, 0-based pixel centres.
    flux : ndarray of float64, shape (n,)
        Flux in an aperture that scales with the typical star, ADU.
    snr : ndarray of float64, shape (n,)
        `flux` over its sky noise.
    fwhm_px : ndarray of float64, shape (n,)
        Twice the half-light radius: the FWHM, for a Gaussian.
    touched : ndarray of bool, shape (n,)
        A masked pixel or another source lies in it, or the border cuts it.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]
    snr: NDArray[np.float64]
    fwhm_px: NDArray[np.float64]
    touched: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def positions(self) -> NDArray[np.float64]:
        """Centroids as an array of shape (n, 2): x, y."""
        return np.column_stack([self.x, self.y])

    def brightest(self, count: int) -> "Stars":
        """Return the `count` brightest stars, or all when there are fewer."""
        return self.select(np.arange(min(count, len(self))))

    def select(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> "Stars":
        """Return the stars that the index `keep` picks."""
        return Stars(
            self.x[keep],
            self.y[keep],
            self.flux[keep],
            self.snr[keep],
            self.fwhm_px[keep],
            self.touched[keep],
        )


def find_stars(
    data: NDArray[np.float32],
    noise: NDArray[np.float32],
    bad: NDArray[np.bool_],
    threshold: float = 5.0,
) -> Stars:
    """Return the sources of the sky-subtracted image `data`, brightest first.

    Parameters
    ----------
    data : ndarray of float32, shape (ny, nx)
        Sky-subtracted counts, ADU, finite.
    noise : ndarray of float32, shape (ny, nx)
        Noise of one pixel, ADU.
    bad : ndarray of bool, shape (ny, nx)
        Pixels to leave out.
    threshold : float
        Sigma of the smoothed image that a source must reach.
    """
    clean = np.ascontiguousarray(np.where(bad, 0, data), dtype=np.float32)
    sep.set_extract_pixstack(max(_PIXEL_STACK, clean.size // 2))
    found = _extract(clean, noise, bad, threshold, _SMOOTHING)
    if len(found) < _FEW:
        wider = _extract(clean, noise, bad, threshold, _WIDE_SMOOTHING)
        found = wider if len(wider) > len(found) else found
    return _measure(clean, noise, bad, found)


def _extract(
    data: NDArray[np.float32],
    noise: NDArray[np.float32],
    bad: NDArray[np.bool_],
    threshold: float,
    kernel: NDArray[np.float32],
) -> NDArray[np.void]:
    found = sep.extract(
        data, threshold, err=noise, mask=bad, minarea=4, filter_kernel=kernel, clean=False
    )
    sound = np.isfinite(found["x"]) & np.isfinite(found["y"]) & (found["flux"] > 0)
    return np.asarray(found[sound])


def typical_fwhm_px(stars: Stars) -> float:
    """Return the width shared by the point-like stars, pixels; NaN without stars.

    The most common width of the brighter half: galaxies lie above it, defects below.
    """
    usable = stars.select(
        ~stars.touched & (stars.snr > _BRIGHT_SNR) & (stars.fwhm_px > _LEAST_WIDTH_PX)
    )
    if len(usable) < _FEWEST:
        usable = stars.select((stars.snr > _FAINT_SNR) & (stars.fwhm_px > _LEAST_WIDTH_PX))
    if len(usable) == 0:
        return float("nan")
    widths = np.sort(usable.fwhm_px[: min(300, len(usable))])
    half = max(1, len(widths) // 3)
    # the shortest interval that holds a third of the widths (half-sample mode)
    spans = widths[half:] - widths[: len(widths) - half]
    start = int(np.argmin(spans / widths[: len(spans)])) if len(spans) else 0
    return float(np.median(widths[start : start + half + 1]))


def point_like(stars: Stars, fwhm_px: float, tolerance: float = 0.3) -> Stars:
    """Return the stars of `stars` about as wide as `fwhm_px`, whole and unblended."""
    near = np.abs(stars.fwhm_px / fwhm_px - 1) < tolerance
    return stars.select(near & ~stars.touched)


def _measure(
    data: NDArray[np.float32],
    noise: NDArray[np.float32],
    bad: NDArray[np.bool_],
    found: NDArray[np.void],
) -> Stars:
    x, y = found["x"].astype(np.float64), found["y"].astype(np.float64)
    if len(x) == 0:
        nothing = np.zeros(0)
        return Stars(nothing, nothing, nothing, nothing, nothing, np.zeros(0, dtype=bool))
    size = float(np.clip(np.median(found["a"]), 0.7, 6.0))
    x, y, _ = sep.winpos(data, x, y, np.full(len(x), size), mask=bad)
    lost = np.hypot(x - found["x"], y - found["y"]) > 2 * size
    x, y = np.where(lost, found["x"], x), np.where(lost, found["y"], y)
    radius = 2.5 * 1.18 * size
    flux, error, _ = sep.sum_circle(data, x, y, radius, err=noise, mask=bad, subpix=5)
    total, _, _ = sep.sum_circle(data, x, y, 1.5 * radius, mask=bad, subpix=5)
    half, _ = sep.flux_radius(
        data, x, y, np.full(len(x), 2 * radius), 0.5, normflux=np.maximum(total, 1e-3), subpix=5
    )
    touched = _near_bad(bad, x, y, radius) | ((found["flag"] & (sep.OBJ_TRUNC)) != 0)
    order = np.argsort(-flux, kind="stable")
    stars = Stars(x, y, flux, flux / np.maximum(error, 1e-9), 2 * half, touched)
    return stars.select(order).select(flux[order] > 0)


def _near_bad(
    bad: NDArray[np.bool_], x: NDArray[np.float64], y: NDArray[np.float64], radius: float
) -> NDArray[np.bool_]:
    height, width = bad.shape
    margin = ndimage.distance_transform_edt(~bad) if bad.any() else np.full(bad.shape, np.inf)
    column = np.clip(np.round(x).astype(int), 0, width - 1)
    row = np.clip(np.round(y).astype(int), 0, height - 1)
    inside = (x > radius) & (y > radius) & (x < width - 1 - radius) & (y < height - 1 - radius)
    return np.asarray(~inside | (margin[row, column] < radius))
