"""Where an image lies on the sky, right at RA 0 and at the poles.

A footprint is a convex polygon with great-circle edges: its corners (ra, dec) in degrees, ICRS,
in order around it. Functions take one footprint, shape (k, 2), or many, shape (..., k, 2), and
broadcast. Footprints must fit in a hemisphere; those of images do. Areas that people ask for,
polygons and boxes, are in `astrid_sdk.sky.regions` and can be had from here.
"""

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import ArrayLike

from astrid_sdk.sky import sphere
from astrid_sdk.sky.placement import MAX_RADIUS_DEG, THINNEST, Corners
from astrid_sdk.sky.regions import box_covers, box_intersects, polygon_covers, polygon_intersects
from astrid_sdk.sky.sphere import Bools, Floats, corner_vectors, positions, unit_vectors

if TYPE_CHECKING:  # a search loads this module and has no need of astropy
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS

__all__ = [
    "MAX_RADIUS_DEG",
    "THINNEST",
    "Bools",
    "Corners",
    "Floats",
    "bounding_circle",
    "box_covers",
    "box_intersects",
    "cone_intersects",
    "covers",
    "footprint_of",
    "overlap_fraction",
    "overlaps",
    "pixel_to_icrs",
    "polygon_covers",
    "polygon_intersects",
    "positions",
    "separation_deg",
    "unit_vectors",
]


def separation_deg(
    ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike
) -> Floats:
    """Return the angle between positions, degrees, exact from 0 to 180.

    By atan2 of cross and dot product, which loses no digits at small or at large angles.
    """
    return np.degrees(
        sphere.angle(unit_vectors(ra1_deg, dec1_deg), unit_vectors(ra2_deg, dec2_deg))
    )


def pixel_to_icrs(wcs: "WCS", x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return (ra, dec) in degrees, ICRS, of 0-based pixel positions, whatever frame `wcs` is in.

    NaN where the projection has no inverse.
    """
    sky = wcs.pixel_to_world(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    icrs = cast("SkyCoord", sky).icrs
    return np.asarray(icrs.ra.deg, dtype=float), np.asarray(icrs.dec.deg, dtype=float)


def footprint_of(wcs: "WCS", shape: tuple[int, int]) -> Corners | None:
    """Return the outer corners of the corner pixels of an image, or None where `wcs` is unsound.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial.
    shape : tuple of int
        (ny, nx).
    """
    ny, nx = shape
    x = np.array([-0.5, nx - 0.5, nx - 0.5, -0.5])
    y = np.array([-0.5, -0.5, ny - 0.5, ny - 0.5])
    try:
        ra, dec = pixel_to_icrs(wcs, x, y)
    except (ValueError, TypeError, AttributeError):  # a singular matrix, or an unknown frame
        return None
    corners = tuple((float(a), float(d)) for a, d in zip(ra, dec, strict=True))
    return corners if np.isfinite(corners).all() and _is_sound(corners) else None


def bounding_circle(footprint: ArrayLike) -> tuple[float, float, float]:
    """Return centre and radius (ra, dec, radius), degrees, of a circle around one footprint.

    The centre is the mean of the corners, on the sphere.
    """
    corners = corner_vectors(footprint)
    centre = sphere.centre(corners)
    radius = float(np.degrees(sphere.angle(centre, corners).max()))
    ra, dec = positions(centre)
    return float(ra[0]), float(dec[0]), radius


def covers(footprint: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Bools:
    """Return whether each position lies in the footprint; on an edge counts as in."""
    corners = corner_vectors(footprint)
    point = unit_vectors(ra_deg, dec_deg)[..., np.newaxis, :]
    return sphere.inside_convex(corners, point)[..., 0]


def cone_intersects(
    footprint: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike, radius_deg: ArrayLike
) -> Bools:
    """Return whether each cone around a position touches the footprint."""
    corners = corner_vectors(footprint)
    point = unit_vectors(ra_deg, dec_deg)[..., np.newaxis, :]
    reach = np.degrees(sphere.edge_distance(corners, point).min(axis=-1))
    near = reach <= np.asarray(radius_deg) + np.degrees(sphere.TOUCH_RAD)
    return np.asarray(near | sphere.inside_convex(corners, point)[..., 0])


def overlaps(footprint_a: ArrayLike, footprint_b: ArrayLike) -> Bools:
    """Return whether footprints share any point; touching counts.

    Two convex polygons in one hemisphere are apart exactly if an edge of one has the other
    wholly outside (separating axis theorem); those further apart are told by their circles.
    """
    a, b = corner_vectors(footprint_a), corner_vectors(footprint_b)
    centre_a, centre_b = sphere.centre(a), sphere.centre(b)
    reach = sphere.angle(centre_a, a).max(axis=-1) + sphere.angle(centre_b, b).max(axis=-1)
    near = sphere.angle(centre_a, centre_b)[..., 0] <= reach + sphere.TOUCH_RAD
    apart = _an_edge_separates(a, b) | _an_edge_separates(b, a)
    return np.asarray(near & ~apart)


def overlap_fraction(footprint_a: ArrayLike, footprint_b: ArrayLike) -> float:
    """Return how much of footprint a lies in footprint b, 0 to 1."""
    a, b = corner_vectors(footprint_a), corner_vectors(footprint_b)
    if not overlaps(footprint_a, footprint_b):
        return 0.0
    return min(
        1.0,
        sphere.area(sphere.clipped(sphere.in_order(a), sphere.edge_normals(b)))
        / sphere.area(sphere.in_order(a)),
    )


def _is_sound(corners: Corners) -> bool:
    """Return whether the corners enclose an area: those of a singular WCS lie on one line."""
    radius_deg = bounding_circle(corners)[2]
    area = sphere.area(corner_vectors(corners))
    return bool(radius_deg < MAX_RADIUS_DEG and area > THINNEST * np.radians(radius_deg) ** 2)


def _an_edge_separates(a: Floats, b: Floats) -> Bools:
    heights = b @ np.swapaxes(sphere.edge_normals(a), -1, -2)
    return np.asarray((heights < -sphere.TOUCH_RAD).all(axis=-2).any(axis=-1))
