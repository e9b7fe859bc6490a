"""A triplet made ready to be measured: signs, noise and radii, whatever pixels are missing."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.sky.cutouts import Triplet, cutout

Stamp = NDArray[np.float64]
Chosen = NDArray[np.bool_]

SKY_FROM_PX = 12.0
"""Pixels at least so far from the position tell the noise and the level of the surroundings."""

_FWHM_PX = 3.5  # where no PSF is known
_TO_SIGMA = 1.4826  # of a median absolute deviation of Gaussian noise
_LEAST_SKY_PX = 50
_SIGMA_TO_FWHM = 2.3548


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Level and noise of a stamp around the object; NaN where too few pixels tell."""

    level: float
    noise: float

    @classmethod
    def of(cls, values: Stamp) -> Self:
        """Return median and 1.4826 times the median absolute deviation of `values`."""
        if values.size < _LEAST_SKY_PX:
            return cls(np.nan, np.nan)
        level = float(np.median(values))
        noise = _TO_SIGMA * float(np.median(np.abs(values - level)))
        return cls(level, noise if noise > 0 else np.nan)


@dataclass(frozen=True, eq=False)
class Stamps:
    """A triplet whose difference is positive where the source is, brightening or fading.

    Attributes
    ----------
    science, reference, difference : ndarray of float64, shape (n, n)
        NaN where one of the three has no data.
    psf : ndarray of float64, shape (n, n)
        The PSF of the difference on the stamp's pixels, centred on its middle; a Gaussian of
        3.5 px where none is known.
    masked : ndarray of bool, shape (n, n)
        Where the difference is masked; nowhere where that is not known.
    snr : float
        As the detection says, positive; NaN where it does not.
    offset_x, offset_y : float
        From the stamp's middle pixel to the position, pixels.
    """

    science: Stamp
    reference: Stamp
    difference: Stamp
    psf: Stamp
    masked: Chosen
    snr: float
    offset_x: float
    offset_y: float

    @classmethod
    def of(cls, triplet: Triplet, searched: Difference | None = None) -> Self:
        """Return `triplet` made ready.

        Parameters
        ----------
        triplet : Triplet
        searched : Difference, optional
            What it was cut out of: its PSF and its mask.
        """
        sign = -1.0 if triplet.header.get("ISNEG", False) else 1.0
        planes = [
            np.asarray(plane, np.float64)
            for plane in (triplet.science, triplet.reference, triplet.difference)
        ]
        missing = ~np.isfinite(planes).all(axis=0)
        science, reference, difference = (np.where(missing, np.nan, plane) for plane in planes)
        size = len(difference)
        return cls(
            science=science,
            reference=reference,
            difference=sign * difference,
            psf=_gaussian(size) if searched is None else _fitted(searched.psf, size),
            masked=~missing & (_mask(triplet, searched, size) > 0),
            snr=abs(float(triplet.header.get("SNR", np.nan))),
            offset_x=_offset(triplet, "X"),
            offset_y=_offset(triplet, "Y"),
        )

    @cached_property
    def good(self) -> Chosen:
        """Where all three have data."""
        return np.isfinite(self.difference)

    @cached_property
    def x(self) -> Stamp:
        """Pixels to the right of the position."""
        row = _axis(len(self.difference)) - self.offset_x
        return np.tile(row, (len(row), 1))

    @cached_property
    def y(self) -> Stamp:
        """Pixels above the position."""
        column = _axis(len(self.difference)) - self.offset_y
        return np.tile(column[:, np.newaxis], len(column))

    @cached_property
    def radius(self) -> Stamp:
        """Distance from the position, pixels."""
        return np.hypot(self.x, self.y)

    @cached_property
    def fwhm_px(self) -> float:
        """FWHM of the Gaussian that spreads noise over as large an area as the PSF."""
        area = 1 / float((self.psf**2).sum())
        return float(np.sqrt(area / (4 * np.pi)) * _SIGMA_TO_FWHM)

    @cached_property
    def sky(self) -> Sky:
        """Of the difference, away from the position."""
        return self._sky_of(self.difference)

    @cached_property
    def science_sky(self) -> Sky:
        """Of the science stamp, away from the position."""
        return self._sky_of(self.science)

    @cached_property
    def reference_sky(self) -> Sky:
        """Of the reference stamp, away from the position."""
        return self._sky_of(self.reference)

    def within(self, reach_fwhm: float) -> Chosen:
        """Return the pixels with data within so many FWHM of the position."""
        return self.good & (self.radius <= reach_fwhm * self.fwhm_px)

    def difference_flux(self, reach_fwhm: float) -> float:
        """Return the sum within so many FWHM above the level around; NaN without pixels."""
        return self._flux(self.difference, self.sky, reach_fwhm)

    def science_flux(self, reach_fwhm: float) -> float:
        """Return the same of the science stamp."""
        return self._flux(self.science, self.science_sky, reach_fwhm)

    def reference_flux(self, reach_fwhm: float) -> float:
        """Return the same of the reference stamp."""
        return self._flux(self.reference, self.reference_sky, reach_fwhm)

    def _sky_of(self, plane: Stamp) -> Sky:
        return Sky.of(plane[self.good & (self.radius >= SKY_FROM_PX)])

    def _flux(self, plane: Stamp, sky: Sky, reach_fwhm: float) -> float:
        chosen = self.within(reach_fwhm)
        return float((plane[chosen] - sky.level).sum()) if chosen.any() else np.nan


def _offset(triplet: Triplet, card: str) -> float:
    place = float(triplet.header.get(card, 0.0))
    return place - float(np.floor(place + 0.5))


def _mask(triplet: Triplet, searched: Difference | None, size: int) -> NDArray[np.float32]:
    if searched is None:
        return np.zeros((size, size), np.float32)
    return cutout(searched.mask, triplet.header["X"], triplet.header["Y"], size)


def _axis(size: int) -> Stamp:
    return np.arange(size, dtype=np.float64) - size // 2


def _gaussian(size: int) -> Stamp:
    axis = _axis(size) * _SIGMA_TO_FWHM / _FWHM_PX
    profile = np.exp(-(axis**2) / 2)
    stamp = np.outer(profile, profile)
    return np.asarray(stamp / stamp.sum())


def _fitted(psf: NDArray[np.floating], size: int) -> Stamp:
    """Return `psf` cut or padded to the stamp's size, of sum 1."""
    fitted = np.zeros((size, size))
    reach = min(len(psf), size) // 2
    middle, own = size // 2, len(psf) // 2
    fitted[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1] = psf[
        own - reach : own + reach + 1, own - reach : own + reach + 1
    ]
    return np.asarray(fitted / fitted.sum())
