"""Taking the prescan and overscan of a raw image out of the picture."""

import re
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.sky.frame import RawImage

_SECTION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]")
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

    def only(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `data` with NaN outside this part."""
        kept = np.full_like(data, np.nan)
        inside = np.s_[self.y0 : self.y1, self.x0 : self.x1]
        kept[inside] = data[inside]
        return kept


def without_overscan(raw: RawImage) -> RawImage:
    """Return `raw` with its overscan subtracted and no value outside its light-sensitive part.

    ``TRIMSEC``, else ``DATASEC``, says what sees light (IRAF's 1-based inclusive sections). A
    section that does not fit the image describes another image, such as the one before a trim:
    it is ignored. The grid stays the raw image's, so that its positions and WCS stay true.
    """
    data = np.ascontiguousarray(raw.data, dtype=np.float32)
    light = section_of(raw.header, "TRIMSEC", data.shape)
    light = light or section_of(raw.header, "DATASEC", data.shape)
    if light is None:
        return RawImage(data=data.copy(), header=raw.header.copy())
    bias = section_of(raw.header, "BIASSEC", data.shape)
    if bias is not None and bias.x1 - bias.x0 < data.shape[1] // 4:
        data = data - _overscan_level(bias.cut(data))[:, None] if _spans(bias, data) else data
    return RawImage(data=light.only(data), header=raw.header.copy())


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
