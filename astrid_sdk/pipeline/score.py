"""Matched filtering: PSF flux, its error, and the score S_corr at each pixel."""

from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray
from scipy import ndimage, signal

Plane = NDArray[np.float32]

_FLOOR_BOX_PX = 48
_WINGS = ((2.5, 1.0), (5.0, 0.4))  # reach in FWHM, part of the wing share there
_LEAST_SEEN = 0.05  # share of the PSF on good pixels below which the score is 0
_WELL_SEEN = 0.5
_LEAST_USABLE = 0.05  # share of the image from which a floor is measured
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


def as_plane(values: NDArray[np.floating]) -> Plane:
    """Return `values` as float32, the precision of every plane."""
    return np.asarray(values, dtype=np.float32)


def correlate(image: Plane, stamp: Plane) -> Plane:
    """Return the correlation of `image` with an odd `stamp`, zero outside the image."""
    return as_plane(signal.oaconvolve(image, stamp[::-1, ::-1].astype(np.float32), mode="same"))


def psf_fwhm_px(psf: Plane) -> float:
    """Return the FWHM of the Gaussian that spreads noise over as large an area as `psf`."""
    area = 1 / float((psf**2).sum())
    return float(np.sqrt(area / (4 * np.pi)) * 2.3548)


def matched_filter(data: Plane, variance: Plane, good: NDArray[np.bool_], psf: Plane) -> Filtered:
    """Return the PSF-weighted flux of `data` at each pixel; masked pixels have no weight."""
    weight = good.astype(np.float32)
    total = np.float32((psf**2).sum())
    norm = np.maximum(correlate(weight, psf**2), 1e-3 * total)
    flux = correlate(data * weight, psf) / norm
    power = np.maximum(correlate(variance * weight, psf**2), 1e-12)
    covered = np.clip(norm / total, 0, 1)
    return Filtered(as_plane(flux), as_plane(np.sqrt(power) / norm), as_plane(covered))


@dataclass(frozen=True, slots=True)
class Systematics:
    """How wrong a subtraction may be where there is light.

    Attributes
    ----------
    registration_rms_px : float
        Error of the alignment, pixels.
    flux_share : float
        Share of the template's light at a place.
    wing_share : float
        Share of the brightest light within 2.5 FWHM, and less out to 5: wings and rings of
        bright stars.
    """

    registration_rms_px: float
    flux_share: float
    wing_share: float


def corrected_score(
    filtered: Filtered,
    template: Plane,
    good: NDArray[np.bool_],
    psf: Plane,
    systematics: Systematics,
) -> Plane:
    """Return S_corr: the flux over all its errors, of noise and of the subtraction.

    After Zackay, Ofek & Gal-Yam 2016, ApJ 830, 27, section 3.3: beside the noise stand the
    gradient of the template's light times 1.5 registration errors, and shares of that light. A
    local floor holds the rms of the result near one where none of them explains the residuals.
    """
    light = matched_filter(template, np.ones_like(template), good, psf).flux
    slope_y, slope_x = np.gradient(light)
    extra = (1.5 * systematics.registration_rms_px) ** 2 * (slope_x**2 + slope_y**2)
    extra += (systematics.flux_share * light) ** 2
    for reach_fwhm, part in _WINGS:
        side = 2 * round(reach_fwhm * psf_fwhm_px(psf)) + 1
        brightest = ndimage.maximum_filter(np.abs(light), side)
        extra += (part * systematics.wing_share * brightest) ** 2
    ratio = filtered.flux / np.sqrt(filtered.error**2 + extra)
    score = as_plane(np.where(filtered.covered > _LEAST_SEEN, ratio, 0))
    usable = good & (filtered.covered > _WELL_SEEN)
    if usable.mean() < _LEAST_USABLE:
        return score
    box = int(np.clip(min(score.shape) // 4, 16, _FLOOR_BOX_PX))
    level = sep.Background(score, mask=~usable, bw=box, bh=box, fw=3, fh=3)
    return as_plane(score / np.maximum(level.rms(), _LEAST_RMS))
