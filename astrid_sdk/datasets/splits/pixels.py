"""Copies of one image among very many: turned, mirrored, scaled, or under another header.

An image is summed up by the signs of coarse blocks against their median, in whichever of its eight
orientations gives the least bits: copies have the same bits. What agrees in them is then compared
pixel by pixel, so that chance agreement is no copy.
"""

import enum
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.fits_files import images_in, open_fits, read_hdu

Planes = list[NDArray[np.float32]]

_BLOCKS = 8
_TURNS = 4
_LEAST_PX = 2 * _BLOCKS
_ROUNDING = 1e-6
_SAME = 0.9999  # correlation of copies; two stamps of noise have some hundredths


class Likeness(enum.StrEnum):
    """How an image is the other one."""

    PIXELS = "the same pixels"
    COPY = "a turned or mirrored copy"
    SCALED = "a scaled copy"


def planes_of(content: bytes) -> Planes:
    """Return the images in a FITS file; none where it is no FITS file, or holds no image."""
    try:
        with open_fits(content) as hdus:
            return [read_hdu(hdus, info.index).data for info in images_in(hdus)]
    except InvalidInputError:
        return []


def outline(planes: Planes) -> str:
    """Return what copies of an image have in common, "" where it shows too little to tell."""
    if not planes or any(min(plane.shape) < _LEAST_PX for plane in planes):
        return ""
    signs = [_signs(_coarse(plane)) for plane in planes]
    if not any(each.any() for each in signs):
        return ""
    turned = (np.stack(each).tobytes() for each in _orientations(signs))
    return sha256_hex(min(turned))


def likeness(planes: Planes, others: Planes) -> Likeness | None:
    """Return how an image is another one; None where it is not."""
    if len(planes) != len(others):
        return None
    found = [_alike(planes, turned) for turned in _orientations(others)]
    if found[0] is Likeness.PIXELS:
        return Likeness.PIXELS
    if Likeness.PIXELS in found:
        return Likeness.COPY
    return Likeness.SCALED if Likeness.SCALED in found else None


def _orientations(planes: Sequence[NDArray[np.generic]]) -> Iterator[list[NDArray[np.generic]]]:
    """Yield the planes in their eight orientations, all turned alike, as they are first."""
    for mirrored in (False, True):
        seen = [plane[:, ::-1] if mirrored else plane for plane in planes]
        for turns in range(_TURNS):
            yield [np.rot90(plane, turns) for plane in seen]


def _signs(blocks: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which blocks are brighter than the median, by more than rounding."""
    extent = np.ptp(blocks)
    if extent <= _ROUNDING * np.abs(blocks).max():
        return np.zeros(blocks.shape, np.bool_)
    return np.asarray((blocks - np.median(blocks)) / extent > _ROUNDING, np.bool_)


def _coarse(plane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sums of blocks, in a grid that turns with the plane."""
    filled = np.asarray(plane, np.float64)
    finite = np.isfinite(filled)
    if not finite.all():
        filled = np.where(finite, filled, np.median(filled[finite]) if finite.any() else 0.0)
    for axis in range(2):
        filled = _summed(filled, axis)
    return filled


def _summed(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return sums of equal parts along an axis; a pixel on a border counts by its share."""
    moved = np.moveaxis(values, axis, 0)
    running = np.concatenate([np.zeros((1, moved.shape[1])), np.cumsum(moved, axis=0)])
    borders = np.linspace(0, len(moved), _BLOCKS + 1)
    low = np.minimum(borders.astype(np.int64), len(moved) - 1)
    share = (borders - low)[:, np.newaxis]
    at = running[low] * (1 - share) + running[low + 1] * share
    return np.moveaxis(np.diff(at, axis=0), 0, axis)


def _alike(planes: Planes, others: Sequence[NDArray[np.generic]]) -> Likeness | None:
    pairs = list(zip(planes, others, strict=True))
    if any(one.shape != other.shape for one, other in pairs):
        return None
    if all(np.array_equal(one, other, equal_nan=True) for one, other in pairs):
        return Likeness.PIXELS
    return Likeness.SCALED if all(_follows(one, other) for one, other in pairs) else None


def _follows(one: NDArray[np.float32], other: NDArray[np.generic]) -> bool:
    """Return whether one plane is the other one times a number, and more or less by another."""
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    known = np.isfinite(first)
    if not np.array_equal(known, np.isfinite(second)) or not known.any():
        return bool(np.array_equal(known, np.isfinite(second)))
    first, second = (it[known] - it[known].mean() for it in (first, second))
    size = np.linalg.norm(first) * np.linalg.norm(second)
    if not size:  # one of them is flat
        return bool(np.linalg.norm(first) == np.linalg.norm(second))
    return bool(first @ second / size >= _SAME)
