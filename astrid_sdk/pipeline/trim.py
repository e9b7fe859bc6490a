"""Cutting the prescan and overscan off a raw image, and the WCS with them."""

import re
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.sky.frame import RawImage

_SECTION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]")
_SECTION_WORDS = ("TRIMSEC", "DATASEC", "BIASSEC", "CCDSEC", "AMPSEC")
_OVERSCAN_WINDOW_ROWS = 101


@dataclass(frozen=True, slots=True)
class Section:
    """A rectangle of pixels, 0-based and half-open."""

    x0: int
    x1: int
    y0: int
    y1: int

    def cut(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a copy of this part of `data`."""
        return data[self.y0 : self.y1, self.x0 : self.x1].copy()


def trim(raw: RawImage) -> RawImage:
    """Return `raw` with its overscan subtracted and only its light-sensitive part kept.

    ``TRIMSEC``, else ``DATASEC``, says what is kept (IRAF's 1-based inclusive sections). A section
    that does not fit the image describes another image, such as the one before an earlier trim:
    it is ignored. CRPIX moves with the corner; the section cards, now spent, are left out.
    """
    data = np.ascontiguousarray(raw.data, dtype=np.float32)
    header = raw.header.copy()
    kept = section_of(header, "TRIMSEC", data.shape) or section_of(header, "DATASEC", data.shape)
    if kept is None:
        return RawImage(data=data.copy(), header=header)
    bias = section_of(header, "BIASSEC", data.shape)
    if bias is not None and bias.x1 - bias.x0 < data.shape[1] // 4:
        data = data - _overscan_level(bias.cut(data))[:, None] if _spans(bias, data) else data
    _move_reference_pixel(header, kept)
    for word in _SECTION_WORDS:
        header.remove(word, ignore_missing=True)
    return RawImage(data=kept.cut(data), header=header)


def section_of(header: fits.Header, word: str, shape: tuple[int, ...]) -> Section | None:
    """Return the section that card `word` names, or None when absent or not of this image."""
    match = _SECTION.fullmatch(str(header.get(word, "")).strip())
    if match is None:
        return None
    x0, x1, y0, y1 = (int(number) for number in match.groups())
    height, width = shape
    # one pixel too many is a common slip in headers; more is another image's section
    if x0 < 1 or y0 < 1 or x1 > width + 1 or y1 > height + 1 or x0 > x1 or y0 > y1:
        return None
    section = Section(x0 - 1, min(x1, width), y0 - 1, min(y1, height))
    return section if section.x1 > section.x0 and section.y1 > section.y0 else None


def _spans(bias: Section, data: NDArray[np.float32]) -> bool:
    return bool(bias.y1 - bias.y0 >= data.shape[0])


def _overscan_level(strip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Level of each row: the median of the strip, smoothed along the rows."""
    rows = np.nanmedian(strip, axis=1)
    window = min(_OVERSCAN_WINDOW_ROWS, len(rows))
    return np.asarray(ndimage.median_filter(rows, window, mode="nearest"), dtype=np.float32)


def _move_reference_pixel(header: fits.Header, kept: Section) -> None:
    for word, offset in (("CRPIX1", kept.x0), ("CRPIX2", kept.y0)):
        if isinstance(header.get(word), int | float):
            header[word] = float(header[word]) - offset
