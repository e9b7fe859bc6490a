"""Where an image lies, by the cards of its WCS."""

import dataclasses
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.remembered import remembered
from astrid_sdk.sky.tangent import Pixels, Tangent, Vector, pointing_of
from astrid_sdk.sky.words import Header

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
class _View:
    """What all frames of a camera have in common, wherever they point.

    Attributes
    ----------
    tangent : Tangent or None
        None where it is no plain tangent plane.
    on_plane : tuple of (float, float)
        Radians on the plane, of the centre and the four corners.
    is_sound : bool
        Whether the corners enclose an area of less than a hemisphere.
    """

    tangent: Tangent | None
    on_plane: Pixels = ()
    is_sound: bool = False


def placement_of(cards: Cards, text: Callable[[], str], shape: tuple[int, int]) -> Placement:
    """Return where an image lies.

    Parameters
    ----------
    cards : Cards
        Of the WCS alone.
    text : callable
        Returns the same as they stand in the header, 80 characters each.
    shape : tuple of int
        (ny, nx).
    """
    if "CTYPE1" not in cards:
        return Placement()
    placed = _placement(cards, text, shape) if _has_numbers(cards) else None
    if placed is None:
        claimed = str(cards["CTYPE1"]).startswith(_SKY_AXES)
        return Placement(warnings=(_UNSOUND,) if claimed else ())
    return placed


def _placement(cards: Cards, text: Callable[[], str], shape: tuple[int, int]) -> Placement | None:
    view = _view(cards, shape)
    pointing = pointing_of(cards)
    if view.tangent is None or pointing is None:
        return _by_astropy(text(), shape)
    if not view.is_sound:
        return None
    centre, *corners = view.tangent.directions(pointing, view.on_plane)
    return _placed(centre, corners, view.tangent.pixel_scale_deg)


@remembered
def _view(cards: Header, shape: tuple[int, int]) -> _View:
    """Return the view of a camera: it asks for no card that tells where it points."""
    tangent = Tangent.of(cards)
    if tangent is None or tangent.is_singular:
        return _View(tangent)
    try:
        on_plane = tangent.on_plane(cards, _points(shape))
    except OverflowError:  # a polynomial of nonsense
        return _View(tangent)
    corners = [_unit((1.0, x, y)) for x, y in on_plane[1:]]
    return _View(tangent, on_plane, _are_sound(corners))


def _has_numbers(cards: Cards) -> bool:
    """Return whether what should be numbers are: a library puts 0 in the place of others."""
    for word in _number_words(cards.layout):
        value = cards[word]
        if not isinstance(value, (int, float)) or value is True or value is False:
            return False
    return not any(_is_number_word(card[:8].rstrip()) for card in cards.unread)


@lru_cache(maxsize=1024)
def _number_words(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if _is_number_word(word))


@lru_cache(maxsize=8192)
def _is_number_word(word: str) -> bool:
    return _NUMBER.match(word) is not None


def with_calibration(placement: Placement, wcscal: str) -> Placement:
    """Return `placement`, with a warning where WCSCAL says that the calibration failed."""
    if placement.footprint is None or not wcscal.lower().startswith(("fail", "unsuc")):
        return placement
    return dataclasses.replace(placement, warnings=(*placement.warnings, _NOT_CALIBRATED))


def _are_sound(corners: Sequence[Vector]) -> bool:
    """Return whether the corners enclose an area, and less than a hemisphere."""
    if not all(math.isfinite(part) for corner in corners for part in corner):
        return False
    middle = _middle(corners)
    around = max(_angle(middle, corner) for corner in corners)
    return math.degrees(around) < MAX_RADIUS_DEG and _area(corners) > THINNEST * around**2


def _placed(centre: Vector, corners: Sequence[Vector], pixel_scale_deg: float) -> Placement:
    """Return the placement by directions that are sound, and the scale of a pixel."""
    ra, dec = _position(centre)
    return Placement(
        ra_deg=ra,
        dec_deg=dec,
        radius_deg=math.degrees(max([_angle(centre, corner) for corner in corners])),
        footprint=tuple([_position(corner) for corner in corners]),
        pixel_scale_arcsec=pixel_scale_deg * 3600.0,
    )


@lru_cache(maxsize=256)
def _points(shape: tuple[int, int]) -> Pixels:
    """Return x and y, 0-based, of the centre and of the outer corners."""
    right, top = shape[1] - 0.5, shape[0] - 0.5
    corners = ((-0.5, -0.5), (right, -0.5), (right, top), (-0.5, top))
    return (((right - 0.5) / 2, (top - 0.5) / 2), *corners)


def _unit(parts: Sequence[float]) -> Vector:
    length = math.hypot(*parts) or 1.0
    return (parts[0] / length, parts[1] / length, parts[2] / length)


def _middle(corners: Sequence[Vector]) -> Vector:
    x, y, z = (sum(part) for part in zip(*corners, strict=True))
    return _unit((x, y, z))


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _angle(a: Vector, b: Vector) -> float:
    x, y, z = a
    u, v, w = b
    across = math.hypot(y * w - z * v, z * u - x * w, x * v - y * u)
    return math.atan2(across, x * u + y * v + z * w)


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


def _by_astropy(text: str, shape: tuple[int, int]) -> Placement | None:
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
    given, *corners = (_vector(parts) for parts in unit_vectors(ra, dec).tolist())
    if not _are_sound(corners):
        return None
    centre = given if all(map(math.isfinite, given)) else _middle(corners)
    return _placed(centre, corners, scale)


def _vector(parts: Sequence[float]) -> Vector:
    x, y, z = parts
    return (x, y, z)
