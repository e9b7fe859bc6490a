"""What a simulated survey is made of: its epochs, its camera and its field."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from astrid_sdk.errors import InvalidInputError

MINIMUM_TRANSIENTS_PER_NIGHT = 12
SMALLEST_SIDE_PX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One exposure of the survey: when, under which sky, and where the telescope pointed.

    Attributes
    ----------
    role : {"reference", "science"}
        What the exposure is for.
    night : str
        Local date at the noon before the exposure, YYYY-MM-DD.
    start_utc : str
        Start of the exposure, ISO 8601, UTC.
    suffix : {".fits", ".fits.gz", ".fits.fz"}
        How the file is packed; all three are lossless.
    sequence : int
        Number of the exposure within its night.
    seeing_arcsec, moffat_beta : float
        FWHM and wing exponent of the point spread function at the centre of the field.
    ellipticity, ellipticity_angle_deg : float
        Shear of the point spread function and its direction from the x axis, as from poor guiding.
    sky_mag_arcsec2 : float
        AB brightness of the sky at the centre of the field.
    sky_gradient : tuple of float
        Relative change of the sky from the centre to the right and the top edge.
    offset_px : tuple of float
        Shift of the pointing along x and y.
    rotation_deg : float
        Rotation of the detector on the sky.
    airmass, transparency : float
        Airmass, and the part of the light that gets through at that airmass.
    """

    role: Literal["reference", "science"]
    night: str
    start_utc: str
    suffix: Literal[".fits", ".fits.gz", ".fits.fz"] = ".fits"
    sequence: int = 1
    exposure_s: float = 120.0
    seeing_arcsec: float
    moffat_beta: float
    ellipticity: float
    ellipticity_angle_deg: float
    sky_mag_arcsec2: float
    sky_gradient: tuple[float, float]
    offset_px: tuple[float, float]
    rotation_deg: float
    airmass: float
    transparency: float

    @property
    def throughput_s(self) -> float:
        """Seconds of a perfectly clear sky that gather the same light."""
        return self.exposure_s * self.transparency


def _template(sequence: int, start_utc: str, offset_px: tuple[float, float]) -> Epoch:
    return Epoch(
        role="reference",
        night="2024-03-01",
        start_utc=start_utc,
        sequence=sequence,
        seeing_arcsec=1.12 + 0.03 * sequence,
        moffat_beta=3.5,
        ellipticity=0.015,
        ellipticity_angle_deg=20.0,
        sky_mag_arcsec2=20.9,
        sky_gradient=(0.015, -0.010),
        offset_px=offset_px,
        rotation_deg=0.0,
        airmass=1.077,
        transparency=0.97,
    )


# The site lies in Chile: exposures start after 00:00 UTC of the day that follows the night's date.
DEFAULT_EPOCHS = (
    _template(1, "2024-03-02T04:21:10.500", (0.0, 0.0)),
    _template(2, "2024-03-02T04:24:02.250", (3.4, -2.7)),
    _template(3, "2024-03-02T04:26:55.000", (-2.6, 4.1)),
    Epoch(
        role="science",
        night="2024-04-05",
        start_utc="2024-04-06T02:11:37.250",
        seeing_arcsec=1.30,
        moffat_beta=3.0,
        ellipticity=0.035,
        ellipticity_angle_deg=65.0,
        sky_mag_arcsec2=20.8,
        sky_gradient=(0.030, 0.020),
        offset_px=(14.3, -9.6),
        rotation_deg=0.12,
        airmass=1.077,
        transparency=0.95,
    ),
    Epoch(
        role="science",
        night="2024-04-08",
        start_utc="2024-04-09T00:48:05.500",
        suffix=".fits.gz",
        seeing_arcsec=1.62,
        moffat_beta=2.8,
        ellipticity=0.020,
        ellipticity_angle_deg=140.0,
        sky_mag_arcsec2=20.6,
        sky_gradient=(-0.045, 0.030),
        offset_px=(-22.8, 17.1),
        rotation_deg=-0.20,
        airmass=1.114,
        transparency=0.88,
    ),
    Epoch(
        role="science",
        night="2024-04-11",
        start_utc="2024-04-12T03:33:52.750",
        suffix=".fits.fz",
        seeing_arcsec=1.42,
        moffat_beta=3.3,
        ellipticity=0.050,
        ellipticity_angle_deg=10.0,
        sky_mag_arcsec2=20.4,
        sky_gradient=(0.020, -0.060),
        offset_px=(7.7, 26.4),
        rotation_deg=0.31,
        airmass=1.217,
        transparency=0.91,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyParameters:
    """A survey of one field by one camera. The same parameters make the same bytes.

    Attributes
    ----------
    seed : int
        What every random number follows from.
    shape : tuple of int
        Rows and columns of the detector.
    epochs : tuple of Epoch
        The exposures, references and science.
    stars, galaxies : int
        How many of each lie in and just around the field.
    variable_stars : int
        How many of the stars change from night to night.
    lasting_transients : int
        How many transients have a light curve over the nights.
    transients_per_night : int
        Transients in each science frame, at least 12: the lasting ones that are bright enough
        that night, one asteroid, and others seen in that night alone.
    transient_snr : tuple of float
        Faintest and brightest matched-filter SNR of a transient in the difference.
    gain_e_adu, read_noise_e, saturation_adu : float
        Electrons per count, read-out noise, and the count at which a pixel is full.
    zero_point_mag : float
        AB magnitude that yields one electron per second through a perfectly clear sky.
    cosmic_rays_per_megapixel_s : float
        Cosmic-ray hits per second of exposure in a million pixels.
    bad_columns, hot_pixels : int
        Defects of the detector, the same in every exposure.
    """

    seed: int = 20240301
    shape: tuple[int, int] = (1024, 1024)
    epochs: tuple[Epoch, ...] = DEFAULT_EPOCHS
    object_name: str = "FIELD042"
    filter_band: str = "r"
    instrument: str = "SIMCAM"
    telescope: str = "SIM-1.0m"
    site_longitude_deg: float = -70.7494
    site_latitude_deg: float = -30.2407
    ra_deg: float = 154.25
    dec_deg: float = -8.40
    pixel_scale_arcsec: float = 0.40
    stars: int = 700
    galaxies: int = 320
    variable_stars: int = 4
    lasting_transients: int = 6
    transients_per_night: int = 16
    transient_snr: tuple[float, float] = (5.5, 48.0)
    gain_e_adu: float = 1.6
    read_noise_e: float = 6.0
    saturation_adu: int = 60_000
    zero_point_mag: float = 25.0
    cosmic_rays_per_megapixel_s: float = 0.3
    bad_columns: int = 4
    hot_pixels: int = 220

    def __post_init__(self) -> None:
        if self.transients_per_night < MINIMUM_TRANSIENTS_PER_NIGHT:
            raise InvalidInputError(
                f"{self.transients_per_night} transients per night score nothing reliably: "
                f"ask for at least {MINIMUM_TRANSIENTS_PER_NIGHT}",
                kind="survey_parameters",
            )
        if min(self.shape) < SMALLEST_SIDE_PX:
            raise InvalidInputError(
                f"a field of {self.shape[0]} x {self.shape[1]} pixels holds no survey: "
                f"each side needs at least {SMALLEST_SIDE_PX}",
                kind="survey_parameters",
            )
        if {epoch.role for epoch in self.epochs} != {"reference", "science"}:
            raise InvalidInputError(
                "a survey needs reference and science epochs: add the missing ones",
                kind="survey_parameters",
            )

    @property
    def references(self) -> tuple[Epoch, ...]:
        """The reference epochs."""
        return tuple(epoch for epoch in self.epochs if epoch.role == "reference")

    @property
    def science(self) -> tuple[Epoch, ...]:
        """The science epochs."""
        return tuple(epoch for epoch in self.epochs if epoch.role == "science")

    def file_name(self, epoch: Epoch) -> str:
        """Return the name of the file that holds `epoch`."""
        date = epoch.night.replace("-", "")
        stem = f"{self.object_name.lower()}_{date}_{self.filter_band}_{epoch.sequence:03d}"
        return stem + epoch.suffix

    def electrons(self, magnitude: float, epoch: Epoch) -> float:
        """Return the electrons that a source of AB `magnitude` leaves in `epoch`."""
        return epoch.throughput_s * float(10.0 ** (0.4 * (self.zero_point_mag - magnitude)))

    def zero_point_adu_mag(self, epoch: Epoch) -> float:
        """Return the AB magnitude that leaves one count in all of `epoch`."""
        return self.zero_point_mag + 2.5 * math.log10(epoch.throughput_s / self.gain_e_adu)

    def random(self, *stream: int) -> np.random.Generator:
        """Return the generator of one part of the survey: parts never disturb each other."""
        return np.random.default_rng([self.seed, *stream])
