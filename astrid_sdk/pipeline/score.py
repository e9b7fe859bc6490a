"""Matched filtering: PSF flux, its error, and the score S_corr at each pixel."""

from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray
from scipy import signal

Plane = NDArray[np.float32]

_FLOOR_BOX_PX = 48
_LEAST_RMS = 1.0  # the floor only ever lowers a score


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """A difference seen through its PSF.

    Attributes
    ----------
    flux : ndarray of float32, shape (ny, nx)
        Flux of a PSF centred on each pixel, ADU.
    error : ndarray of float32, shape (ny, nx)
        Its error from the noise of science and reference, ADU.
    covered : ndarray of float32, shape (ny, nx)
        Share of the PSF's weight on good pixels, 0 to 1.
    """

    flux: Plane
    error: Plane
    covered: Plane


def correlate(image: Plane, stamp: Plane) -> Plane:
    """Return the correlation of `image` with an odd `stamp`, zero outside the image."""
    return np.asarray(
        signal.oaconvolve(image, stamp[::-1, ::-1].astype(np.float32), mode="same"),
        dtype=np.float32,
    )


def matched_filter(data: Plane, variance: Plane, good: NDArray[np.bool_], psf: Plane) -> Filtered:
    """Return the PSF-weighted flux of `data` at each pixel; masked pixels have no weight."""
    weight = good.astype(np.float32)
    total = np.float32((psf**2).sum())
    norm = np.maximum(correlate(weight, psf**2), 1e-3 * total)
    flux = correlate(data * weight, psf) / norm
    power = np.maximum(correlate(variance * weight, psf**2), 1e-12)
    return Filtered(flux, np.sqrt(power) / norm, np.clip(norm / total, 0, 1))


def corrected_score(
    filtered: Filtered,
    template: Plane,
    good: NDArray[np.bool_],
    psf: Plane,
    registration_rms_px: float,
    flux_share: float,
) -> Plane:
    """Return S_corr: the flux over all its errors, of noise and of the subtraction.

    After Zackay, Ofek & Gal-Yam 2016, ApJ 830, 27, section 3.3: beside the noise stand the
    gradient of the template's light times 1.5 registration errors, and a share of that light.
    A local floor holds the rms of the result near one where neither explains the residuals.
    """
    light = matched_filter(template, np.ones_like(template), good, psf).flux
    slope_y, slope_x = np.gradient(light)
    shift = 1.5 * registration_rms_px
    extra = shift**2 * (slope_x**2 + slope_y**2) + (flux_share * light) ** 2
    score = filtered.flux / np.sqrt(filtered.error**2 + extra)
    usable = good & (filtered.covered > 0.5)
    score = np.where(filtered.covered > 0.05, score, 0).astype(np.float32)
    if usable.mean() < 0.05:
        return score
    box = int(np.clip(min(score.shape) // 4, 16, _FLOOR_BOX_PX))
    level = sep.Background(score, mask=~usable, bw=box, bh=box, fw=3, fh=3)
    return np.asarray(score / np.maximum(level.rms(), _LEAST_RMS), dtype=np.float32)
