"""Resampling a frame onto another grid: data, variance, mask and coverage."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.pipeline.polynomial import PlaneMap
from astrid_sdk.sky.frame import Frame, MaskBit, descriptive_cards

_ROWS_AT_ONCE = 256
_MASKED_SHARE = 0.1  # a resampled pixel that owes more than this to a flagged one is flagged


class MapsPixels(Protocol):
    """Anything that carries a map from output pixels to input pixels."""

    @property
    def map(self) -> PlaneMap: ...  # noqa: D102 - the attribute of Registration

    @property
    def is_identity(self) -> bool: ...  # noqa: D102 - the attribute of Registration


def warp(frame: Frame, registration: MapsPixels, shape: tuple[int, int]) -> Frame:
    """Return `frame` resampled onto the grid that `registration` maps from.

    Cubic-spline interpolation; where the new pixels are larger than the old, the mean of a finer
    grid. Counts are scaled by the area of a new pixel in old ones, so that a star keeps its flux.

    Parameters
    ----------
    frame : Frame
        What is resampled. Masked pixels must be finite.
    registration : Registration
        Maps pixels of the new grid to pixels of `frame`.
    shape : tuple of int
        Rows and columns of the new grid.

    Returns
    -------
    Frame
        Without WCS. `variance` is that of white noise with the same power on the scale of a
        star: resampling correlates noise and would seem to lower it. Pixels outside `frame` are
        NO_DATA, with data 0.
    """
    header = descriptive_cards(frame.header)
    if registration.is_identity and frame.shape == shape:
        return Frame(
            frame.data.copy(), frame.variance.copy(), frame.mask.copy(), header, frame.coverage
        )
    area = registration.map.area_ratio(shape[1] / 2, shape[0] / 2)
    fine = max(1, int(np.ceil(np.sqrt(area) - 0.25)))
    resampler = _Resampler(registration.map, shape, fine)
    data = resampler.spline(frame.data) * np.float32(area)
    variance = np.maximum(resampler.linear(frame.variance), 0) * np.float32(area)
    mask = resampler.flags(frame.mask)
    outside = (mask & MaskBit.NO_DATA) != 0
    data[outside] = 0
    variance[outside] = np.float32(np.median(frame.variance) * area)
    coverage = None
    if frame.coverage is not None:
        whole = np.floor(resampler.linear(frame.coverage.astype(np.float32)) + 0.01)
        coverage = np.where(outside, 0, whole).astype(np.uint16)
    return Frame(data, variance, mask, header, coverage)


class _Resampler:
    """One map applied to several planes, a band of rows at a time to keep memory low."""

    def __init__(self, pixel_map: PlaneMap, shape: tuple[int, int], fine: int) -> None:
        self._map = pixel_map
        self._shape = shape
        steps = (np.arange(fine) + 0.5) / fine - 0.5
        self._offsets = [(float(dx), float(dy)) for dy in steps for dx in steps]
        self._places: dict[int, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}

    def spline(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._apply(ndimage.spline_filter(plane, 3, output=np.float32, mode="mirror"), 3)

    def linear(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._apply(plane, 1)

    def flags(self, mask: NDArray[np.uint16]) -> NDArray[np.uint16]:
        flags = np.zeros(self._shape, dtype=np.uint16)
        for bit in MaskBit:
            outside = 1.0 if bit is MaskBit.NO_DATA else 0.0
            plane = ((mask & bit) != 0).astype(np.float32)
            if not plane.any() and outside == 0.0:
                continue
            flags[self._apply(plane, 1, outside) > _MASKED_SHARE] |= int(bit)
        return flags

    def _apply(
        self, plane: NDArray[np.float32], order: int, outside: float | None = None
    ) -> NDArray[np.float32]:
        result = np.empty(self._shape, dtype=np.float32)
        for top in range(0, self._shape[0], _ROWS_AT_ONCE):
            result[top : top + _ROWS_AT_ONCE] = self._band(plane, order, outside, top)
        return result

    def _places_of(self, top: int) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return where the pixels of a band come from, worked out once for all planes."""
        if top not in self._places:
            rows = slice(top, min(top + _ROWS_AT_ONCE, self._shape[0]))
            y, x = np.mgrid[rows, 0 : self._shape[1]].astype(np.float64)
            self._places[top] = [self._map.at(x + dx, y + dy) for dx, dy in self._offsets]
        return self._places[top]

    def _band(
        self, plane: NDArray[np.float32], order: int, outside: float | None, top: int
    ) -> NDArray[np.float32]:
        places = self._places_of(top)
        total = np.zeros(places[0][0].shape, dtype=np.float32)
        mode, fill = ("mirror", 0.0) if outside is None else ("constant", outside)
        for there_x, there_y in places:
            total += ndimage.map_coordinates(
                plane,
                [there_y, there_x],
                output=np.float32,
                order=order,
                mode=mode,
                cval=fill,
                prefilter=False,
            )
        total /= len(places)
        return total
