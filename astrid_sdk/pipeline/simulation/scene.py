"""The sky of the simulated survey: its point spread functions, stars and galaxies."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import galsim
import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from astrid_sdk.pipeline.simulation.camera import exposure_mjd, exposure_wcs
from astrid_sdk.pipeline.simulation.parameters import Epoch, SurveyParameters

_SCENE_STREAM = 1
_PADDING_PX = 40  # sources just outside the field shed light into it
# Optics: the focal surface is curved a little (FWHM) and astigmatic (shear), more at the edges.
_TILT = (0.015, -0.012)
_CURVATURE = 0.025
_ASTIGMATISM = 0.012
# Galaxies resemble a few kinds: a Sersic index each, and what share of them it has.
_SERSIC_INDICES = (1.0, 1.5, 2.5, 3.5)
_SERSIC_SHARES = (0.55, 0.2, 0.15, 0.1)
_FAINTEST_STAR_MAG, _BRIGHTEST_STAR_MAG, _STAR_SLOPE = 23.5, 12.6, 0.20
_DISC_MAG = 19.5  # brighter exponential discs get a bulge
_FAINTEST_GALAXY_MAG, _BRIGHTEST_GALAXY_MAG, _GALAXY_SLOPE = 23.3, 15.0, 0.36


@dataclass(frozen=True, slots=True)
class Star:
    """A point of light."""

    ra_deg: float
    dec_deg: float
    magnitude: float


@dataclass(frozen=True, slots=True)
class Galaxy:
    """A Sersic profile seen at an angle, with a bulge where it is a bright disc."""

    ra_deg: float
    dec_deg: float
    magnitude: float
    half_light_radius_arcsec: float
    sersic_index: float
    axis_ratio: float
    angle_deg: float
    bulge_share: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that shines in every epoch."""

    stars: tuple[Star, ...]
    galaxies: tuple[Galaxy, ...]


@dataclass(frozen=True)
class Exposure:
    """The view of one epoch: places, shapes and brightness on the detector."""

    parameters: SurveyParameters
    epoch: Epoch

    @cached_property
    def wcs(self) -> WCS:
        """World coordinates of the exposure."""
        return exposure_wcs(self.parameters, self.epoch)

    def positions(self, sources: Sequence[Star] | Sequence[Galaxy]) -> list[tuple[float, float]]:
        """Return the 0-based pixel position of each source."""
        ra = [source.ra_deg for source in sources]
        dec = [source.dec_deg for source in sources]
        x, y = self.wcs.all_world2pix(ra, dec, 0)
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def position(self, ra_deg: float, dec_deg: float) -> tuple[float, float]:
        """Return the 0-based pixel position of a place on the sky."""
        x, y = self.wcs.all_world2pix(ra_deg, dec_deg, 0)
        return float(x), float(y)

    @property
    def mjd(self) -> float:
        """Start of the exposure, UTC."""
        return exposure_mjd(self.epoch)

    @property
    def sky_level_e(self) -> float:
        """Electrons per pixel that the sky leaves at the centre of the field."""
        per_arcsec2 = self.parameters.electrons(self.epoch.sky_mag_arcsec2, self.epoch)
        return per_arcsec2 * self.parameters.pixel_scale_arcsec**2

    def fwhm_px(self, x: float, y: float) -> float:
        """Return the FWHM of a star at (x, y)."""
        u, v = self._field(x, y)
        blur = 1.0 + _TILT[0] * u + _TILT[1] * v + _CURVATURE * (u * u + v * v)
        return blur * self.epoch.seeing_arcsec / self.parameters.pixel_scale_arcsec

    def psf(self, x: float, y: float) -> galsim.GSObject:
        """Return the point spread function at (x, y), pixel included, for drawing by sampling."""
        u, v = self._field(x, y)
        guiding = self.epoch.ellipticity * np.exp(2j * np.radians(self.epoch.ellipticity_angle_deg))
        shear = complex(guiding + _ASTIGMATISM * (u + 1j * v) ** 2)
        moffat = galsim.Moffat(beta=self.epoch.moffat_beta, fwhm=self.fwhm_px(x, y))
        return moffat.shear(g1=shear.real, g2=shear.imag)

    def star_radius_px(self, x: float, y: float, electrons: float) -> float:
        """Return where a star's light falls below one electron per pixel."""
        beta = self.epoch.moffat_beta
        core = self.fwhm_px(x, y) / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0))
        peak = abs(electrons) * (beta - 1.0) / (np.pi * core**2)
        return float(core * np.sqrt(max(peak ** (1.0 / beta), 1.0)))

    def sky(self) -> NDArray[np.float64]:
        """Return the electrons of the empty sky: a slope and a faint glow at the corners."""
        ny, nx = self.parameters.shape
        v, u = np.meshgrid(np.linspace(-1, 1, ny), np.linspace(-1, 1, nx), indexing="ij")
        slope_x, slope_y = self.epoch.sky_gradient
        plane = self.sky_level_e * (1.0 + slope_x * u + slope_y * v + 0.01 * (u * u + v * v))
        return np.asarray(plane, dtype=np.float64)

    def add_star(self, image: galsim.Image, x: float, y: float, electrons: float) -> None:
        """Add a point source of `electrons` (negative: take away) to `image`."""
        radius = self.star_radius_px(x, y, electrons)
        draw(image, self.psf(x, y).withFlux(electrons), x, y, max(radius, 8.0))

    def add_galaxy(self, image: galsim.Image, x: float, y: float, galaxy: Galaxy) -> None:
        """Add a galaxy, blurred by the point spread function there, to `image`."""
        radius = galaxy.half_light_radius_arcsec / self.parameters.pixel_scale_arcsec
        profile = galsim.Sersic(n=galaxy.sersic_index, half_light_radius=radius)
        profile = _seen_at(profile, galaxy.axis_ratio, self._angle(galaxy))
        if galaxy.bulge_share:
            bulge = galsim.Sersic(n=2.5, half_light_radius=0.25 * radius)
            bulge = _seen_at(bulge, 0.85, self._angle(galaxy))
            profile = (1.0 - galaxy.bulge_share) * profile + galaxy.bulge_share * bulge
        electrons = self.parameters.electrons(galaxy.magnitude, self.epoch)
        blurred = galsim.Convolve(profile, self.psf(x, y)).withFlux(electrons)
        draw(image, blurred, x, y, 6.0 * radius + 3.0 * self.fwhm_px(x, y))

    def _angle(self, galaxy: Galaxy) -> galsim.Angle:
        # The field turns on the detector against the rotation of the detector on the sky.
        return (galaxy.angle_deg - self.epoch.rotation_deg) * galsim.degrees

    def _field(self, x: float, y: float) -> tuple[float, float]:
        """Return (x, y) as parts of the way from the centre to the edges."""
        ny, nx = self.parameters.shape
        return (2.0 * x / (nx - 1) - 1.0, 2.0 * y / (ny - 1) - 1.0)


def make_scene(parameters: SurveyParameters) -> Scene:
    """Return the stars and galaxies of the survey's field."""
    rng = parameters.random(_SCENE_STREAM)
    wcs = exposure_wcs(parameters, parameters.references[0])
    return Scene(
        stars=tuple(_stars(parameters, wcs, rng)), galaxies=tuple(_galaxies(parameters, wcs, rng))
    )


def draw_scene(scene: Scene, exposure: Exposure) -> galsim.Image:
    """Return the noise-free electrons of everything that shines in every epoch."""
    image = galsim.ImageD(exposure.sky(), xmin=0, ymin=0)
    for star, (x, y) in zip(scene.stars, exposure.positions(scene.stars), strict=True):
        electrons = exposure.parameters.electrons(star.magnitude, exposure.epoch)
        exposure.add_star(image, x, y, electrons)
    for galaxy, (x, y) in zip(scene.galaxies, exposure.positions(scene.galaxies), strict=True):
        exposure.add_galaxy(image, x, y, galaxy)
    return image


def draw(image: galsim.Image, profile: galsim.GSObject, x: float, y: float, radius: float) -> None:
    """Add `profile` at (x, y) to the part of `image` within `radius` pixels, a square."""
    left, right = int(np.floor(x - radius)), int(np.ceil(x + radius))
    low, high = int(np.floor(y - radius)), int(np.ceil(y + radius))
    bounds = galsim.BoundsI(left, right, low, high) & image.bounds
    if bounds.isDefined():
        profile.drawImage(
            image[bounds],
            center=galsim.PositionD(x, y),
            scale=1.0,
            method="no_pixel",
            add_to_image=True,
        )


def _stars(parameters: SurveyParameters, wcs: WCS, rng: np.random.Generator) -> list[Star]:
    ra, dec = _places(parameters, wcs, parameters.stars, rng)
    steps = rng.uniform(size=parameters.stars)
    magnitudes = _magnitudes(_BRIGHTEST_STAR_MAG, _FAINTEST_STAR_MAG, _STAR_SLOPE, steps)
    return [Star(*values) for values in zip(ra, dec, magnitudes, strict=True)]


def _galaxies(parameters: SurveyParameters, wcs: WCS, rng: np.random.Generator) -> list[Galaxy]:
    """Return galaxies: fainter ones smaller on average, with a wide spread at each brightness."""
    count = parameters.galaxies
    ra, dec = _places(parameters, wcs, count, rng)
    steps = rng.uniform(size=count)
    magnitudes = np.array(
        _magnitudes(_BRIGHTEST_GALAXY_MAG, _FAINTEST_GALAXY_MAG, _GALAXY_SLOPE, steps)
    )
    radii = 0.9 * 10.0 ** (-0.16 * (magnitudes - 20.0)) * rng.lognormal(0.0, 0.35, count)
    indices = rng.choice(_SERSIC_INDICES, count, p=_SERSIC_SHARES)
    inclined = rng.uniform(0.0, 1.0, count)  # cosine of the inclination: uniform for discs
    ratios = np.sqrt(0.2**2 + (1.0 - 0.2**2) * inclined**2)
    discs = (indices == 1.0) & (magnitudes < _DISC_MAG)
    bulges = np.where(discs, rng.uniform(0.1, 0.35, count), 0.0)
    angles = rng.uniform(0.0, 180.0, count)
    columns = (magnitudes, np.clip(radii, 0.2, 8.0), indices, ratios, angles, bulges)
    rows = zip(ra, dec, *(column.tolist() for column in columns), strict=True)
    return [Galaxy(*row) for row in rows]


def _places(
    parameters: SurveyParameters, wcs: WCS, count: int, rng: np.random.Generator
) -> tuple[list[float], list[float]]:
    ny, nx = parameters.shape
    x = rng.uniform(-_PADDING_PX, nx + _PADDING_PX, count)
    y = rng.uniform(-_PADDING_PX, ny + _PADDING_PX, count)
    ra, dec = wcs.all_pix2world(x, y, 0)
    return ra.tolist(), dec.tolist()


def _magnitudes(
    brightest: float, faintest: float, slope: float, steps: NDArray[np.float64]
) -> list[float]:
    """Return magnitudes whose counts grow as 10 ** (slope * magnitude), for uniform `steps`."""
    low, high = 10.0 ** (slope * brightest), 10.0 ** (slope * faintest)
    magnitudes: list[float] = (np.log10(low + steps * (high - low)) / slope).tolist()
    return magnitudes


def _seen_at(profile: galsim.GSObject, axis_ratio: float, angle: galsim.Angle) -> galsim.GSObject:
    return profile.shear(q=axis_ratio, beta=angle)
