"""Finite values for pixels without a trustworthy one."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.sky.frame import MaskBit

_SIGMA_PX = 1.0
_LEAST_WEIGHT = 1e-3  # of good neighbours
_FILLED = MaskBit.BAD | MaskBit.COSMIC_RAY | MaskBit.NO_DATA


def fill_masked(data: NDArray[np.float32], mask: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return `data` with bad pixels replaced by the Gaussian mean of good neighbours.

    Saturated pixels keep their counts, which are at least a lower limit. Where no good pixel is
    near, the value is 0: the sky.
    """
    hole = ((mask & _FILLED) != 0) | ~np.isfinite(data)
    if not hole.any():
        return data.astype(np.float32)
    weight = ndimage.gaussian_filter((~hole).astype(np.float32), _SIGMA_PX, mode="nearest")
    total = ndimage.gaussian_filter(np.where(hole, 0, data), _SIGMA_PX, mode="nearest")
    mean = np.where(weight > _LEAST_WEIGHT, total / np.maximum(weight, _LEAST_WEIGHT), 0)
    return np.where(hole, mean, data).astype(np.float32)
