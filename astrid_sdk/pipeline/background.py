"""The sky level and noise of an image, without eating its galaxies."""

from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.errors import InvalidInputError

_OBJECT_THRESHOLD = 2.5  # sigma above the first sky at which a pixel belongs to an object
_LARGEST_BOX = 128
_SMALLEST_BOX = 16
_LEAST_OBJECT_PX = 8
_LARGE_OBJECT_PX = 400  # only objects this large have wings worth tens of pixels
_MOST_COVERED = 0.6  # beyond this share the "objects" are the sky's own structure


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """The smooth sky of an image.

    Attributes
    ----------
    level : ndarray of float32, shape (ny, nx)
        Sky level, ADU.
    rms : ndarray of float32, shape (ny, nx)
        Noise of one sky pixel, ADU.
    median_level, median_rms : float
        The two planes in one number each, ADU.
    """

    level: NDArray[np.float32]
    rms: NDArray[np.float32]
    median_level: float
    median_rms: float


def measure_background(
    data: NDArray[np.float32], bad: NDArray[np.bool_], box_px: int = _LARGEST_BOX
) -> Background:
    """Return the sky of `data`, measured between the objects.

    The first sky finds the objects; they and their wings are left out of the second, so that a
    galaxy as large as several boxes stands on the sky interpolated from around it.

    Parameters
    ----------
    data : ndarray of float32, shape (ny, nx)
        Finite counts.
    bad : ndarray of bool, shape (ny, nx)
        Pixels to leave out.
    box_px : int
        Side of the mesh over which the sky is taken to be constant.

    Raises
    ------
    InvalidInputError
        The sky has no noise (kind ``constant``): nothing was measured there.
    """
    box = int(np.clip(min(data.shape) // 4, _SMALLEST_BOX, box_px))
    first = sep.Background(data, mask=bad, bw=box, bh=box)
    if not np.isfinite(first.globalrms) or first.globalrms <= 0:
        raise InvalidInputError(
            "the image is constant: no sky noise can be measured in it", kind="constant"
        )
    objects = find_object_pixels(data - first.back(), float(first.globalrms), bad)
    second = sep.Background(data, mask=bad | objects, bw=box, bh=box, fw=3, fh=3)
    rms = np.maximum(second.rms(), 0.3 * second.globalrms).astype(np.float32)
    return Background(
        level=second.back().astype(np.float32),
        rms=rms,
        median_level=float(second.globalback),
        median_rms=float(np.median(rms)),
    )


def find_object_pixels(
    residual: NDArray[np.float32], rms: float, bad: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return where smoothed `residual` belongs to an object, wings included."""
    smooth = ndimage.gaussian_filter(np.where(bad, 0, residual), 2.0, mode="nearest")
    white = rms / (2 * np.sqrt(np.pi) * 2.0)  # of a sky smoothed by a Gaussian of 2 px
    noise = max(white, 1.4826 * float(np.median(np.abs(smooth - np.median(smooth)))))
    labels, _ = ndimage.label(smooth > 1.5 * _OBJECT_THRESHOLD * noise)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    objects = (areas > _LEAST_OBJECT_PX)[labels]
    large = (areas > _LARGE_OBJECT_PX)[labels]
    grown = ndimage.binary_dilation(objects, iterations=2)
    grown |= ndimage.binary_dilation(large, iterations=8)
    return grown if grown.mean() < _MOST_COVERED else np.zeros_like(grown)
