"""One exposure of the simulated survey without its changes, and the matched filter on it.

The SNR of a change is the one a matched filter reaches in the difference of the science frame and
the mean of the references: with p the science point spread function and V the noise-free variance
per pixel (sky, source, host and read-out noise of both, brought to one exposure scale), the filter
``sum(p D) / sum(p^2)`` has the error ``sqrt(sum(p^2 V)) / sum(p^2)`` (Horne 1986; Zackay, Ofek &
Gal-Yam 2016). References count as they are; smoothing them to the science seeing would gain a
little more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from astrid_sdk.pipeline.simulation.camera import bleed, full_well_e
from astrid_sdk.pipeline.simulation.scene import Exposure, draw

_FILTER_RADIUS_PX = 20
_EDGE_PX = 15
_NEAR_FULL = 0.8


@dataclass(frozen=True, slots=True)
class View:
    """One exposure with its unchanging light.

    Attributes
    ----------
    exposure : Exposure
        The view of the epoch.
    image : galsim.Image
        Noise-free electrons.
    unusable : ndarray of bool, shape (ny, nx)
        True near full pixels, defects and the edges.
    """

    exposure: Exposure
    image: galsim.Image
    unusable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the sky, and what is there."""

    ra_deg: float
    dec_deg: float
    kind: str


@dataclass(frozen=True, slots=True)
class Filter:
    """The matched filter at one place of one science view: sums over its pixels.

    Attributes
    ----------
    p2, p3 : float
        Sums of the second and third power of the point spread function.
    p2_variance : float
        Sum of its square times the variance without the change, electrons squared.
    """

    p2: float
    p3: float
    p2_variance: float

    def snr(self, electrons: float) -> float:
        """Return the SNR of a change, its own Poisson noise included."""
        own_noise = max(electrons, 0.0) * self.p3
        return electrons * self.p2 / float(np.sqrt(self.p2_variance + own_noise))

    def electrons(self, snr: float) -> float:
        """Return the brightening that has this `snr`: the positive root of a quadratic."""
        half = 0.5 * self.p3 * (snr / self.p2) ** 2
        return half + float(np.sqrt(half**2 + self.p2_variance * (snr / self.p2) ** 2))


def make_view(exposure: Exposure, image: galsim.Image, bad: NDArray[np.bool_]) -> View:
    """Return the view of `exposure`, given its noise-free electrons and the bad pixels."""
    full_well = full_well_e(exposure.parameters)
    full = bleed(image.array, full_well) > _NEAR_FULL * full_well
    edge = np.ones(bad.shape, dtype=np.bool_)
    edge[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX] = False
    unusable = ndimage.binary_dilation(full, iterations=12)
    unusable |= ndimage.binary_dilation(bad, iterations=4)
    return View(exposure, image, unusable | edge)


def matched_filter(science: View, references: Sequence[View], place: Place) -> Filter:
    """Return the matched filter for `place` in the difference of `science` and `references`."""
    p, variance = _under_psf(science, science, place)
    p2_variance = float(np.sum(p**2 * variance))
    for reference in references:
        ratio = science.exposure.epoch.throughput_s / reference.exposure.epoch.throughput_s
        q, variance = _under_psf(science, reference, place)
        p2_variance += (ratio / len(references)) ** 2 * float(np.sum(q**2 * variance))
    return Filter(float(np.sum(p**2)), float(np.sum(p**3)), p2_variance)


def is_usable(view: View, place: Place, crowded: float) -> bool:
    """Whether `place` is on sound pixels no brighter than `crowded` times the sky."""
    x, y = view.exposure.position(place.ra_deg, place.dec_deg)
    column, row = round(x), round(y)
    ny, nx = view.unusable.shape
    if not (0 <= column < nx and 0 <= row < ny) or view.unusable[row, column]:
        return False
    around = view.image.array[row - 2 : row + 3, column - 2 : column + 3]
    return bool(around.max() < crowded * view.exposure.sky_level_e)


def _under_psf(
    science: View, view: View, place: Place
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the science point spread function at `place` on the pixels of `view`, and variances.

    Both of shape (ny, nx), cut at the edges of the frame; the variance in electrons squared.
    """
    x, y = view.exposure.position(place.ra_deg, place.dec_deg)
    psf = science.exposure.psf(*science.exposure.position(place.ra_deg, place.dec_deg))
    half = _FILTER_RADIUS_PX
    around = galsim.BoundsI(round(x) - half, round(x) + half, round(y) - half, round(y) + half)
    bounds = around & view.image.bounds
    stamp = galsim.ImageD(bounds)
    draw(stamp, psf, x, y, 2.0 * half)
    read_noise = view.exposure.parameters.read_noise_e
    return stamp.array, view.image[bounds].array + read_noise**2
