"""The table of detections: its columns, their units and meanings, and its flags."""

import enum
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


class DetectionFlag(enum.IntFlag):
    """Why a detection may not be a real source. Zero is a clean one."""

    MASKED = 1  # masked pixels carry much of its PSF
    EDGE = 2  # cut by the border or by missing data
    DIPOLE = 4  # a neighbour of the other sign: misalignment or proper motion
    SATURATED_HALO = 8  # in the halo of a saturated star
    SHARP = 16  # sharper than the PSF: a cosmic ray or a hot pixel
    SHAPE = 32  # does not look like the PSF


@dataclass(frozen=True, slots=True)
class DetectionColumn:
    """What one column holds: its name, unit (astropy's spelling, or none), UCD and meaning."""

    name: str
    unit: str | None
    ucd: str
    description: str


DETECTION_COLUMNS = (
    DetectionColumn("x", "pix", "pos.cartesian.x;instr.pixel", "0-based pixel centre"),
    DetectionColumn("y", "pix", "pos.cartesian.y;instr.pixel", "0-based pixel centre"),
    DetectionColumn("ra_deg", "deg", "pos.eq.ra;meta.main", "ICRS right ascension"),
    DetectionColumn("dec_deg", "deg", "pos.eq.dec;meta.main", "ICRS declination"),
    DetectionColumn("snr", None, "stat.snr", "PSF flux over its error, signed"),
    DetectionColumn("score", None, "stat.snr;stat.max", "S_corr at the peak, signed"),
    DetectionColumn("psf_flux_adu", "adu", "phot.count", "PSF flux, signed"),
    DetectionColumn("psf_flux_err_adu", "adu", "stat.error;phot.count", "error of the PSF flux"),
    DetectionColumn("psf_flux_njy", "nJy", "phot.flux.density", "PSF flux; NaN if not AB"),
    DetectionColumn("magnitude", "mag", "phot.mag", "AB magnitude of the absolute flux"),
    DetectionColumn("is_negative", None, "meta.code", "it faded"),
    DetectionColumn("is_dipole", None, "meta.code", "a twin of the other sign is at its side"),
    DetectionColumn("fwhm_px", "pix", "phys.angSize;instr.pixel", "twice the half-light radius"),
    DetectionColumn("flags", None, "meta.code.qual", "bits of DetectionFlag, 0 is clean"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Sources of one difference, best score first; one array per column, all of one length.

    Attributes
    ----------
    x, y : ndarray of float64
        0-based pixel centres in the science frame.
    ra_deg, dec_deg : ndarray of float64
        ICRS; NaN without WCS.
    snr : ndarray of float64
        Flux over its error from the noise of science and reference; negative for a fading.
    score : ndarray of float64
        S_corr at the peak, signed.
    psf_flux_adu, psf_flux_err_adu : ndarray of float64
        In counts of the science frame.
    psf_flux_njy, magnitude : ndarray of float64
        NaN without an AB zero point; magnitude of the absolute flux.
    is_negative, is_dipole : ndarray of bool
        Whether it faded; whether a twin of the other sign is at its side.
    fwhm_px : ndarray of float64
        Twice its half-light radius.
    flags : ndarray of int64
        `DetectionFlag` bits; 0 is clean.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    snr: NDArray[np.float64]
    score: NDArray[np.float64]
    psf_flux_adu: NDArray[np.float64]
    psf_flux_err_adu: NDArray[np.float64]
    psf_flux_njy: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    is_negative: NDArray[np.bool_]
    is_dipole: NDArray[np.bool_]
    fwhm_px: NDArray[np.float64]
    flags: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns by name, in order."""
        return {column.name: getattr(self, column.name) for column in fields(self)}

    def select(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> "Detections":
        """Return the detections that the index `keep` picks."""
        return Detections(*(getattr(self, column.name)[keep] for column in fields(self)))


def best_first(
    flags: NDArray[np.integer], is_negative: NDArray[np.bool_], snr: NDArray[np.floating]
) -> NDArray[np.intp]:
    """Return the order in which detections are cut out: unflagged, then positive, then by SNR.

    Stored triplets are told apart by this order alone.
    """
    return np.lexsort((-np.abs(snr), np.asarray(is_negative, bool), np.asarray(flags) != 0))
