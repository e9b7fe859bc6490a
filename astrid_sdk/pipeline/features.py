"""Features of a cutout triplet: numbers by which a real transient differs from an artefact.

Each is named, says its formula, and where it comes from: the classifiers of PTF (Bloom et al.
2012, Brink et al. 2013), of DES (Goldstein et al. 2015), of ZTF (Duev et al. 2019 showed that the
three stamps hold all that is needed), and the usual measures of images. ``d``, ``s`` and ``r``
are difference, science and reference, ``p`` the PSF of the difference, ``sigma`` the noise of
``d`` away from the position. A fading source is measured as if it had brightened. What cannot be
measured is NaN: a forest takes that as a value of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.stamps import Chosen, Stamp, Stamps
from astrid_sdk.sky.cutouts import Triplet

_CORE_FWHM, _NEAR_FWHM, _WIDE_FWHM = 1.0, 2.0, 3.0
_BOX_PX = 3  # half the side of the 7 x 7 box of Goldstein et al.
_LEAST_PX = 5


@dataclass(frozen=True, slots=True)
class Feature:
    """A number measured on a triplet: its name, its formula in words, its source."""

    name: str
    formula: str
    source: str
    measure: Callable[[Stamps], float]


def features_of(
    triplets: Sequence[Triplet], searched: Difference | None = None
) -> NDArray[np.float64]:
    """Return the features of triplets, shape (triplets, features), in the order of `FEATURES`.

    Parameters
    ----------
    triplets : sequence of Triplet
    searched : Difference, optional
        The difference image that they were cut out of. Without it the PSF is taken to be a
        Gaussian of 3.5 px, and nothing to be masked.
    """
    measured = [_measured(Stamps.of(triplet, searched)) for triplet in triplets]
    return np.array(measured, np.float64).reshape(-1, len(FEATURES))


def _measured(stamps: Stamps) -> list[float]:
    return [_finite(feature.measure(stamps)) for feature in FEATURES]


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else np.nan


def _ratio(above: float, below: float) -> float:
    """Return the ratio; NaN where what divides is not positive."""
    return above / below if below > 0 else np.nan


def _log(value: float) -> float:
    """Return a signed logarithm, linear near zero: noise and light span decades."""
    return float(np.arcsinh(value))


def _psf_flux(it: Stamps, chosen: Chosen) -> float:
    return _ratio(float((it.difference * it.psf)[chosen].sum()), float((it.psf[chosen] ** 2).sum()))


def _psf_snr(it: Stamps) -> float:
    chosen = it.within(_WIDE_FWHM)
    power = float(np.sqrt((it.psf[chosen] ** 2).sum()))
    return _log(_ratio(_psf_flux(it, chosen) * power, it.sky.noise))


def _residual(it: Stamps, chosen: Chosen) -> Stamp:
    return it.difference[chosen] - _psf_flux(it, chosen) * it.psf[chosen]


def _psf_chi2(it: Stamps) -> float:
    chosen = it.within(_NEAR_FWHM)
    if chosen.sum() < _LEAST_PX:
        return np.nan
    return _log(float(np.mean(_residual(it, chosen) ** 2)) / it.sky.noise**2)


def _psf_residual_share(it: Stamps) -> float:
    chosen = it.within(_NEAR_FWHM)
    total = float(np.abs(it.difference[chosen]).sum())
    return _ratio(float(np.abs(_residual(it, chosen)).sum()), total)


def _psf_correlation(it: Stamps) -> float:
    chosen = it.within(_NEAR_FWHM)
    if chosen.sum() < _LEAST_PX:
        return np.nan
    values, psf = it.difference[chosen], it.psf[chosen]
    values, psf = values - values.mean(), psf - psf.mean()
    return _ratio(float((values * psf).sum()), float(np.sqrt((values**2).sum() * (psf**2).sum())))


def _peak(it: Stamps) -> float:
    chosen = it.within(_CORE_FWHM)
    return float(it.difference[chosen].max()) if chosen.any() else np.nan


def _sharpness(it: Stamps) -> float:
    own = _ratio(_peak(it), it.difference_flux(_CORE_FWHM))
    chosen = it.within(_CORE_FWHM)
    return _ratio(own, _ratio(float(it.psf.max()), float(it.psf[chosen].sum())))


def _growth(reach_fwhm: float) -> Callable[[Stamps], float]:
    def measure(it: Stamps) -> float:
        core = it.difference_flux(_CORE_FWHM)
        return float(np.clip(_ratio(it.difference_flux(reach_fwhm), core), -10, 10))

    return measure


def _moments(it: Stamps) -> tuple[float, float, float, float, float]:
    """Return centroid and second moments of the pixels within two FWHM that noise does not make."""
    chosen = it.within(_NEAR_FWHM)
    values = it.difference[chosen]
    weight = np.where(values > 2 * it.sky.noise, values, 0)
    total = float(weight.sum())
    if not total > 0:
        return (np.nan,) * 5
    x, y = it.x[chosen], it.y[chosen]
    mean_x, mean_y = float((weight * x).sum() / total), float((weight * y).sum() / total)
    dx, dy = x - mean_x, y - mean_y
    xx, yy, xy = (float((weight * term).sum() / total) for term in (dx * dx, dy * dy, dx * dy))
    return mean_x, mean_y, xx, yy, xy


def _axes(it: Stamps) -> tuple[float, float]:
    """Return the squares of the longer and shorter half axes of the light."""
    *_, xx, yy, xy = _moments(it)
    middle, spread = (xx + yy) / 2, float(np.hypot((xx - yy) / 2, xy))
    return middle + spread, middle - spread


def _size(it: Stamps) -> float:
    longer, shorter = _axes(it)
    return float(np.sqrt((longer + shorter) / 2)) * 2.3548


def _elongation(it: Stamps) -> float:
    longer, shorter = _axes(it)
    return float(np.clip(np.sqrt(_ratio(longer, shorter)), 0, 20))


def _centroid_offset(it: Stamps) -> float:
    x, y, *_ = _moments(it)
    return float(np.hypot(x, y))


def _asymmetry(it: Stamps) -> float:
    turned = it.difference[::-1, ::-1]
    chosen = it.within(_NEAR_FWHM) & np.isfinite(turned)
    total = 2 * float(np.abs(it.difference[chosen]).sum())
    return _ratio(float(np.abs(it.difference[chosen] - turned[chosen]).sum()), total)


def _negative_share(reach_fwhm: float) -> Callable[[Stamps], float]:
    def measure(it: Stamps) -> float:
        values = it.difference[it.within(reach_fwhm)]
        total = float(np.abs(values).sum())
        return _ratio(float(-values[values < 0].sum()), total)

    return measure


def _dip(it: Stamps) -> float:
    chosen = it.within(_WIDE_FWHM)
    return _ratio(-float(it.difference[chosen].min(initial=0.0)), _peak(it))


def _box(it: Stamps) -> Stamp:
    middle = len(it.difference) // 2
    part = slice(middle - _BOX_PX, middle + _BOX_PX + 1)
    return it.difference[part, part]


def _count_below(sigmas: float) -> Callable[[Stamps], float]:
    return lambda it: float((_box(it) < -sigmas * it.sky.noise).sum())


def _count_above(it: Stamps) -> float:
    return float((_box(it) > 3 * it.sky.noise).sum())


def _missing(it: Stamps) -> float:
    return float(1 - it.good.mean())


def _missing_core(it: Stamps) -> float:
    core = it.radius <= _NEAR_FWHM * it.fwhm_px
    return float((core & ~it.good).sum() / core.sum())


def _masked(it: Stamps) -> float:
    return float(it.masked.mean())


def _masked_core(it: Stamps) -> float:
    core = it.radius <= _NEAR_FWHM * it.fwhm_px
    return float((core & it.masked).sum() / core.sum())


def _edge(it: Stamps) -> float:
    missing = it.radius[~it.good]
    return float(missing.min(initial=len(it.difference) / 2))


def _noise_ratio(it: Stamps) -> float:
    return _ratio(it.sky.noise, it.science_sky.noise)


def _near_noise(it: Stamps) -> float:
    ring = it.within(2 * _WIDE_FWHM) & ~it.within(_NEAR_FWHM)
    values = it.difference[ring]
    return _ratio(float(np.std(values)), it.sky.noise) if values.size else np.nan


def _stripe(axis: int) -> Callable[[Stamps], float]:
    """Return what measures the median of the middle row (0) or column (1) outside the core."""

    def measure(it: Stamps) -> float:
        middle = len(it.difference) // 2
        line = np.take(it.difference, middle, axis=axis)
        line = line[np.take(it.good & ~it.within(_WIDE_FWHM), middle, axis=axis)]
        if line.size < _LEAST_PX:
            return np.nan
        return abs(float(np.median(line)) - it.sky.level) / it.sky.noise

    return measure


def _reference_snr(it: Stamps) -> float:
    noise = it.reference_sky.noise * np.sqrt(max(it.within(_CORE_FWHM).sum(), 1))
    return _log(_ratio(it.reference_flux(_CORE_FWHM), noise))


def _science_snr(it: Stamps) -> float:
    noise = it.science_sky.noise * np.sqrt(max(it.within(_CORE_FWHM).sum(), 1))
    return _log(_ratio(it.science_flux(_CORE_FWHM), noise))


def _change(it: Stamps) -> float:
    light = abs(it.science_flux(_CORE_FWHM)) + abs(it.reference_flux(_CORE_FWHM))
    return _ratio(it.difference_flux(_CORE_FWHM), light)


def _host_offset(it: Stamps) -> float:
    chosen = it.within(_WIDE_FWHM)
    if not chosen.any():
        return np.nan
    return float(it.radius[chosen][it.reference[chosen].argmax()])


def _brightest(it: Stamps) -> float:
    if not it.good.any():
        return np.nan
    sky = it.reference_sky
    return _log(_ratio(float(it.reference[it.good].max()) - sky.level, sky.noise))


_BROWN = "Brink et al. 2013"
_GOLD = "Goldstein et al. 2015"
_BLOOM = "Bloom et al. 2012"
_DUEV = "Duev et al. 2019, in numbers"
_MOMENTS = "second moments, as in SExtractor (Bertin & Arnouts 1996)"

FEATURES = (
    Feature("snr", "arcsinh of |SNR| of the detection", _BLOOM, lambda it: _log(it.snr)),
    Feature("psf_snr", "arcsinh of sum(d p) / sqrt(sum p^2) / sigma, to 3 FWHM", _GOLD, _psf_snr),
    Feature("psf_chi2", "arcsinh of mean((d - f p)^2) / sigma^2, to 2 FWHM", _BROWN, _psf_chi2),
    Feature("psf_residual", "sum |d - f p| / sum |d|, to 2 FWHM", _BROWN, _psf_residual_share),
    Feature("psf_correlation", "Pearson's r of d and p, to 2 FWHM", _BROWN, _psf_correlation),
    Feature("sharpness", "peak / flux to 1 FWHM, over that of the PSF", _BLOOM, _sharpness),
    Feature("growth_2", "flux to 2 FWHM / flux to 1 FWHM", _BLOOM, _growth(_NEAR_FWHM)),
    Feature("growth_3", "flux to 3 FWHM / flux to 1 FWHM", _BLOOM, _growth(_WIDE_FWHM)),
    Feature(
        "size_px",
        "2.3548 sqrt of the mean second moment of d > 2 sigma, to 2 FWHM",
        _MOMENTS,
        _size,
    ),
    Feature("fwhm_ratio", "size_px / FWHM of the PSF", _GOLD, lambda it: _size(it) / it.fwhm_px),
    Feature("elongation", "longer / shorter axis of the second moments", _MOMENTS, _elongation),
    Feature("moment_xx", "second moment along x, px^2", _MOMENTS, lambda it: _moments(it)[2]),
    Feature("moment_yy", "second moment along y, px^2", _MOMENTS, lambda it: _moments(it)[3]),
    Feature("moment_xy", "mixed second moment, px^2", _MOMENTS, lambda it: _moments(it)[4]),
    Feature("offset_px", "from the position to the centroid of d", _BROWN, _centroid_offset),
    Feature(
        "asymmetry",
        "sum |d - d turned by 180 degrees| / (2 sum |d|), to 2 FWHM",
        "Conselice et al. 2000",
        _asymmetry,
    ),
    Feature("negative_1", "negative share of sum |d|, to 1 FWHM", _BLOOM, _negative_share(1.0)),
    Feature("negative_2", "negative share of sum |d|, to 2 FWHM", _BLOOM, _negative_share(2.0)),
    Feature("negative_4", "negative share of sum |d|, to 4 FWHM", _BLOOM, _negative_share(4.0)),
    Feature("dip", "-min(d) to 3 FWHM / peak: a dipole's other lobe", _BLOOM, _dip),
    Feature("below_2_sigma", "pixels of 7 x 7 below -2 sigma", _GOLD, _count_below(2.0)),
    Feature("below_3_sigma", "pixels of 7 x 7 below -3 sigma", _GOLD, _count_below(3.0)),
    Feature("above_3_sigma", "pixels of 7 x 7 above 3 sigma", _GOLD, _count_above),
    Feature("missing", "share of the stamp without data", _GOLD, _missing),
    Feature("missing_core", "share without data to 2 FWHM", _GOLD, _missing_core),
    Feature("masked", "masked share of the stamp", _GOLD, _masked),
    Feature("masked_core", "masked share to 2 FWHM", _GOLD, _masked_core),
    Feature("edge_px", "to the nearest pixel without data, or half the side", _GOLD, _edge),
    Feature("noise_ratio", "sigma of d / sigma of s", _BROWN, _noise_ratio),
    Feature("near_noise", "rms of d from 2 to 6 FWHM / sigma", _BROWN, _near_noise),
    Feature("row", "|median of the middle row outside the core| / sigma", _BLOOM, _stripe(0)),
    Feature("column", "|median of the middle column outside the core| / sigma", _BLOOM, _stripe(1)),
    Feature("reference_snr", "arcsinh of the SNR of r to 1 FWHM", _BROWN, _reference_snr),
    Feature("science_snr", "arcsinh of the SNR of s to 1 FWHM", _DUEV, _science_snr),
    Feature("change", "flux of d / (|flux of s| + |flux of r|), to 1 FWHM", _DUEV, _change),
    Feature("host_px", "to the brightest pixel of r within 3 FWHM", _BROWN, _host_offset),
    Feature("neighbour", "arcsinh of the brightest pixel of r / its noise", _BROWN, _brightest),
)
"""What is measured, in the order of the columns."""

NAMES = tuple(feature.name for feature in FEATURES)
