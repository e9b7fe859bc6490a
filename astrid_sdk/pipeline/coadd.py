"""Co-adding frames of one field into a deeper one, bad frames left out with their reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.fill import fill_masked
from astrid_sdk.pipeline.psf import fwhm_of, stars_of
from astrid_sdk.pipeline.register import register, warp
from astrid_sdk.pipeline.stars import Stars
from astrid_sdk.sky.frame import Frame, MaskBit

_ROWS_AT_ONCE = 128
_CLIP_SIGMA = 4.5
_PSF_CHANGE = 0.2  # share of a pixel's flux that seeing may change from frame to frame
_WIDEST = 1.8  # times the median FWHM
_FAINTEST, _BRIGHTEST = 0.25, 4.0  # times the median transparency


@dataclass(frozen=True, slots=True, eq=False)
class Coadd:
    """A co-add and what went into it.

    Attributes
    ----------
    frame : Frame
        With its coverage plane, on the grid, WCS and flux scale of the base frame.
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

    index: int
    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    mask: NDArray[np.uint16]
    weight: float


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
    widths = np.array([fwhm_of(f, s) for f, s in zip(frames, stars, strict=True)])
    rejected = {
        int(i): f"stars {widths[i]:.1f} px wide, the median is {np.median(widths):.1f} px"
        for i in np.flatnonzero(widths > _WIDEST * np.median(widths))
    }
    usable = [i for i in range(len(frames)) if i not in rejected]
    base, layers, unaligned = _align(frames, stars, widths, usable)
    rejected.update(unaligned)
    if not layers:
        raise InvalidInputError("no two of the frames could be aligned", kind="not_alignable")
    combined = _combine(layers, frames[base])
    used = tuple(sorted(layer.index for layer in layers))
    return Coadd(combined, base, used, tuple(sorted(rejected.items())))


def _alone(frame: Frame) -> Frame:
    covered = ((frame.mask & MaskBit.NO_DATA) == 0).astype(np.uint16)
    coverage = frame.coverage if frame.coverage is not None else covered
    return Frame(frame.data, frame.variance, frame.mask, frame.header, coverage)


def _align(
    frames: Sequence[Frame], stars: Sequence[Stars], widths: NDArray[np.float64], usable: list[int]
) -> tuple[int, list[_Layer], dict[int, str]]:
    """Try the best frames as base until at least half of the frames align with one."""
    quality = [len(stars[i]) / widths[i] ** 2 for i in usable]
    order = [usable[k] for k in np.argsort(quality, kind="stable")[::-1]]
    best: tuple[int, list[_Layer], dict[int, str]] = (order[0], [], {})
    for base in order[:3]:
        layers, rejected = _layers_on(frames, stars[base], widths, usable, base)
        if len(layers) > len(best[1]):
            best = (base, layers, rejected)
        if len(layers) >= max(2, len(usable) / 2):
            break
    return best


def _layers_on(
    frames: Sequence[Frame],
    stars: Stars,
    widths: NDArray[np.float64],
    usable: list[int],
    base: int,
) -> tuple[list[_Layer], dict[int, str]]:
    layers, rejected = [], {}
    for index in usable:
        try:
            layers.append(_layer(frames[index], index, frames[base], stars, widths))
        except InvalidInputError as error:
            rejected[index] = error.message
    scales = np.array([layer.weight for layer in layers])
    usual = np.median(scales) if len(scales) else 1.0
    kept = []
    for layer in layers:
        ratio = layer.weight / usual
        if layer.index != base and not 0.02 < ratio < 50:
            rejected[layer.index] = f"weighs {ratio:.3g} of the median frame: clouded or saturated"
        else:
            kept.append(layer)
    return kept, rejected


def _layer(
    frame: Frame, index: int, base: Frame, stars: Stars, widths: NDArray[np.float64]
) -> _Layer:
    if frame is base:
        warped, scale = frame, 1.0
    else:
        registration = register(base, frame)
        warped = warp(frame, registration, base.shape)
        scale = _flux_scale(base, warped, stars, float(widths.max()))
    if not _FAINTEST < scale < _BRIGHTEST:
        raise InvalidInputError(
            f"its stars are {1 / scale:.2g} times as bright as those of the base frame",
            kind="transparency",
        )
    variance = warped.variance * np.float32(scale**2)
    weight = 1 / (float(np.median(variance)) * float(widths[index]) ** 2)
    return _Layer(index, warped.data * np.float32(scale), variance, warped.mask, weight)


def _flux_scale(base: Frame, warped: Frame, stars: Stars, width: float) -> float:
    """Return the factor that brings the stars of `warped` to their flux in `base`."""
    bright = stars.select(stars.snr > 20).select(np.s_[:200])
    if len(bright) < 3:
        return 1.0
    radius = 1.5 * width
    bad = ~(base.good & warped.good)
    ours, _, flagged = sep.sum_circle(base.data, bright.x, bright.y, radius, mask=bad)
    theirs, _, _ = sep.sum_circle(warped.data, bright.x, bright.y, radius, mask=bad)
    sound = (flagged == 0) & (theirs > 0) & (ours > 0)
    return float(np.median(ours[sound] / theirs[sound])) if sound.sum() >= 3 else 1.0


def _combine(layers: list[_Layer], base: Frame) -> Frame:
    data = np.zeros(base.shape, dtype=np.float32)
    variance, mask = np.zeros_like(data), np.zeros(base.shape, dtype=np.uint16)
    coverage = np.zeros(base.shape, dtype=np.uint16)
    for top in range(0, base.shape[0], _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        data[rows], variance[rows], mask[rows], coverage[rows] = _combine_rows(layers, rows)
    variance[coverage == 0] = np.median(base.variance)
    header = base.header.copy()
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
    if len(layers) > 2:
        good &= np.abs(values - middle) <= limit
    shares = np.array([layer.weight for layer in layers], dtype=np.float32)
    weights = (shares / shares.max())[:, None, None] * good
    total = np.maximum(weights.sum(axis=0), np.float32(1e-6))
    mean = (weights * values).sum(axis=0) / total
    variance = (weights**2 * variances).sum(axis=0) / total**2
    coverage = good.sum(axis=0).astype(np.uint16)
    return mean, variance, _combined_mask(masks, coverage), coverage


def _combined_mask(masks: NDArray[np.uint16], coverage: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Flags of pixels nobody saw well; saturated where most of the frames are."""
    everything = np.bitwise_or.reduce(masks, axis=0)
    combined = np.where(coverage == 0, everything | int(MaskBit.NO_DATA), 0)
    full = ((masks & MaskBit.SATURATED) != 0).sum(axis=0)
    combined = np.where(2 * full >= len(masks), combined | int(MaskBit.SATURATED), combined)
    return combined.astype(np.uint16)


def _median_of(values: NDArray[np.float32], good: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Median along the first axis of the good values; 0 where there is none."""
    ordered = np.sort(np.where(good, values, np.inf), axis=0)
    count = good.sum(axis=0)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    return np.where(count > 0, (low + high) / 2, 0).astype(np.float32)
