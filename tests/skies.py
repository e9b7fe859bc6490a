"""Small made-up skies as FITS files, for tests that need frames and no science."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

SIZE_PX = 256
FWHM_PX = 3.5
SKY_ADU = 400.0


@dataclass(frozen=True)
class Shot:
    """One exposure of the made-up sky.

    Attributes
    ----------
    night : str
        Date of the exposure's start at 22:00 UTC; the site is at longitude 0.
    noise_seed : int
    transient : tuple of float, optional
        x, y (0-based pixels) and flux (ADU) of a new star.
    ra_deg, dec_deg : float
        Of the centre; the WCS is TAN with 1 arcsec pixels.
    """

    night: str = "2024-04-05"
    noise_seed: int = 1
    transient: tuple[float, float, float] | None = None
    ra_deg: float = 150.0
    dec_deg: float = 2.0
    filter_band: str = "r"
    object_name: str = "field-1"
    size_px: int = SIZE_PX

    def to_bytes(self) -> bytes:
        """Return the exposure as a FITS file."""
        buffer = io.BytesIO()
        fits.PrimaryHDU(self._pixels(), header=self._header()).writeto(buffer)
        return buffer.getvalue()

    def write(self, path: Path) -> Path:
        """Write the exposure to `path`, folders included."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.to_bytes())
        return path

    def _pixels(self) -> NDArray[np.float32]:
        image = np.full((self.size_px, self.size_px), SKY_ADU)
        for x, y, flux in _stars(self.size_px):
            _add_star(image, x, y, flux)
        if self.transient is not None:
            _add_star(image, *self.transient)
        noise = np.random.default_rng(self.noise_seed).normal(size=image.shape)
        return np.asarray(image + noise * np.sqrt(image), np.float32)

    def _header(self) -> fits.Header:
        centre, scale_deg = (self.size_px + 1) / 2, 1 / 3600
        cards = {
            "OBJECT": self.object_name,
            "DATE-OBS": f"{self.night}T22:00:00",
            "EXPTIME": 60.0,
            "FILTER": self.filter_band,
            "INSTRUME": "testcam",
            "SITELONG": 0.0,
            "GAIN": 1.0,
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": self.ra_deg,
            "CRVAL2": self.dec_deg,
            "CRPIX1": centre,
            "CRPIX2": centre,
            "CDELT1": -scale_deg,
            "CDELT2": scale_deg,
        }
        return fits.Header(cards)


def _stars(size_px: int, count: int = 60) -> list[tuple[float, float, float]]:
    """Return x, y and flux of the stars that every exposure shows."""
    rng = np.random.default_rng(71)
    x, y = rng.uniform(8, size_px - 8, (2, count))
    flux = 10 ** rng.uniform(3.7, 5.0, count)
    return [(float(a), float(b), float(c)) for a, b, c in zip(x, y, flux, strict=True)]


def _add_star(image: NDArray[np.float64], x: float, y: float, flux: float) -> None:
    sigma = FWHM_PX / 2.3548
    rows, columns = np.indices(image.shape)
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    image += flux * spot / (2 * np.pi * sigma**2)
