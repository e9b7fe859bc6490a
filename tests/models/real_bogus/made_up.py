"""Made-up triplets: stars that appeared, and the artefacts that look like some."""

from dataclasses import replace

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.session import AstridSession
from astrid_sdk.sky.cutouts import DEFAULT_SIZE_PX, Triplet
from astrid_sdk.tiers import Tier

FWHM_PX = 3.5
NOISE = 5.0
KINDS = ("dipole", "spike", "blob")

Plane = NDArray[np.float32]


def spot(flux: float, x: float = 0.0, y: float = 0.0, fwhm_px: float = FWHM_PX) -> Plane:
    """Return a Gaussian star at (x, y) from the middle of a stamp."""
    axis = np.arange(DEFAULT_SIZE_PX) - DEFAULT_SIZE_PX // 2
    sigma = fwhm_px / 2.3548
    profile = np.exp(
        -((axis - x)[np.newaxis, :] ** 2 + (axis - y)[:, np.newaxis] ** 2) / 2 / sigma**2
    )
    return np.asarray(flux * profile / (2 * np.pi * sigma**2), np.float32)


def noise(seed: int) -> Plane:
    size = (DEFAULT_SIZE_PX, DEFAULT_SIZE_PX)
    return np.asarray(np.random.default_rng(seed).normal(0, NOISE, size), np.float32)


def triplet_of(difference: Plane, reference: Plane | None = None, **cards: object) -> Triplet:
    """Return a triplet whose science is reference and difference together."""
    template = np.zeros_like(difference) if reference is None else reference
    header = fits.Header({"X": 100.0, "Y": 100.0, "SNR": 20.0, "ISNEG": False, **cards})
    return Triplet(template + difference + 400, template + 400, difference, header)


def real_triplet(seed: int) -> Triplet:
    """Return a star that appeared."""
    rng = np.random.default_rng(seed)
    return triplet_of(noise(seed) + spot(rng.uniform(600, 3000)), spot(rng.uniform(0, 2000), 3, 2))


def bogus_triplet(seed: int) -> Triplet:
    """Return a dipole, a spike or a blob, by turns."""
    rng = np.random.default_rng(seed)
    flux = rng.uniform(600, 3000)
    shapes = {
        "dipole": spot(flux, 1.5) - spot(flux, -1.5),
        "spike": spot(flux / 3, fwhm_px=0.8),
        "blob": spot(3 * flux, fwhm_px=9.0),
    }
    return triplet_of(noise(seed) + shapes[KINDS[seed % len(KINDS)]], spot(flux))


def labelled_dataset(
    astrid: AstridSession, count: int = 48, *, exposures: int = 24, bogus: int | None = None
) -> DatasetVersion:
    """Store labelled triplets, half of them real, of some exposures, and version them."""
    half = count // 2 if bogus is None else count - bogus
    raws = [
        astrid.cas.store_data(
            f"exposure {number}".encode(), "application/fits", tier="raw-observations"
        )
        for number in range(exposures)
    ]
    files = []
    for number in range(count):
        is_real = number < half
        made = real_triplet(number) if is_real else bogus_triplet(number)
        content = astrid.cas.store_data(made.to_fits(), "application/fits", tier="detections")
        files.append(
            DatasetFile(
                content_hash=str(content),
                path=f"triplet-{number:03d}.fits",
                tier=Tier.DETECTIONS.value,
                role="triplet",
                label="real" if is_real else "bogus",
                sources=(str(raws[number % exposures]),),
                ra_deg=150.0 + number / 10,
                dec_deg=2.0,
            )
        )
    return astrid.datasets.commit(DatasetManifest("transients", tuple(files)), "made up").version


def relabelled(astrid: AstridSession, version: DatasetVersion) -> DatasetVersion:
    """Version a dataset again with one label turned around."""
    manifest = astrid.datasets.manifest(version)
    first, *others = manifest.files
    turned = replace(first, label="bogus" if first.label == "real" else "real")
    return astrid.datasets.commit(
        replace(manifest, files=(turned, *others)), "one more look"
    ).version
