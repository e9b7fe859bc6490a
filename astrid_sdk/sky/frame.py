"""The frame: a calibrated image with its variance and its mask, and its FITS form.

A frame is stored as a multi-extension FITS file (format version 1): an empty primary HDU that
carries the descriptive cards, then ``SCI`` (float32), ``VAR`` (float32), ``MASK`` (uint16, bits
named in its header, 0 = good) and, where frames were co-added, ``COVERAGE`` (uint16, frames per
pixel). The bytes depend on the values alone: no date, no checksum card, no path.
"""

import enum
import io
import warnings
from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyWarning
from astropy.wcs import WCS, FITSFixedWarning
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.header_words import is_descriptive, is_wcs_word

FORMAT_VERSION = 1
_SCALE_WORDS = ("CDELT{}", "CD{}_1", "CD{}_2", "PC{}_1", "PC{}_2", "CD00{}001", "CD00{}002")


class MaskBit(enum.IntFlag):
    """Why a pixel is not to be trusted. Zero is a good pixel."""

    BAD = 1  # a defect of the detector: hot, dead, bad column
    SATURATED = 2  # at or above full well, or bled into
    COSMIC_RAY = 4
    NO_DATA = 8  # NaN, outside the detector, no coverage


@dataclass(frozen=True, slots=True, eq=False)
class RawImage:
    """One image HDU as it came, scaled but not calibrated.

    Attributes
    ----------
    data : ndarray of float32, shape (ny, nx)
        Counts with BSCALE and BZERO applied; NaN where the file says there is no value.
    header : astropy.io.fits.Header
        The cards of the HDU over those of the primary HDU.
    """

    data: NDArray[np.float32]
    header: fits.Header


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A calibrated image.

    Attributes
    ----------
    data : ndarray of float32, shape (ny, nx)
        Background-subtracted counts in ADU. Masked pixels hold finite fill values.
    variance : ndarray of float32, shape (ny, nx)
        Variance of `data`, ADU squared: sky, read-out and source noise.
    mask : ndarray of uint16, shape (ny, nx)
        `MaskBit` flags; 0 is good.
    header : astropy.io.fits.Header
        Descriptive cards and, where known, the WCS of `data`.
    coverage : ndarray of uint16, shape (ny, nx), optional
        Number of frames that contributed to each pixel, for co-adds.
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.uint16]
    header: fits.Header = field(default_factory=fits.Header)
    coverage: NDArray[np.uint16] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns: (ny, nx)."""
        return (self.data.shape[0], self.data.shape[1])

    @property
    def good(self) -> NDArray[np.bool_]:
        """True where no mask bit is set."""
        return np.asarray(self.mask == 0)

    @property
    def wcs(self) -> WCS | None:
        """The celestial WCS of `data`, or None where the header has none."""
        return celestial_wcs(self.header)

    def to_fits(self) -> bytes:
        """Return the frame as FITS bytes, the same bytes for the same values."""
        cards = descriptive_cards(self.header)
        cards["ASTRIDFV"] = (FORMAT_VERSION, "frame format version")
        images = [
            fits.ImageHDU(self.data.astype(np.float32), header=wcs_cards(self.header), name="SCI"),
            fits.ImageHDU(self.variance.astype(np.float32), name="VAR"),
            mask_hdu(self.mask),
        ]
        if self.coverage is not None:
            images.append(fits.ImageHDU(self.coverage.astype(np.uint16), name="COVERAGE"))
        return hdus_to_bytes([fits.PrimaryHDU(header=cards), *images])

    @classmethod
    def from_fits(cls, content: bytes) -> "Frame":
        """Return the frame that `to_fits` wrote as `content`.

        Raises
        ------
        InvalidInputError
            `content` is not a frame, or one of a later format version.
        """
        with fits.open(io.BytesIO(content), memmap=False) as hdus:
            version = hdus[0].header.get("ASTRIDFV")
            if version != FORMAT_VERSION:
                raise InvalidInputError(
                    f"frame format version {version!r} is not {FORMAT_VERSION}: "
                    "not a frame, or one written by a later release",
                    kind="format_version",
                )
            header = hdus[0].header.copy()
            header.update(wcs_cards(hdus["SCI"].header))
            coverage = hdus["COVERAGE"].data.astype(np.uint16) if "COVERAGE" in hdus else None
            return cls(
                data=hdus["SCI"].data.astype(np.float32),
                variance=hdus["VAR"].data.astype(np.float32),
                mask=hdus["MASK"].data.astype(np.uint16),
                header=header,
                coverage=coverage,
            )


def mask_hdu(mask: NDArray[np.uint16]) -> fits.ImageHDU:
    """Return `mask` as an image HDU whose header names each bit."""
    hdu = fits.ImageHDU(mask.astype(np.uint16), name="MASK")
    for bit in MaskBit:
        hdu.header[f"MB_{int(bit).bit_length() - 1}"] = (bit.name, f"value {int(bit)}")
    return hdu


def hdus_to_bytes(hdus: list[fits.PrimaryHDU | fits.ImageHDU]) -> bytes:
    """Return the FITS file that `hdus` make, without clocks or checksums."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VerifyWarning)
        fits.HDUList(hdus).writeto(buffer, output_verify="silentfix", checksum=False)
    return buffer.getvalue()


def celestial_wcs(header: fits.Header) -> WCS | None:
    """Return the two-dimensional celestial WCS of `header`, or None where it has none.

    An axis without scale is none: the library's default, a degree per pixel, would be wrong.
    """
    scaled = all(any(header.get(word.format(axis)) for word in _SCALE_WORDS) for axis in (1, 2))
    if not scaled or not str(header.get("CTYPE1", "")).strip():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        try:
            # The other cards change nothing here and cost most of the time.
            wcs = WCS(_wcs_candidates(header), naxis=2)
        except (ValueError, TypeError, KeyError, MemoryError):
            return None
    return wcs if wcs.has_celestial else None


def wcs_cards(header: fits.Header) -> fits.Header:
    """Return the cards of `header` that make its celestial WCS, verbatim; empty without one.

    The cards are kept as they were written (SIP and TPV terms too) instead of being written
    anew by a WCS library, so that no precision and no dialect is lost.
    """
    return _wcs_candidates(header) if celestial_wcs(header) is not None else fits.Header()


def descriptive_cards(header: fits.Header) -> fits.Header:
    """Return the cards of `header` that describe the exposure: no structure, WCS, clock or path."""
    kept = fits.Header()
    for card in header.cards:
        if is_descriptive(card.keyword):
            kept.append(card, end=True)
    return kept


def _wcs_candidates(header: fits.Header) -> fits.Header:
    return fits.Header([card for card in header.cards if is_wcs_word(card.keyword)])
