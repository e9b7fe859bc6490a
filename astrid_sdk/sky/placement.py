"""Where an image lies, by the cards of its WCS."""

import dataclasses
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from astrid_sdk.sky.cards import CARD, Cards
from astrid_sdk.sky.tangent import Pixels, Tangent, Vector

Corners: TypeAlias = tuple[tuple[float, float], ...]
"""Positions (ra, dec), ICRS degrees."""
MAX_RADIUS_DEG = 80.0
THINNEST = 1e-6  # area over squared radius; 0.005 for a strip of 10 x 4000 pixels
_SKY_AXES = ("RA-", "DEC-", "GLON", "GLAT", "ELON", "ELAT")
_UNSOUND = "the WCS gives no sound position: it is not used"
_NOT_CALIBRATED = "the header says that its WCS was not calibrated"
_TURN_DEG = 360.0
_NUMBER = re.compile(r"(CRVAL|CRPIX|CDELT|CROTA)[12]$|(CD|PC)[12]_[12]$|(CD|PC)00[12]00[12]$")


@dataclass(frozen=True, slots=True)
class Placement:
    """What the WCS of an image says; all None without a sound one.

    Attributes
    ----------
    ra_deg, dec_deg : float or None
        Centre of the image, ICRS.
    radius_deg : float or None
        From the centre to the furthest corner.
    footprint : tuple of (ra, dec) or None
        Outer corners of the corner pixels.
    pixel_scale_arcsec : float or None
        Side of a square pixel of the same area.
    warnings : tuple of str
    """

    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    footprint: Corners | None = None
    pixel_scale_arcsec: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Solved:
    """Directions, ICRS, of the centre and the four corners, and the scale of a pixel."""

    vectors: tuple[Vector, ...]
    pixel_scale_deg: float


def placement_of(cards: Cards, text: str, shape: tuple[int, int]) -> Placement:
    """Return where an image lies.

    Parameters
    ----------
    cards : Cards
        Of the WCS alone.
    text : str
        The same as they stand in the header, 80 characters each.
    shape : tuple of int
        (ny, nx).
    """
    if "CTYPE1" not in cards:
        return Placement()
    solved = _solved(cards, text, shape)
    placed = None if solved is None else _placed(solved)
    if placed is None:
        claimed = str(cards["CTYPE1"]).startswith(_SKY_AXES)
        return Placement(warnings=(_UNSOUND,) if claimed else ())
    return placed


def _solved(cards: Cards, text: str, shape: tuple[int, int]) -> _Solved | None:
    if not _has_numbers(cards, text):
        return None
    tangent = Tangent.of(cards)
    return _by_astropy(text, shape) if tangent is None else _by_tangent(tangent, shape)


def _has_numbers(cards: Cards, text: str) -> bool:
    """Return whether what should be numbers are: a library puts 0 in the place of others."""
    words = [text[start : start + 8].rstrip() for start in range(0, len(text), CARD)]
    numbers = [cards.get(word) for word in words if _is_number_word(word)]
    return all(isinstance(value, (int, float)) and value is not True for value in numbers)


@lru_cache(maxsize=8192)
def _is_number_word(word: str) -> bool:
    return _NUMBER.match(word) is not None


def with_calibration(placement: Placement, wcscal: str) -> Placement:
    """Return `placement`, with a warning where WCSCAL says that the calibration failed."""
    if placement.footprint is None or not wcscal.lower().startswith(("fail", "unsuc")):
        return placement
    return dataclasses.replace(placement, warnings=(*placement.warnings, _NOT_CALIBRATED))


def _placed(solved: _Solved) -> Placement | None:
    """Return the placement, or None where the corners enclose no area or a hemisphere."""
    given, *corners = solved.vectors
    middle = _unit([sum(part) for part in zip(*corners, strict=True)])
    if not all(math.isfinite(part) for corner in corners for part in corner):
        return None
    around = max(_angle(middle, corner) for corner in corners)
    if not math.degrees(around) < MAX_RADIUS_DEG or not _area(corners) > THINNEST * around**2:
        return None
    centre = given if all(map(math.isfinite, given)) else middle
    ra, dec = _position(centre)
    return Placement(
        ra_deg=ra,
        dec_deg=dec,
        radius_deg=math.degrees(max(_angle(centre, corner) for corner in corners)),
        footprint=tuple(_position(corner) for corner in corners),
        pixel_scale_arcsec=solved.pixel_scale_deg * 3600.0,
    )


@lru_cache(maxsize=256)
def _points(shape: tuple[int, int]) -> Pixels:
    """Return x and y, 0-based, of the centre and of the outer corners."""
    right, top = shape[1] - 0.5, shape[0] - 0.5
    corners = ((-0.5, -0.5), (right, -0.5), (right, top), (-0.5, top))
    return (((right - 0.5) / 2, (top - 0.5) / 2), *corners)


def _by_tangent(tangent: Tangent, shape: tuple[int, int]) -> _Solved | None:
    if tangent.is_singular:
        return None
    try:
        vectors = tuple(tangent.directions(_points(shape)))
    except OverflowError:  # a polynomial of nonsense
        return None
    return _Solved(vectors, tangent.pixel_scale_deg)


def _unit(parts: Sequence[float]) -> Vector:
    length = math.hypot(*parts) or 1.0
    return (parts[0] / length, parts[1] / length, parts[2] / length)


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _angle(a: Vector, b: Vector) -> float:
    return math.atan2(math.hypot(*_cross(a, b)), _dot(a, b))


def _area(corners: Sequence[Vector]) -> float:
    """Return the solid angle, as `astrid_sdk.sky.sphere.area` does for arrays."""
    first, total = corners[0], 0.0
    for second, third in pairwise(corners[1:]):
        sides = [_minus(second, first), _minus(third, first)]
        volume = _dot(first, _cross(sides[0], sides[1]))
        cosines = _dot(first, second) + _dot(second, third) + _dot(third, first)
        total += 2 * math.atan2(volume, 1 + cosines)
    return abs(total)


def _minus(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _position(vector: Vector) -> tuple[float, float]:
    x, y, z = vector
    ra = math.degrees(math.atan2(y, x)) % _TURN_DEG
    return (0.0 if ra >= _TURN_DEG else ra, math.degrees(math.atan2(z, math.hypot(x, y))))


def _by_astropy(text: str, shape: tuple[int, int]) -> _Solved | None:
    """Return what any other WCS gives, or None where it is unsound."""
    # Imported where it is needed: most images lie in a tangent plane, and astropy takes a second.
    import numpy as np  # noqa: PLC0415
    from astropy.io import fits  # noqa: PLC0415
    from astropy.wcs.utils import proj_plane_pixel_scales  # noqa: PLC0415

    from astrid_sdk.sky.footprint import pixel_to_icrs  # noqa: PLC0415
    from astrid_sdk.sky.frame import celestial_wcs  # noqa: PLC0415
    from astrid_sdk.sky.sphere import unit_vectors  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what astropy remarks about strangers' cards is no news
        try:
            wcs = celestial_wcs(fits.Header.fromstring(text))
            if wcs is None:
                return None
            ra, dec = pixel_to_icrs(wcs, *np.array(_points(shape)).T)
            scale = float(np.sqrt(np.prod(proj_plane_pixel_scales(wcs))))
        except (ValueError, TypeError, AttributeError, KeyError, fits.VerifyError):
            return None  # a singular matrix, an unknown frame, a damaged card
    return _Solved(tuple(map(tuple, unit_vectors(ra, dec).tolist())), scale)
