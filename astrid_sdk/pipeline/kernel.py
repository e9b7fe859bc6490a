"""The spatially varying kernel that gives one image the PSF and flux scale of another.

Alard & Lupton 1998, ApJ 503, 325, and Alard 2000, A&AS 144, 363: the kernel is a sum of fixed
basis images whose weights are polynomials over the field, fitted linearly on stamps around stars.
The basis here is Gaussians times polynomials and, for undersampled stars, the nine central
pixels one by one. Each stamp carries its own constant sky.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from astrid_sdk.pipeline.polynomial import exponents, terms

_RIDGE = 1e-6  # of the mean diagonal: keeps alike basis images from fighting
_FEWEST_FOR_DEGREE = (16, 50)  # stamps, for degree 1 and 2 over the field
_ROUNDS = 6
_FEWEST_STAMPS = 3
_LEAST_USED = 0.8  # share of good pixels in a stamp
_REJECT_SIGMA = 4.0

Plane = NDArray[np.float32]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A kernel that varies over the field.

    Attributes
    ----------
    images : ndarray of float64, shape (n_terms, k, k)
        Kernel image of each monomial of the scaled position; their weighted sum is the kernel.
    shape : tuple of int
        Rows and columns of the field it was fitted on.
    degree : int
        Of the polynomials over the field.
    stamps : int
        Stamps that the last fit kept.
    chi_square : float
        Median reduced chi square of these.
    """

    images: Matrix
    shape: tuple[int, int]
    degree: int
    stamps: int
    chi_square: float

    def at(self, x: float, y: float) -> Matrix:
        """Return the kernel image at one position."""
        weights = field_terms(np.array([x]), np.array([y]), self.shape, self.degree)[:, 0]
        return np.asarray(np.tensordot(weights, self.images, axes=1))

    @property
    def centre(self) -> Matrix:
        """The kernel image in the middle of the field."""
        return self.at(self.shape[1] / 2, self.shape[0] / 2)

    def sums(self) -> Plane:
        """Return the sum of the kernel, the flux scale, at each pixel."""
        return self._weigh(np.full((1, 1), image.sum(), dtype=np.float32) for image in self.images)

    def convolve(self, image: Plane) -> Plane:
        """Return `image` convolved with the kernel of each place."""
        radius = self.images.shape[1] // 2
        padded = np.pad(image, radius, mode="reflect")
        return self._weigh(
            signal.oaconvolve(padded, kernel.astype(np.float32), mode="valid")
            for kernel in self.images
        )

    def _weigh(self, parts: Iterable[Plane]) -> Plane:
        """Sum `parts`, one per monomial, each times its monomial over the field."""
        total = np.zeros(self.shape, dtype=np.float32)
        x, y = field_axes(self.shape)
        for (i, j), part in zip(exponents(self.degree), parts, strict=True):
            total += part * np.outer(y**j, x**i).astype(np.float32)
        return total


def field_axes(shape: tuple[int, int]) -> tuple[Matrix, Matrix]:
    """Return columns and rows scaled to -1 … 1 over the field."""
    return np.linspace(-1, 1, shape[1]), np.linspace(-1, 1, shape[0])


def field_terms(x: Matrix, y: Matrix, shape: tuple[int, int], degree: int) -> Matrix:
    """Return the monomials of positions scaled to the field, shape (n_terms, n)."""
    return terms(2 * x / max(shape[1] - 1, 1) - 1, 2 * y / max(shape[0] - 1, 1) - 1, degree)


def kernel_basis(fwhm_from_px: float, fwhm_to_px: float) -> Matrix:
    """Return the basis images, shape (n, k, k), to take stars of one width to another."""
    excess = np.sqrt(max(fwhm_to_px**2 - fwhm_from_px**2, 0.0)) / 2.3548
    narrow = float(np.clip(0.8 * excess, 0.9, 4.0))
    wide, widest = 2 * narrow, 4 * narrow  # the widest answers for the wings
    radius = int(np.clip(np.ceil(2.0 * widest), 7, 15))
    axis = np.arange(-radius, radius + 1, dtype=np.float64)
    images = []
    for sigma, degree in ((narrow, 4), (wide, 2), (widest, 0)):
        profile = np.exp(-0.5 * (axis / sigma) ** 2)
        for i in range(degree + 1):
            images += [
                np.outer(profile * (axis / sigma) ** j, profile * (axis / sigma) ** i)
                for j in range(degree + 1 - i)
            ]
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            image = np.zeros((len(axis), len(axis)))
            image[radius + dy, radius + dx] = 1
            images.append(image)
    basis = np.stack(images)
    return np.asarray(basis / np.sqrt((basis**2).sum(axis=(1, 2), keepdims=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Stamp:
    """The normal equations of one stamp, its sky projected out."""

    x: int
    y: int
    matrix: Matrix
    vector: Matrix
    power: float
    pixels: int


def fit_kernel(
    source: Plane,
    target: Plane,
    variance: Plane,
    places: list[tuple[int, int]],
    basis: Matrix,
    stamp_radius: int,
) -> Kernel | None:
    """Return the kernel that takes `source` to `target`, or None with too few good stamps.

    Parameters
    ----------
    source, target : ndarray of float32, shape (ny, nx)
        Sky-subtracted images on one grid.
    variance : ndarray of float32, shape (ny, nx)
        Of their difference; infinite where a pixel must not be used.
    places : list of (x, y)
        Centres of the stamps, whole pixels, far enough from the border.
    basis : ndarray of float64, shape (n, k, k)
        From `kernel_basis`.
    stamp_radius : int
        Half side of a stamp.
    """
    reach = basis.shape[1] // 2 + stamp_radius
    size = 2 * reach + 1
    spectrum = fft.rfft2(basis, s=(size, size))
    stamps = [
        stamp
        for x, y in places
        if (stamp := _stamp((source, target, variance), (x, y), basis, spectrum)) is not None
    ]
    if len(stamps) < _FEWEST_STAMPS:
        return None
    return _fit_stamps(stamps, basis, (source.shape[0], source.shape[1]))


def _stamp(
    planes: tuple[Plane, Plane, Plane], place: tuple[int, int], basis: Matrix, spectrum: Matrix
) -> _Stamp | None:
    source, target, variance = planes
    x, y = place
    size = (spectrum.shape[1], spectrum.shape[1])
    border = basis.shape[1] // 2
    reach, radius = size[0] // 2, size[0] // 2 - border
    window = source[y - reach : y + reach + 1, x - reach : x + reach + 1]
    inner = np.s_[y - radius : y + radius + 1, x - radius : x + radius + 1]
    weight = 1 / variance[inner].astype(np.float64).ravel()
    used = weight > 0
    if window.shape != size or used.mean() < _LEAST_USED:
        return None
    blurred = fft.irfft2(fft.rfft2(window.astype(np.float64))[None] * spectrum, s=size)
    # a circular convolution is the plain one where the kernel does not reach round the border
    rows = blurred[:, 2 * border :, 2 * border :].reshape(len(basis), -1)
    wanted = target[inner].astype(np.float64).ravel()
    share = weight / weight.sum()
    rows = rows - (rows @ share)[:, None]
    wanted = wanted - wanted @ share
    return _Stamp(
        x,
        y,
        (rows * weight) @ rows.T,
        rows @ (weight * wanted),
        float(weight @ wanted**2),
        int(used.sum()),
    )


def _fit_stamps(stamps: list[_Stamp], basis: Matrix, shape: tuple[int, int]) -> Kernel:
    kept = stamps
    degree = sum(len(stamps) >= fewest for fewest in _FEWEST_FOR_DEGREE)
    weights = _solve(kept, shape, degree)
    for _ in range(_ROUNDS):
        chi = np.array([_chi_square(stamp, weights, shape, degree) for stamp in stamps])
        middle = np.median(chi)
        spread = 1.4826 * np.median(np.abs(chi - middle))
        good = chi <= middle + _REJECT_SIGMA * max(spread, 0.1 * middle)
        again = [stamp for stamp, ok in zip(stamps, good, strict=True) if ok]
        if len(again) == len(kept) and all(a is b for a, b in zip(again, kept, strict=True)):
            break
        kept = again
        weights = _solve(kept, shape, degree)
    chi = np.array([_chi_square(stamp, weights, shape, degree) for stamp in kept])
    images = np.tensordot(weights, basis, axes=1)
    return Kernel(images, shape, degree, len(kept), float(np.median(chi)))


def _solve(stamps: list[_Stamp], shape: tuple[int, int], degree: int) -> Matrix:
    """Return basis weights, shape (n_terms, n_basis), of the summed normal equations."""
    size = len(stamps[0].vector)
    count = (degree + 1) * (degree + 2) // 2
    matrix = np.zeros((count * size, count * size))
    vector = np.zeros(count * size)
    for stamp in stamps:
        place = _terms_of(stamp, shape, degree)
        matrix += np.kron(np.outer(place, place), stamp.matrix)
        vector += np.kron(place, stamp.vector)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    scaled = matrix / np.outer(scale, scale) + _RIDGE * np.eye(len(vector))
    return np.asarray((np.linalg.solve(scaled, vector / scale) / scale).reshape(count, size))


def _chi_square(stamp: _Stamp, weights: Matrix, shape: tuple[int, int], degree: int) -> float:
    local = _terms_of(stamp, shape, degree) @ weights
    chi = float(stamp.power - 2 * local @ stamp.vector + local @ stamp.matrix @ local)
    return max(chi, 0.0) / stamp.pixels


def _terms_of(stamp: _Stamp, shape: tuple[int, int], degree: int) -> Matrix:
    return field_terms(np.array([float(stamp.x)]), np.array([float(stamp.y)]), shape, degree)[:, 0]
