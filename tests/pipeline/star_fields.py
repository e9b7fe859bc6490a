"""Small synthetic skies for the tests of the image pipeline."""

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from astrid_sdk.pipeline.psf import gaussian_psf
from astrid_sdk.sky.frame import RawImage

GAIN = 1.5
SKY = 300.0
READ_NOISE_E = 6.0
SHAPE = (256, 256)

Positions = NDArray[np.float64]


def star_field(seed: int = 1, count: int = 90) -> tuple[Positions, NDArray[np.float64]]:
    """Return positions (n, 2) and fluxes of stars, 12 px or more from each other."""
    rng = np.random.default_rng(seed)
    places: list[NDArray[np.float64]] = []
    while len(places) < count:
        place = rng.uniform(-10, SHAPE[0] + 10, 2)
        if all(np.hypot(*(place - other)) > 12 for other in places):
            places.append(place)
    return np.array(places), 10 ** rng.uniform(3.3, 4.7, count)


def render(places: Positions, fluxes: NDArray[np.float64], fwhm_px: float) -> Positions:
    """Return a noiseless image of Gaussian stars."""
    rows, columns = np.indices(SHAPE)
    sigma = fwhm_px / 2.3548
    image = np.zeros(SHAPE)
    for (x, y), flux in zip(places, fluxes, strict=True):
        distance = (columns - x) ** 2 + (rows - y) ** 2
        image += flux / (2 * np.pi * sigma**2) * np.exp(-0.5 * distance / sigma**2)
    return image


def expose(
    image: Positions, seed: int, header: dict[str, float] | None = None, sky: float = SKY
) -> RawImage:
    """Return `image` on a sky, with photon and read-out noise."""
    rng = np.random.default_rng(seed)
    electrons = rng.poisson((image + sky) * GAIN) + rng.normal(0, READ_NOISE_E, image.shape)
    cards = {"GAIN": GAIN, "RDNOISE": READ_NOISE_E} if header is None else header
    return RawImage(
        data=(electrons / GAIN).astype(np.float32), header=fits.Header(list(cards.items()))
    )


def field(seed: int, fwhm_px: float = 3.2, shift: tuple[float, float] = (0.0, 0.0)) -> RawImage:
    """Return one exposure of the same star field, moved by `shift`."""
    places, fluxes = star_field()
    return expose(render(places + np.array(shift), fluxes, fwhm_px), seed)


def peak_of(flux: float, fwhm_px: float) -> float:
    """Return the brightest pixel of a centred star."""
    return flux * float(gaussian_psf(fwhm_px, 12).max())
