"""Stamps around a position, and the triplet of them that a detection is judged by."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.fits_files import Plane, open_fits
from astrid_sdk.sky.frame import hdus_to_bytes

DEFAULT_SIZE_PX = 63
TRIPLET_VERSION = 1
_STAMPS = ("SCIENCE", "REFERENCE", "DIFFERENCE")


def cutout(
    data: NDArray[np.floating] | NDArray[np.integer] | Plane,
    x: float,
    y: float,
    size_px: int = DEFAULT_SIZE_PX,
) -> NDArray[np.float32]:
    """Return a square stamp centred on the pixel nearest to (x, y), NaN outside the image.

    Parameters
    ----------
    data : ndarray or Plane, shape (ny, nx)
        The image.
    x, y : float
        0-based pixel position; it may lie outside the image.
    size_px : int
        Side of the stamp, odd, so that it has a centre pixel.

    Raises
    ------
    InvalidInputError
        `size_px` is even or not positive, or the position is not finite.
    """
    if size_px < 1 or size_px % 2 == 0:
        raise InvalidInputError(
            f"a stamp of {size_px} pixels has no centre pixel: ask for an odd size",
            kind="even_size",
        )
    if not np.isfinite([x, y]).all():
        raise InvalidInputError(f"({x}, {y}) is no position in an image", kind="no_position")
    half = size_px // 2
    # A position halfway between two pixels belongs to the upper one, at every x alike.
    left, low = int(np.floor(x + 0.5)) - half, int(np.floor(y + 0.5)) - half
    stamp = np.full((size_px, size_px), np.nan, dtype=np.float32)
    ny, nx = data.shape
    x0, x1 = (min(max(edge, 0), nx) for edge in (left, left + size_px))
    y0, y1 = (min(max(edge, 0), ny) for edge in (low, low + size_px))
    stamp[y0 - low : y1 - low, x0 - left : x1 - left] = data[y0:y1, x0:x1]
    return stamp


@dataclass(frozen=True, slots=True, eq=False)
class Triplet:
    """Stamps of one position in the science, reference and difference image.

    Attributes
    ----------
    science, reference, difference : ndarray of float32, shape (size, size)
        In the images' units; NaN where there is no data.
    header : astropy.io.fits.Header
        What the stamps are of: `x`, `y` and whatever the maker adds.
    """

    science: NDArray[np.float32]
    reference: NDArray[np.float32]
    difference: NDArray[np.float32]
    header: fits.Header = field(default_factory=fits.Header)

    @classmethod
    def around(
        cls,
        science: NDArray[np.float32],
        reference: NDArray[np.float32],
        difference: NDArray[np.float32],
        *,
        x: float,
        y: float,
        size_px: int = DEFAULT_SIZE_PX,
        header: fits.Header | None = None,
    ) -> Self:
        """Return the triplet centred on the pixel nearest to (x, y) of three aligned images."""
        cards = fits.Header() if header is None else header.copy()
        cards["X"] = (float(x), "[pixel] 0-based position in the science image")
        cards["Y"] = (float(y), "[pixel] 0-based position in the science image")
        return cls(
            science=cutout(science, x, y, size_px),
            reference=cutout(reference, x, y, size_px),
            difference=cutout(difference, x, y, size_px),
            header=cards,
        )

    def to_fits(self) -> bytes:
        """Return the triplet as FITS bytes, the same bytes for the same values."""
        cards = self.header.copy()
        cards["ASTRIDTV"] = (TRIPLET_VERSION, "triplet format version")
        stamps = (self.science, self.reference, self.difference)
        images = [
            fits.ImageHDU(stamp.astype(np.float32), name=name)
            for name, stamp in zip(_STAMPS, stamps, strict=True)
        ]
        return hdus_to_bytes([fits.PrimaryHDU(header=cards), *images])

    @classmethod
    def from_fits(cls, content: bytes) -> Self:
        """Return the triplet that `to_fits` wrote as `content`.

        Raises
        ------
        InvalidInputError
            `content` is not a triplet, or one of a later format version.
        """
        with open_fits(content, "the triplet") as hdus:
            version = hdus[0].header.get("ASTRIDTV")
            if version != TRIPLET_VERSION:
                raise InvalidInputError(
                    f"triplet format version {version!r} is not {TRIPLET_VERSION}: "
                    "not a triplet, or one written by a later release",
                    kind="format_version",
                )
            science, reference, difference = (_stamp(hdus[name]) for name in _STAMPS)
            header = hdus[0].header.copy(strip=True)
            del header["ASTRIDTV"]
            return cls(science, reference, difference, header)


def _stamp(hdu: fits.ImageHDU) -> NDArray[np.float32]:
    return np.asarray(hdu.data, dtype=np.float32)
