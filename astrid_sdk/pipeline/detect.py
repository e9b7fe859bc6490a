"""Finding what changed: sources of either sign in the score of a difference."""

from dataclasses import dataclass

import numpy as np
import sep
from astropy.io import fits
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from astrid_sdk.pipeline.detections import (
    DETECTION_COLUMNS,
    DetectionColumn,
    DetectionFlag,
    Detections,
)
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.noise import zero_point_mag
from astrid_sdk.pipeline.score import Filtered, matched_filter, psf_fwhm_px
from astrid_sdk.sky.frame import MaskBit

__all__ = [
    "DETECTION_COLUMNS",
    "DetectParameters",
    "DetectionColumn",
    "DetectionFlag",
    "Detections",
    "detect",
]

_AB_ZERO_NJY_MAG = 31.4  # magnitude of 1 nJy: 2.5 log10(3631 Jy / 1 nJy)
_LEAST_VISIBLE = 0.3  # share of the PSF on good pixels below which nothing is measured
_MODEL_ERROR = 0.1  # share of the PSF's light by which a real source may differ from it


@dataclass(frozen=True, slots=True)
class DetectParameters:
    """What the detection may be told.

    Attributes
    ----------
    threshold : float
        Least absolute score, sigma.
    least_covered : float
        Share of the PSF on good pixels below which a detection is flagged MASKED.
    dipole_share : float
        A neighbour of the other sign with this share of the score makes a dipole.
    dipole_reach_fwhm : float
        How near the neighbour must be, in FWHM.
    halo_reach_fwhm : float
        Reach of a saturated star's halo beyond its mask, in FWHM.
    halo_score : float
        A score that no halo reaches: such a source is real wherever it stands.
    sharp_limit : float
        Peak over the peak that the PSF flux predicts, above which a source is SHARP.
    shape_limit : float
        Reduced chi square of the PSF fit above which a source is flagged SHAPE; it grows with the
        root of the SNR beyond 10.
    """

    threshold: float = 4.5
    least_covered: float = 0.6
    dipole_share: float = 0.5
    dipole_reach_fwhm: float = 1.5
    halo_reach_fwhm: float = 1.0
    halo_score: float = 15.0
    sharp_limit: float = 1.45
    shape_limit: float = 3.5


def detect(difference: Difference, parameters: DetectParameters = DetectParameters()) -> Detections:
    """Return the sources of `difference` whose absolute score reaches the threshold.

    Nothing is thrown away: what is likely no source carries a flag.
    """
    filtered = matched_filter(difference.data, difference.variance, difference.good, difference.psf)
    fwhm_px = psf_fwhm_px(difference.psf)
    rows, columns = _peaks(difference.score, filtered.covered, parameters.threshold, fwhm_px)
    x, y = _subpixel(filtered.flux, rows, columns)
    measured = _measure(difference, filtered, (x, y), (rows, columns))
    score = difference.score[rows, columns].astype(np.float64)
    flags = _flags(difference, filtered, (x, y), (rows, columns), score, measured, parameters)
    return _table(difference, (x, y), score, measured, flags)


Positions = tuple[NDArray[np.float64], NDArray[np.float64]]
Pixels = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """PSF photometry and shape of each detection."""

    flux: NDArray[np.float64]
    error: NDArray[np.float64]
    fwhm_px: NDArray[np.float64]
    sharpness: NDArray[np.float64]  # peak over the peak that the flux predicts
    sharpness_error: NDArray[np.float64]
    chi_square: NDArray[np.float64]


def _peaks(
    score: NDArray[np.float32], covered: NDArray[np.float32], threshold: float, fwhm_px: float
) -> Pixels:
    """Return rows and columns of the local extremes beyond the threshold, best first."""
    size = 2 * max(1, round(0.6 * fwhm_px)) + 1
    strength = np.abs(score)
    peak = np.zeros(score.shape, dtype=bool)
    for signed in (score, -score):
        peak |= (signed == ndimage.maximum_filter(signed, size)) & (signed > threshold)
    rows, columns = np.nonzero(peak & (covered > _LEAST_VISIBLE))
    order = np.argsort(-strength[rows, columns], kind="stable")
    return rows[order], columns[order]


def _subpixel(
    flux: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Positions:
    """Return x, y of the vertex of the parabola through each peak and its neighbours."""
    height, width = flux.shape
    y, x = np.clip(rows, 1, height - 2), np.clip(columns, 1, width - 2)
    middle = flux[y, x].astype(np.float64)

    def vertex(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
        bend = before - 2 * middle + after
        safe = np.where(bend == 0, 1, bend)
        return np.where(bend == 0, 0, np.clip(0.5 * (before - after) / safe, -0.7, 0.7))

    dx = vertex(flux[y, x - 1].astype(np.float64), flux[y, x + 1].astype(np.float64))
    dy = vertex(flux[y - 1, x].astype(np.float64), flux[y + 1, x].astype(np.float64))
    return x + dx, y + dy


def _measure(
    difference: Difference, filtered: Filtered, place: Positions, pixel: Pixels
) -> _Measured:
    rows, columns = pixel
    results = [_fit_psf(difference, float(x), float(y)) for x, y in zip(*place, strict=True)]
    table = np.array(results, dtype=np.float64).reshape(-1, 5)
    error = filtered.error[rows, columns].astype(np.float64)
    flux = np.where(np.isfinite(table[:, 0]), table[:, 0], filtered.flux[rows, columns])
    widths = _widths(difference, place, flux)
    return _Measured(flux, error, widths, table[:, 2], table[:, 3], table[:, 4])


def _fit_psf(
    difference: Difference, x: float, y: float
) -> tuple[float, float, float, float, float]:
    """Return flux, its share of good weight, sharpness, its error and chi square of one source."""
    radius = difference.psf.shape[0] // 2
    column, row = round(x), round(y)
    model = ndimage.shift(difference.psf, (y - row, x - column), order=3, mode="constant")
    top, left = max(row - radius, 0), max(column - radius, 0)
    inside = np.s_[top : row + radius + 1, left : column + radius + 1]
    data = difference.data[inside].astype(np.float64)
    offset = (top - row + radius, left - column + radius)
    model = model[offset[0] : offset[0] + data.shape[0], offset[1] : offset[1] + data.shape[1]]
    good = difference.good[inside]
    norm = float((model**2 * good).sum())
    if norm <= 0:
        return (np.nan, 0.0, 1.0, np.inf, 1.0)
    flux = float((model * data * good).sum()) / norm
    noise = difference.variance[inside].astype(np.float64)
    peak = np.unravel_index(int(np.argmax(model)), model.shape)
    predicted = flux * float(model[peak])
    core = model > 0.15 * model.max()
    wrong = (data - flux * model) ** 2 / (noise + (_MODEL_ERROR * flux * model) ** 2)
    used = core & good
    chi_square = float(wrong[used].mean()) if used.any() else 1.0
    if predicted == 0:
        return (flux, norm, 1.0, np.inf, chi_square)
    sharpness = float(data[peak]) / predicted
    return (flux, norm, sharpness, float(np.sqrt(noise[peak])) / abs(predicted), chi_square)


def _widths(
    difference: Difference, place: Positions, flux: NDArray[np.float64]
) -> NDArray[np.float64]:
    if len(flux) == 0:
        return np.zeros(0)
    reach = np.full(len(flux), float(difference.psf.shape[0] // 2))
    widths = np.full(len(flux), np.nan)
    for sign in (1.0, -1.0):
        chosen = np.sign(flux) == sign
        if not chosen.any():
            continue
        plane = np.ascontiguousarray(sign * difference.data, dtype=np.float32)
        half, _ = sep.flux_radius(
            plane,
            place[0][chosen],
            place[1][chosen],
            reach[chosen],
            0.5,
            normflux=sign * flux[chosen],
            mask=~difference.good,
        )
        widths[chosen] = 2 * half
    return widths


def _flags(
    difference: Difference,
    filtered: Filtered,
    place: Positions,
    pixel: Pixels,
    score: NDArray[np.float64],
    measured: _Measured,
    parameters: DetectParameters,
) -> NDArray[np.int64]:
    fwhm_px = psf_fwhm_px(difference.psf)
    covered = filtered.covered[pixel]
    sharp = measured.sharpness - 2 * measured.sharpness_error > parameters.sharp_limit
    # in bright sources the PSF's own error shows
    snr = np.abs(measured.flux) / measured.error
    tolerance = np.sqrt(np.maximum(snr / 10, 1))
    reasons = {
        DetectionFlag.MASKED: covered < parameters.least_covered,
        DetectionFlag.EDGE: _at_edge(difference, pixel, fwhm_px),
        DetectionFlag.DIPOLE: _dipoles(place, score, fwhm_px, parameters),
        DetectionFlag.SATURATED_HALO: _in_halo(difference, pixel, fwhm_px, parameters)
        & (np.abs(score) < parameters.halo_score),
        DetectionFlag.SHARP: sharp,
        DetectionFlag.SHAPE: measured.chi_square > parameters.shape_limit * tolerance,
    }
    flags = np.zeros(len(score), dtype=np.int64)
    for flag, found in reasons.items():
        flags[found] |= int(flag)
    return flags


def _at_edge(difference: Difference, pixel: Pixels, fwhm_px: float) -> NDArray[np.bool_]:
    inside = np.pad((difference.mask & MaskBit.NO_DATA) == 0, 1)
    distance = ndimage.distance_transform_edt(inside)[1:-1, 1:-1]
    return np.asarray(distance[pixel] < fwhm_px)


def _dipoles(
    place: Positions, score: NDArray[np.float64], fwhm_px: float, parameters: DetectParameters
) -> NDArray[np.bool_]:
    """Whether a detection has a neighbour of the other sign of comparable strength."""
    found = np.zeros(len(score), dtype=bool)
    pairs = cKDTree(np.column_stack(place)).query_pairs(
        parameters.dipole_reach_fwhm * fwhm_px, output_type="ndarray"
    )
    one, other = pairs[:, 0], pairs[:, 1]
    opposite = score[one] * score[other] < 0
    weak = np.minimum(np.abs(score[one]), np.abs(score[other]))
    strong = np.maximum(np.abs(score[one]), np.abs(score[other]))
    twin = opposite & (weak > parameters.dipole_share * strong)
    found[one[twin]] = True
    found[other[twin]] = True
    return found


def _in_halo(
    difference: Difference, pixel: Pixels, fwhm_px: float, parameters: DetectParameters
) -> NDArray[np.bool_]:
    """Whether a saturated star is nearer than its halo reaches: wider for larger cores."""
    full = (difference.mask & MaskBit.SATURATED) != 0
    if not full.any():
        return np.zeros(len(pixel[0]), dtype=bool)
    labels, _ = ndimage.label(full, np.ones((3, 3)))
    distance, nearest = ndimage.distance_transform_edt(~full, return_indices=True)
    areas = np.bincount(labels.ravel())
    core = np.sqrt(areas[labels[nearest[0][pixel], nearest[1][pixel]]] / np.pi)
    return np.asarray(distance[pixel] < parameters.halo_reach_fwhm * fwhm_px + 0.35 * core)


def _table(
    difference: Difference,
    place: Positions,
    score: NDArray[np.float64],
    measured: _Measured,
    flags: NDArray[np.int64],
) -> Detections:
    ra_deg, dec_deg = _sky(difference, place)
    flux_njy, magnitude = _calibrated(difference.header, measured.flux)
    return Detections(
        x=place[0],
        y=place[1],
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        snr=measured.flux / measured.error,
        score=score,
        psf_flux_adu=measured.flux,
        psf_flux_err_adu=measured.error,
        psf_flux_njy=flux_njy,
        magnitude=magnitude,
        is_negative=score < 0,
        is_dipole=(flags & DetectionFlag.DIPOLE) != 0,
        fwhm_px=measured.fwhm_px,
        flags=flags,
    )


def _sky(difference: Difference, place: Positions) -> Positions:
    wcs = difference.wcs
    nowhere = np.full(len(place[0]), np.nan)
    if wcs is None or len(place[0]) == 0:
        return nowhere, nowhere.copy()
    sky = wcs.pixel_to_world(*place).icrs
    return np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)


def _calibrated(header: fits.Header, flux: NDArray[np.float64]) -> Positions:
    """Return flux in nJy and AB magnitude; NaN unless the header has an AB zero point."""
    zero_point = zero_point_mag(header)
    system = str(header.get("MAGSYS", header.get("ZPSYS", ""))).strip().upper()
    if not np.isfinite(zero_point) or system != "AB":
        return np.full(len(flux), np.nan), np.full(len(flux), np.nan)
    magnitude = zero_point - 2.5 * np.log10(np.maximum(np.abs(flux), 1e-30))
    return flux * 10 ** (0.4 * (_AB_ZERO_NJY_MAG - zero_point)), magnitude
