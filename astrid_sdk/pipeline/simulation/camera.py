"""The camera of the simulated survey: where it points, its header, its defects, its read-out."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from numpy.typing import NDArray

from astrid_sdk.pipeline.simulation.parameters import Epoch, SurveyParameters

_DEFECT_STREAM = 2
_READ_OUT_STREAM = 4
# A pixel that leaks faster than this, or passes less light, is listed as bad.
_BAD_DARK_E_S = 0.5
_BAD_RESPONSE = 0.9
# Full wells hold a little more than the converter can count, so that a full pixel always reads
# SATURATE whatever its read-out noise.
_WELL_OVER_SATURATION = 1.01


@dataclass(frozen=True, slots=True, eq=False)
class Defects:
    """The flaws of a detector.

    Attributes
    ----------
    response : ndarray of float64, shape (ny, nx)
        Part of the charge that each pixel hands out.
    dark_e_s : ndarray of float64, shape (ny, nx)
        Leakage in electrons per second.
    """

    response: NDArray[np.float64]
    dark_e_s: NDArray[np.float64]

    @property
    def bad(self) -> NDArray[np.bool_]:
        """True where a pixel is not to be trusted; shape (ny, nx)."""
        return np.asarray((self.response < _BAD_RESPONSE) | (self.dark_e_s > _BAD_DARK_E_S))


def make_defects(parameters: SurveyParameters) -> Defects:
    """Return the defects of the survey's detector: dark and bright columns, hot pixels."""
    rng = parameters.random(_DEFECT_STREAM)
    ny, nx = parameters.shape
    defects = Defects(np.ones(parameters.shape), np.zeros(parameters.shape))
    for number, column in enumerate(rng.choice(nx, parameters.bad_columns, replace=False)):
        end = int(rng.integers(ny // 4, ny))  # a trap blocks the rows read out behind it
        if number % 2:
            defects.dark_e_s[:end, column] = rng.uniform(4.0, 15.0)
        else:
            defects.response[end:, column] = rng.uniform(0.05, 0.5)
    hot = rng.choice(nx * ny, parameters.hot_pixels, replace=False)
    defects.dark_e_s.flat[hot] += rng.lognormal(3.2, 1.3, parameters.hot_pixels)
    return defects


def exposure_header(parameters: SurveyParameters, epoch: Epoch) -> fits.Header:
    """Return the cards of one exposure, TAN world coordinates included."""
    east = "[deg] longitude of the site, east positive"
    zero_point = "[mag] AB: m = MAGZERO - 2.5 log10(counts)"
    header = fits.Header()
    for keyword, value, comment in (
        ("OBJECT", parameters.object_name, "field"),
        ("IMAGETYP", "object", "kind of exposure"),
        ("DATE-OBS", epoch.start_utc, "start of the exposure"),
        ("TIMESYS", "UTC", "time scale of DATE-OBS and MJD-OBS"),
        ("MJD-OBS", exposure_mjd(epoch), "[d] start of the exposure"),
        ("EXPTIME", epoch.exposure_s, "[s] exposure time"),
        ("FILTER", parameters.filter_band, "filter band"),
        ("TELESCOP", parameters.telescope, "telescope (simulated)"),
        ("INSTRUME", parameters.instrument, "camera (simulated)"),
        ("SITELONG", parameters.site_longitude_deg, east),
        ("SITELAT", parameters.site_latitude_deg, "[deg] latitude of the site, north positive"),
        ("AIRMASS", epoch.airmass, "airmass at mid-exposure"),
        ("GAIN", parameters.gain_e_adu, "[electron/adu]"),
        ("RDNOISE", parameters.read_noise_e, "[electron] read-out noise"),
        ("SATURATE", parameters.saturation_adu, "[adu] a pixel is full at this count"),
        ("MAGZERO", round(parameters.zero_point_adu_mag(epoch), 5), zero_point),
        ("SEEING", epoch.seeing_arcsec, "[arcsec] FWHM at the centre of the field"),
        ("BUNIT", "adu", "unit of the pixel values"),
    ):
        header[keyword] = (value, comment)
    header.extend(_wcs_cards(parameters, epoch), end=True)
    return header


def exposure_wcs(parameters: SurveyParameters, epoch: Epoch) -> WCS:
    """Return the world coordinates of one exposure."""
    return WCS(_wcs_cards(parameters, epoch))


def exposure_mjd(epoch: Epoch) -> float:
    """Return the start of one exposure as a modified Julian date, UTC, to 0.1 ms."""
    return round(float(Time(epoch.start_utc, scale="utc").mjd), 9)


def read_out(
    electrons: NDArray[np.float64],
    defects: Defects,
    parameters: SurveyParameters,
    epoch: Epoch,
) -> NDArray[np.uint16]:
    """Return the counts that the camera reads for the noise-free `electrons`, shape (ny, nx)."""
    rng = parameters.random(_READ_OUT_STREAM, parameters.epochs.index(epoch))
    mean = electrons * defects.response + defects.dark_e_s * epoch.exposure_s
    charge = rng.poisson(mean).astype(np.float64)
    _add_cosmic_rays(charge, parameters.cosmic_rays_per_megapixel_s * epoch.exposure_s, rng)
    charge = bleed(charge, full_well_e(parameters))
    charge += rng.normal(0.0, parameters.read_noise_e, charge.shape)
    counts = np.rint(charge / parameters.gain_e_adu)
    return np.clip(counts, 0, parameters.saturation_adu).astype(np.uint16)


def full_well_e(parameters: SurveyParameters) -> float:
    """Return the electrons that a pixel holds before it bleeds."""
    return _WELL_OVER_SATURATION * parameters.saturation_adu * parameters.gain_e_adu


def bleed(charge: NDArray[np.float64], full_well: float) -> NDArray[np.float64]:
    """Return `charge` with what exceeds `full_well` spilt up and down its columns.

    Half of the excess goes each way, as in a CCD; what reaches an edge is lost.
    """
    spilt = np.minimum(charge, full_well)
    excess = 0.5 * (charge - spilt)
    for column in np.flatnonzero(excess.any(axis=0)):
        _spill(spilt[:, column], excess[:, column], full_well)
        _spill(spilt[::-1, column], excess[::-1, column], full_well)
    return spilt


def _spill(column: NDArray[np.float64], excess: NDArray[np.float64], full_well: float) -> None:
    """Move `excess` on to later pixels of `column`, in place, until each finds room."""
    carried = 0.0
    for row in range(int(np.argmax(excess > 0)), column.size):
        carried += float(excess[row])
        fits_in = min(carried, full_well - float(column[row]))
        column[row] += fits_in
        carried -= fits_in


def _add_cosmic_rays(
    charge: NDArray[np.float64], per_megapixel: float, rng: np.random.Generator
) -> None:
    """Add straight tracks of ionisation to `charge`, in place: sharper than any star.

    Lengths fall exponentially (most particles pass steeply), losses per pixel are log-normal.
    """
    ny, nx = charge.shape
    for _ in range(int(rng.poisson(per_megapixel * charge.size / 1e6))):
        length = 0.5 + rng.exponential(5.0)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        steps = np.linspace(0.0, length, 1 + int(np.ceil(8.0 * length)))
        x = np.rint(rng.uniform(0, nx) + steps * np.cos(angle)).astype(int)
        y = np.rint(rng.uniform(0, ny) + steps * np.sin(angle)).astype(int)
        inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
        loss_e = rng.lognormal(7.0, 0.6) * length / steps.size
        np.add.at(charge, (y[inside], x[inside]), np.rint(loss_e))


def _wcs_cards(parameters: SurveyParameters, epoch: Epoch) -> fits.Header:
    """Return TAN cards; north is up and east is left but for the epoch's rotation."""
    ny, nx = parameters.shape
    step = parameters.pixel_scale_arcsec / 3600.0
    cosine = np.cos(np.radians(epoch.rotation_deg))
    sine = np.sin(np.radians(epoch.rotation_deg))
    header = fits.Header()
    for keyword, value, comment in (
        ("WCSAXES", 2, "number of world axes"),
        ("CTYPE1", "RA---TAN", "gnomonic projection"),
        ("CTYPE2", "DEC--TAN", "gnomonic projection"),
        ("CUNIT1", "deg", "unit of CRVAL1 and CD1"),
        ("CUNIT2", "deg", "unit of CRVAL2 and CD2"),
        ("CRPIX1", (nx + 1) / 2 + epoch.offset_px[0], "[pixel] reference point"),
        ("CRPIX2", (ny + 1) / 2 + epoch.offset_px[1], "[pixel] reference point"),
        ("CRVAL1", parameters.ra_deg, "[deg] reference point"),
        ("CRVAL2", parameters.dec_deg, "[deg] reference point"),
        ("CD1_1", float(-step * cosine), "[deg/pixel]"),
        ("CD1_2", float(step * sine), "[deg/pixel]"),
        ("CD2_1", float(step * sine), "[deg/pixel]"),
        ("CD2_2", float(step * cosine), "[deg/pixel]"),
        ("RADESYS", "ICRS", "celestial frame"),
    ):
        header[keyword] = (value, comment)
    return header
