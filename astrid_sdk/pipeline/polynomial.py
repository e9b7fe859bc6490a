"""Polynomials over the plane: maps between pixel grids, and terms that vary over a field."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def exponents(degree: int) -> list[tuple[int, int]]:
    """Return the powers of x and y in the monomials up to `degree`, in the order of `terms`."""
    return [(i, total - i) for total in range(degree + 1) for i in range(total + 1)]


def terms(x: Array, y: Array, degree: int) -> Array:
    """Return the monomials x^i y^j with i + j <= `degree`; shape (n_terms, *x.shape)."""
    return np.stack([x**i * y**j for i, j in exponents(degree)])


@dataclass(frozen=True, slots=True, eq=False)
class PlaneMap:
    """A polynomial map of the plane onto itself.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (2, n_terms)
        For target x and target y, of the monomials in the centred and scaled source position.
    centre : tuple of float
        Source position taken as origin, pixels.
    scale : float
        Source pixels per unit: keeps the monomials near 1.
    degree : int
        Of the polynomial; 1 is an affine map.
    """

    coefficients: Array
    centre: tuple[float, float]
    scale: float
    degree: int

    @classmethod
    def fit(cls, source: Array, target: Array, degree: int) -> Self:
        """Return the least-squares map that takes `source` to `target`, both of shape (n, 2)."""
        centre = (float(source[:, 0].mean()), float(source[:, 1].mean()))
        scale = float(max(np.ptp(source, axis=0).max() / 2, 1.0))
        design = terms(
            (source[:, 0] - centre[0]) / scale, (source[:, 1] - centre[1]) / scale, degree
        )
        solution, *_ = np.linalg.lstsq(design.T, target, rcond=None)
        return cls(np.asarray(solution.T, dtype=np.float64), centre, scale, degree)

    @classmethod
    def identity(cls) -> Self:
        """Return the map that moves nothing."""
        return cls(np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), (0.0, 0.0), 1.0, 1)

    def from_corner(self, x0: float, y0: float) -> "PlaneMap":
        """Return this map for a source grid whose pixel 0, 0 is at `x0`, `y0` of the present."""
        return replace(self, centre=(self.centre[0] - x0, self.centre[1] - y0))

    def __call__(self, points: Array) -> Array:
        """Return where `points`, shape (n, 2), go."""
        x, y = self.at(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    def at(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return where the positions `x`, `y` of any one shape go."""
        u = (x - self.centre[0]) / self.scale
        v = (y - self.centre[1]) / self.scale
        monomials = terms(u, v, self.degree)
        moved = np.tensordot(self.coefficients, monomials, axes=1)
        return moved[0], moved[1]

    def area_ratio(self, x: float, y: float) -> float:
        """Return target pixels per source pixel around one position: the Jacobian."""
        step = 0.5
        points = np.array([[x - step, y], [x + step, y], [x, y - step], [x, y + step]])
        left, right, below, above = self(points)
        return float(abs(np.linalg.det(np.column_stack([right - left, above - below]))))
