"""Subtracting a reference from a science frame."""

from dataclasses import dataclass

import numpy as np
import sep
from astropy.io import fits
from numpy.typing import NDArray
from scipy import ndimage, signal

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.kernel import Kernel, fit_kernel, kernel_basis
from astrid_sdk.pipeline.psf import fwhm_of, measure_psf, psf_radius, stars_of
from astrid_sdk.pipeline.register import Registration, register, warp
from astrid_sdk.pipeline.score import Systematics, as_plane, corrected_score, matched_filter
from astrid_sdk.pipeline.stars import Stars
from astrid_sdk.sky.frame import Frame, MaskBit

_FEW_STAMPS = 25  # with fewer bright sources, faint ones help
_BRIGHT_SNR, _FAINT_SNR = 20.0, 7.0
_FEWEST_STARS = 3
_LEAST_OVERLAP = 0.02
_MASKED_SHARE = 0.15  # of the kernel's weight on flagged pixels from which a pixel is flagged


@dataclass(frozen=True, slots=True)
class SubtractParameters:
    """What the subtraction may be told.

    Attributes
    ----------
    most_stamps : int
        Stamps that the kernel is fitted on.
    stamp_flux_share : float
        Share of a stamp pixel's flux taken as model error: keeps few bright stars from ruling.
    score_flux_share : float
        Share of the template's light taken as subtraction error in the score.
    score_wing_share : float
        Share of the brightest template light within 2.5 FWHM taken likewise.
    registration_rms_px : float
        Least registration error assumed in the score, pixels.
    sharper_by : float
        The science frame is convolved instead when the reference's stars are wider by this factor.
    background_box_px : int
        Side of the mesh of the residual sky.
    """

    most_stamps: int = 200
    stamp_flux_share: float = 0.02
    score_flux_share: float = 0.01
    score_wing_share: float = 0.0015
    registration_rms_px: float = 0.02
    sharper_by: float = 1.05
    background_box_px: int = 64


def subtract(
    science: Frame, reference: Frame, parameters: SubtractParameters = SubtractParameters()
) -> Difference:
    """Return `science` minus `reference`, aligned and matched in PSF and flux.

    The sharper of the two is convolved with a spatially varying kernel; the result is always on
    the grid and flux scale of `science`.

    Raises
    ------
    InvalidInputError
        The frames cannot be aligned (kind ``not_alignable``), hardly overlap (``no_overlap``) or
        share too few stars to fit a kernel (``too_few_stars``).
    """
    registration = register(science, reference)
    template = warp(reference, registration, science.shape)
    usable = science.good & template.good
    if usable.mean() < _LEAST_OVERLAP:
        raise InvalidInputError(
            f"only {usable.mean():.1%} of the science frame has good pixels in both frames",
            kind="no_overlap",
        )
    pair = _Pair.of(science, template, parameters)
    kernel = _fit(pair, parameters)
    return _difference(pair, kernel, registration, parameters)


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two frames on one grid: `sharp` is to be convolved to match `blurred`."""

    science: Frame
    template: Frame
    stars: Stars
    widths: tuple[float, float]  # science, template
    science_is_sharp: bool

    @classmethod
    def of(cls, science: Frame, template: Frame, parameters: SubtractParameters) -> "_Pair":
        ours, theirs = stars_of(science), stars_of(template)
        widths = (fwhm_of(science, ours), fwhm_of(template, theirs))
        sharp = widths[1] > parameters.sharper_by * widths[0]
        return cls(science, template, theirs, widths, sharp)

    @property
    def sharp(self) -> Frame:
        return self.science if self.science_is_sharp else self.template

    @property
    def blurred(self) -> Frame:
        return self.template if self.science_is_sharp else self.science


def _fit(pair: _Pair, parameters: SubtractParameters) -> Kernel:
    widths = sorted(pair.widths)
    low, high = (pair.widths[::-1], pair.widths)[int(pair.science_is_sharp)]
    basis = kernel_basis(low, high)
    radius = int(np.clip(np.ceil(2.5 * widths[1]), 8, 20))
    places = _places(pair, basis.shape[1] // 2 + radius, parameters.most_stamps)
    light = ndimage.gaussian_filter(np.maximum(pair.blurred.data, 0), 1.0)
    scale = _rough_scale(pair)
    variance = pair.blurred.variance + pair.sharp.variance * np.float32(scale**2)
    variance = variance + (parameters.stamp_flux_share * light) ** 2
    variance[~(pair.science.good & pair.template.good)] = np.inf
    kernel = fit_kernel(pair.sharp.data, pair.blurred.data, variance, places, basis, radius)
    if kernel is None:
        raise InvalidInputError(
            f"{len(places)} common sources are too few to match the two frames' PSF and flux",
            kind="too_few_stars",
        )
    return kernel


def _places(pair: _Pair, margin: int, most: int) -> list[tuple[int, int]]:
    """Return centres of bright unmasked sources, spread over the field in an 8 x 8 mesh."""
    height, width = pair.science.shape
    bright = pair.stars.select(pair.stars.snr > _BRIGHT_SNR)
    if len(bright) < _FEW_STAMPS:
        bright = pair.stars.select(pair.stars.snr > _FAINT_SNR)
    full = ((pair.science.mask | pair.template.mask) & MaskBit.SATURATED) != 0
    near_full = ndimage.binary_dilation(full, iterations=4) if full.any() else full
    taken: dict[tuple[int, int], int] = {}
    places: list[tuple[int, int]] = []
    for x, y in np.rint(bright.positions).astype(int).tolist():
        inside = margin <= x < width - margin and margin <= y < height - margin
        cell = (8 * x // width, 8 * y // height)
        if not inside or near_full[y, x] or taken.get(cell, 0) >= max(3, most // 32):
            continue
        taken[cell] = taken.get(cell, 0) + 1
        places.append((x, y))
    return places[:most]


def _rough_scale(pair: _Pair) -> float:
    """Return the flux of the blurred frame's stars over that of the sharp frame's."""
    bright = pair.stars.select(pair.stars.snr > _BRIGHT_SNR).brightest(200)
    if len(bright) < _FEWEST_STARS:
        return 1.0
    radius = 1.5 * max(pair.widths)
    bad = ~(pair.science.good & pair.template.good)
    sums = [
        sep.sum_circle(frame.data, bright.x, bright.y, radius, mask=bad)[0]
        for frame in (pair.blurred, pair.sharp)
    ]
    sound = (sums[0] > 0) & (sums[1] > 0)
    return (
        float(np.median(sums[0][sound] / sums[1][sound])) if sound.sum() >= _FEWEST_STARS else 1.0
    )


def _difference(
    pair: _Pair, kernel: Kernel, registration: Registration, parameters: SubtractParameters
) -> Difference:
    mask = pair.blurred.mask | _spread_mask(pair.sharp.mask, kernel)
    good = mask == 0
    psf = measure_psf(pair.blurred, stars_of(pair.blurred), max(pair.widths))
    raw, template, variance = _on_science_scale(pair, kernel, psf)
    data = raw - _residual_sky(raw, good, parameters.background_box_px)
    filtered = matched_filter(data, variance, good, psf)
    rms = max(registration.rms_px, parameters.registration_rms_px)
    errors = Systematics(rms, parameters.score_flux_share, parameters.score_wing_share)
    score = corrected_score(filtered, template, good, psf, errors)
    data = as_plane(np.where((mask & MaskBit.NO_DATA) != 0, 0, data))
    header = _describe(pair, kernel, registration, data[good])
    return Difference(data, variance, mask, score, template, psf, header)


def _on_science_scale(
    pair: _Pair, kernel: Kernel, psf: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return difference, template and variance on the flux scale of the science frame."""
    convolved = kernel.convolve(pair.sharp.data)
    noise = _convolved_variance(pair.sharp.variance, kernel, psf)
    if not pair.science_is_sharp:
        return pair.science.data - convolved, convolved, pair.science.variance + noise
    scale = np.maximum(kernel.sums(), np.float32(1e-6))
    template = pair.template
    variance = (noise + template.variance) / scale**2
    data = as_plane((convolved - template.data) / scale)
    return data, as_plane(template.data / scale), as_plane(variance)


def _spread_mask(mask: NDArray[np.uint16], kernel: Kernel) -> NDArray[np.uint16]:
    """Flag the pixels that the kernel fills by more than a share from flagged ones."""
    weight = np.abs(kernel.centre)
    weight = (weight / weight.sum()).astype(np.float32)
    spread = np.zeros_like(mask)
    for bit in MaskBit:
        flagged = ((mask & bit) != 0).astype(np.float32)
        if flagged.any():
            share = signal.oaconvolve(flagged, weight, mode="same")
            spread[share > _MASKED_SHARE] |= int(bit)
    return spread


def _convolved_variance(
    variance: NDArray[np.float32], kernel: Kernel, psf: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the white variance that gives the PSF-weighted sum of convolved noise its variance.

    Noise w convolved with K and then weighed by the PSF p is w weighed by p correlated with K.
    """
    seen = signal.convolve2d(psf, kernel.centre[::-1, ::-1])
    factor = float((seen**2).sum() / (psf**2).sum())
    smooth = ndimage.gaussian_filter(variance, max(1.0, 0.3 * psf_radius(1.0)))
    return np.asarray(smooth * np.float32(factor), dtype=np.float32)


def _residual_sky(
    data: NDArray[np.float32], good: NDArray[np.bool_], box: int
) -> NDArray[np.float32]:
    side = int(np.clip(min(data.shape) // 4, 16, box))
    sky = sep.Background(np.ascontiguousarray(data), mask=~good, bw=side, bh=side, fw=3, fh=3)
    return np.asarray(sky.back(), dtype=np.float32)


def _describe(
    pair: _Pair, kernel: Kernel, registration: Registration, good: NDArray[np.float32]
) -> fits.Header:
    sums = float(kernel.centre.sum())
    header = pair.science.header.copy()
    header["REGMETH"] = (registration.method, "how the frames were aligned")
    header["REGRMS"] = (round(registration.rms_px, 4), "[pix] registration scatter")
    header["NMATCH"] = (registration.matched_stars, "stars that aligned the frames")
    header["CONVOLVE"] = ("science" if pair.science_is_sharp else "reference", "convolved frame")
    header["KERNSUM"] = (round(sums, 6), "sum of the kernel at the centre")
    header["KERNDEG"] = (kernel.degree, "degree of the kernel over the field")
    header["KERNCHI"] = (round(kernel.chi_square, 4), "median reduced chi square of the stamps")
    header["NSTAMPS"] = (kernel.stamps, "stamps of the kernel fit")
    scale = 1 / sums if pair.science_is_sharp else sums
    header["FLUXSCAL"] = (round(scale, 6), "science flux over reference flux")
    spread = 1.4826 * float(np.median(np.abs(good - np.median(good))))
    header["DIFFRMS"] = (round(spread, 5), "[adu] noise of a pixel of the difference")
    header["FWHMDIF"] = (round(max(pair.widths), 4), "[pix] width of a point source")
    return header
