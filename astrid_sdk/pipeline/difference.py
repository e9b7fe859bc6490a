"""The difference: what changed between a reference and a science frame, and its FITS form.

Stored like a frame (format version 1): an empty primary HDU with the descriptive cards, then
``DIFF``, ``VAR``, ``MASK``, ``SCORE``, ``REFERENCE`` (the template as it was subtracted) and
``PSF``. The bytes depend on the values alone.
"""

import io
from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.frame import (
    celestial_wcs,
    descriptive_cards,
    hdus_to_bytes,
    mask_hdu,
    wcs_cards,
)

FORMAT_VERSION = 1
_VERSION_WORD = "ASTRIDDV"
_PLANES = ("DIFF", "VAR", "SCORE", "REFERENCE", "PSF")


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Science minus matched reference, on the grid and flux scale of the science frame.

    Attributes
    ----------
    data : ndarray of float32, shape (ny, nx)
        Science minus template, ADU of the science frame.
    variance : ndarray of float32, shape (ny, nx)
        ADU squared. Of white noise as strong as the real noise on the scale of the PSF: the
        convolved image's noise is correlated, and its bare pixel variance would say too little.
    mask : ndarray of uint16, shape (ny, nx)
        `MaskBit` flags of either frame; 0 is good.
    score : ndarray of float32, shape (ny, nx)
        S_corr: significance of a point source at each pixel, sigma.
    reference : ndarray of float32, shape (ny, nx)
        The template aligned to the science grid, on its flux scale.
    psf : ndarray of float32, shape (k, k)
        PSF of the difference: odd, centred, sum 1.
    header : astropy.io.fits.Header
        Cards and WCS of the science frame, and REGMETH, REGRMS, NMATCH, CONVOLVE, KERNSUM, KERNVAR,
        KERNCHI, NSTAMPS, DIFFRMS, FWHMDIF.
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.uint16]
    score: NDArray[np.float32]
    reference: NDArray[np.float32]
    psf: NDArray[np.float32]
    header: fits.Header = field(default_factory=fits.Header)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns: (ny, nx)."""
        return (self.data.shape[0], self.data.shape[1])

    @property
    def good(self) -> NDArray[np.bool_]:
        """True where no mask bit is set."""
        return np.asarray(self.mask == 0)

    @property
    def megapixels(self) -> float:
        """Unmasked area in millions of pixels."""
        return float(self.good.sum()) / 1e6

    @property
    def wcs(self) -> WCS | None:
        """The celestial WCS of `data`, or None where the science frame had none."""
        return celestial_wcs(self.header)

    def to_fits(self) -> bytes:
        """Return the difference as FITS bytes, the same bytes for the same values."""
        cards = descriptive_cards(self.header)
        cards[_VERSION_WORD] = (FORMAT_VERSION, "difference format version")
        wcs = wcs_cards(self.header)
        return hdus_to_bytes(
            [
                fits.PrimaryHDU(header=cards),
                fits.ImageHDU(self.data.astype(np.float32), header=wcs, name="DIFF"),
                fits.ImageHDU(self.variance.astype(np.float32), name="VAR"),
                mask_hdu(self.mask),
                fits.ImageHDU(self.score.astype(np.float32), name="SCORE"),
                fits.ImageHDU(self.reference.astype(np.float32), header=wcs, name="REFERENCE"),
                fits.ImageHDU(self.psf.astype(np.float32), name="PSF"),
            ]
        )

    @classmethod
    def from_fits(cls, content: bytes) -> "Difference":
        """Return the difference that `to_fits` wrote as `content`.

        Raises
        ------
        InvalidInputError
            `content` is not a difference, or one of a later format version.
        """
        with fits.open(io.BytesIO(content), memmap=False) as hdus:
            version = hdus[0].header.get(_VERSION_WORD)
            if version != FORMAT_VERSION:
                raise InvalidInputError(
                    f"difference format version {version!r} is not {FORMAT_VERSION}: "
                    "not a difference, or one written by a later release",
                    kind="format_version",
                )
            header = hdus[0].header.copy()
            header.update(wcs_cards(hdus["DIFF"].header))
            data, variance, score, reference, psf = (
                hdus[name].data.astype(np.float32) for name in _PLANES
            )
            mask = hdus["MASK"].data.astype(np.uint16)
        return cls(data, variance, mask, score, reference, psf, header)
