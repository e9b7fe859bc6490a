"""Co-adding frames of one field into a deeper one, bad frames left out with their reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sep
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.fill import fill_masked
from astrid_sdk.pipeline.polynomial import PlaneMap
from astrid_sdk.pipeline.psf import fwhm_of, stars_of
from astrid_sdk.pipeline.register import Registration, register, warp
from astrid_sdk.pipeline.stars import Stars
from astrid_sdk.sky.frame import Frame, MaskBit

_ROWS_AT_ONCE = 128
_FEWEST_STARS = 3  # from which a flux scale is measured
_BRIGHT_SNR = 20.0
_FEWEST_TO_CLIP = 3
_CLIP_SIGMA = 4.5
_PSF_CHANGE = 0.2  # share of a pixel's flux that seeing may change from frame to frame
_WIDEST = 1.8  # times the median FWHM
_LEAST_GROWTH_PX = 8  # smaller dithers keep the base frame's grid
_FAINTEST, _BRIGHTEST = 0.25, 4.0  # times the median transparency


@dataclass(frozen=True, slots=True, eq=False)
class Coadd:
    """A co-add and what went into it.

    Attributes
    ----------
    frame : Frame
        With its coverage plane, on the grid of the base frame (grown where others reach beyond it),
        with its WCS and flux scale.
    base : int
        Index of the frame whose grid it has.
    used : tuple of int
        Indices of the frames that contributed.
    rejected : tuple of (int, str)
        Indices of the others, each with the reason.
    """

    frame: Frame
    base: int
    used: tuple[int, ...]
    rejected: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One frame on the grid of the base, with its flux brought to the base's scale."""

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.uint16]
    weight: float


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The grid of the co-add: the base frame's, grown to hold the others."""

    x0: int  # corner in pixels of the base frame, 0 or less
    y0: int
    shape: tuple[int, int]


def coadd(frames: Sequence[Frame]) -> Coadd:
    """Return the robust weighted mean of `frames`, aligned and brought to one flux scale.

    Frames that cannot be aligned, or are far more blurred or fainter than the rest, are left out.
    Values that stand off from the median of the others at their pixel are clipped.

    Raises
    ------
    InvalidInputError
        There is no frame (kind ``no_frames``), or none of several can be aligned with another
        (kind ``not_alignable``).
    """
    if not frames:
        raise InvalidInputError("no frame was given to co-add", kind="no_frames")
    if len(frames) == 1:
        return Coadd(_alone(frames[0]), 0, (0,), ())
    stars = [stars_of(frame) for frame in frames]
    widths = [fwhm_of(f, s) for f, s in zip(frames, stars, strict=True)]
    usual = float(np.median(widths))
    rejected = {
        i: f"its stars are {width:.1f} px wide, the median is {usual:.1f} px"
        for i, width in enumerate(widths)
        if width > _WIDEST * usual
    }
    usable = [i for i in range(len(frames)) if i not in rejected]
    base, aligned, unaligned = _align(frames, _best_first(stars, widths, usable))
    rejected.update(unaligned)
    canvas = _canvas(frames[base], [(frames[i], found) for i, found in aligned.items()])
    layers = {}
    for index, found in aligned.items():
        layer = _layer(frames[index], found, frames[base], canvas, (stars[base], widths[index]))
        if isinstance(layer, str):
            rejected[index] = layer
        else:
            layers[index] = layer
    combined = _combine(list(layers.values()), frames[base], canvas)
    return Coadd(combined, base, tuple(sorted(layers)), tuple(sorted(rejected.items())))


def _alone(frame: Frame) -> Frame:
    covered = ((frame.mask & MaskBit.NO_DATA) == 0).astype(np.uint16)
    coverage = frame.coverage if frame.coverage is not None else covered
    return Frame(frame.data, frame.variance, frame.mask, frame.header, coverage)


def _best_first(
    stars: Sequence[Stars], widths: Sequence[float], usable: Sequence[int]
) -> list[int]:
    """Order frames by how many stars they show in how good a seeing."""
    return sorted(usable, key=lambda i: (-len(stars[i]) / widths[i] ** 2, i))


def _align(
    frames: Sequence[Frame], order: Sequence[int]
) -> tuple[int, dict[int, Registration], dict[int, str]]:
    """Try the best frames as base until at least half of the frames align with one."""
    best: tuple[int, dict[int, Registration], dict[int, str]] | None = None
    for base in order[:3]:
        aligned, rejected = _align_with(frames, base, sorted(order))
        if best is None or len(aligned) > len(best[1]):
            best = (base, aligned, rejected)
        if len(aligned) >= max(2, len(order) / 2):
            break
    if best is None or len(best[1]) < min(2, len(order)):
        raise InvalidInputError("no two of the frames could be aligned", kind="not_alignable")
    return best


def _align_with(
    frames: Sequence[Frame], base: int, indices: Sequence[int]
) -> tuple[dict[int, Registration], dict[int, str]]:
    aligned, rejected = {}, {}
    for index in indices:
        try:
            aligned[index] = register(frames[base], frames[index])
        except InvalidInputError as error:
            rejected[index] = error.message
    return aligned, rejected


def _canvas(base: Frame, aligned: list[tuple[Frame, Registration]]) -> _Canvas:
    """Return the grid that holds all frames, at most half the base wider on each side."""
    height, width = base.shape
    inside = corners_of(base.shape)
    places = [inside]
    for frame, found in aligned:
        back = PlaneMap.fit(found.map(inside), inside, 1)
        places.append(back(corners_of(frame.shape)))
    low = np.floor(np.min(np.concatenate(places), axis=0)).astype(int)
    high = np.ceil(np.max(np.concatenate(places), axis=0)).astype(int)
    before = [min(-int(low[k]), size // 2) for k, size in enumerate((width, height))]
    after = [min(int(high[k]) - size + 1, size // 2) for k, size in enumerate((width, height))]
    if max(*before, *after) < _LEAST_GROWTH_PX:
        return _Canvas(0, 0, base.shape)
    shape = (height + before[1] + after[1], width + before[0] + after[0])
    return _Canvas(-before[0], -before[1], shape)


def corners_of(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the x, y of the four corner pixels of an image."""
    right, top = shape[1] - 1.0, shape[0] - 1.0
    return np.array([[0.0, 0.0], [right, 0.0], [0.0, top], [right, top]])


def _layer(
    frame: Frame, found: Registration, base: Frame, canvas: _Canvas, seen: tuple[Stars, float]
) -> _Layer | str:
    """Return the frame on the canvas, or the reason to leave it out."""
    stars, width = seen
    moved = replace(found, map=found.map.from_corner(canvas.x0, canvas.y0), method="moved")
    warped = warp(frame, moved, canvas.shape)
    ours = np.s_[-canvas.y0 : base.shape[0] - canvas.y0, -canvas.x0 : base.shape[1] - canvas.x0]
    scale = _flux_scale(base, (warped.data[ours], warped.mask[ours]), stars, width)
    if not _FAINTEST < scale < _BRIGHTEST:
        return f"its stars are {1 / scale:.2g} times as bright as those of the base frame"
    variance = warped.variance * np.float32(scale**2)
    weight = 1 / (float(np.median(variance)) * width**2)
    return _Layer(warped.data * np.float32(scale), variance, warped.mask, weight)


def _flux_scale(
    base: Frame,
    other: tuple[NDArray[np.float32], NDArray[np.uint16]],
    stars: Stars,
    width: float,
) -> float:
    """Return the factor that brings the stars of `other` to their flux in `base`."""
    bright = stars.select(stars.snr > _BRIGHT_SNR).brightest(200)
    if len(bright) < _FEWEST_STARS:
        return 1.0
    bad = ~base.good | (other[1] != 0)
    ours, _, flagged = sep.sum_circle(base.data, bright.x, bright.y, 2.0 * width, mask=bad)
    data = np.ascontiguousarray(other[0])
    theirs, _, _ = sep.sum_circle(data, bright.x, bright.y, 2.0 * width, mask=bad)
    sound = (flagged == 0) & (theirs > 0) & (ours > 0)
    return float(np.median(ours[sound] / theirs[sound])) if sound.sum() >= _FEWEST_STARS else 1.0


def _combine(layers: list[_Layer], base: Frame, canvas: _Canvas) -> Frame:
    data = np.zeros(canvas.shape, dtype=np.float32)
    variance, mask = np.zeros_like(data), np.zeros(canvas.shape, dtype=np.uint16)
    coverage = np.zeros(canvas.shape, dtype=np.uint16)
    for top in range(0, canvas.shape[0], _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        data[rows], variance[rows], mask[rows], coverage[rows] = _combine_rows(layers, rows)
    variance[coverage == 0] = np.median(base.variance)
    header = base.header.copy()
    for word, corner in (("CRPIX1", canvas.x0), ("CRPIX2", canvas.y0)):
        if word in header:
            header[word] = float(header[word]) - corner
    header["NCOMBINE"] = (len(layers), "frames co-added")
    return Frame(fill_masked(data, mask), variance, mask, header, coverage)


def _combine_rows(
    layers: list[_Layer], rows: slice
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16], NDArray[np.uint16]]:
    values = np.stack([layer.data[rows] for layer in layers])
    variances = np.stack([layer.variance[rows] for layer in layers])
    masks = np.stack([layer.mask[rows] for layer in layers])
    good = masks == 0
    middle = _median_of(values, good)
    # the noise of a clipped pixel is judged by its usual variance, not by its own high count
    usual = _median_of(variances, good)
    limit = _CLIP_SIGMA * np.sqrt(np.maximum(usual, 0)) + _PSF_CHANGE * np.abs(middle)
    if len(layers) >= _FEWEST_TO_CLIP:
        good &= np.abs(values - middle) <= limit
    shares = np.array([layer.weight for layer in layers], dtype=np.float32)
    weights = (shares / shares.max())[:, None, None] * good
    total = np.maximum(weights.sum(axis=0), np.float32(1e-6))
    plain = values.mean(axis=0)  # saturated cores keep their light, though masked
    mean = np.where(good.any(axis=0), (weights * values).sum(axis=0) / total, plain)
    variance = (weights**2 * variances).sum(axis=0) / total**2
    coverage = good.sum(axis=0).astype(np.uint16)
    return mean, variance, _combined_mask(masks, coverage), coverage


def _combined_mask(masks: NDArray[np.uint16], coverage: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the flags of pixels nobody saw well; saturated where most of the frames are."""
    everything = np.bitwise_or.reduce(masks, axis=0)
    inside = ((masks & MaskBit.NO_DATA) == 0).any(axis=0)
    everything = np.where(inside, everything & (0xFFFF ^ int(MaskBit.NO_DATA)), everything)
    # inside, but clipped in every frame: nobody agrees on the value
    everything = np.where(inside & (everything == 0), int(MaskBit.BAD), everything)
    combined = np.where(coverage == 0, everything, 0)
    full = ((masks & MaskBit.SATURATED) != 0).sum(axis=0)
    seen = ((masks & MaskBit.NO_DATA) == 0).sum(axis=0)
    combined = np.where(
        (full > 0) & (2 * full >= seen), combined | int(MaskBit.SATURATED), combined
    )
    return combined.astype(np.uint16)


def _median_of(values: NDArray[np.float32], good: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Median along the first axis of the good values; 0 where there is none."""
    ordered = np.sort(np.where(good, values, np.inf), axis=0)
    count = good.sum(axis=0)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    return np.where(count > 0, (low + high) / 2, 0).astype(np.float32)
