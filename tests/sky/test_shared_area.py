"""What is promised of the area that two footprints share, for many at once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.sky.footprint import covers, overlap_fraction
from astrid_sdk.sky.shared_area import (
    areas,
    circle_fractions,
    reach,
    shared_fractions,
    stacked_corners,
)
from astrid_sdk.sky.sphere import Floats, positions, unit_vectors

Corners = tuple[tuple[float, float], ...]

places = st.sampled_from([(0.0, 90.0), (77.0, -90.0), (359.999, 0.0), (0.001, 60.0)]) | st.tuples(
    st.floats(0, 360), st.floats(-90, 90)
)
sizes = st.sampled_from([1e-4, 0.01, 0.2])  # of half a side, in the tangent plane
shares = st.floats(-1.5, 1.5)


def tilted(
    place: tuple[float, float], shift: tuple[float, float], side: float, turn: float
) -> Corners:
    """Return a square around a point beside `place`, shift and half side in radians."""
    middle = unit_vectors(*place)
    east = np.cross(np.eye(3)[np.argmin(np.abs(middle))], middle)
    east /= np.linalg.norm(east)
    north = np.cross(middle, east)
    angles = turn + np.pi / 4 + np.arange(4) * np.pi / 2
    x, y = shift[0] + side * np.cos(angles), shift[1] + side * np.sin(angles)
    flat: Floats = middle + x[:, np.newaxis] * east + y[:, np.newaxis] * north
    ra, dec = positions(flat / np.linalg.norm(flat, axis=1, keepdims=True))
    return tuple(zip(ra.tolist(), dec.tolist(), strict=True))


def fraction(a: Corners, b: Corners) -> float:
    return float(shared_fractions(stacked_corners([a]), stacked_corners([b]))[0])


@given(places, sizes, st.tuples(shares, shares), st.floats(0.3, 2), st.floats(0, 6), st.booleans())
def test_the_share_is_the_one_that_cutting_the_polygons_gives(
    place: tuple[float, float],
    size: float,
    shift: tuple[float, float],
    larger: float,
    turn: float,
    backwards: bool,  # noqa: FBT001 - drawn
) -> None:
    a = tilted(place, (0.0, 0.0), size, 0.3)
    b = tilted(place, (shift[0] * size, shift[1] * size), size * larger, turn)
    assert fraction(a, b[::-1] if backwards else b) == pytest.approx(
        overlap_fraction(a, b), abs=2e-6
    )


@given(places, sizes, st.floats(0, 6))
def test_a_footprint_lies_wholly_in_itself(
    place: tuple[float, float], size: float, turn: float
) -> None:
    a = tilted(place, (0.0, 0.0), size, turn)
    assert fraction(a, a) == 1.0
    assert fraction(a, a[2:] + a[:2]) == 1.0


def test_neighbours_that_share_an_edge_share_nothing() -> None:
    a = ((10.0, 0.0), (11.0, 0.0), (11.0, 1.0), (10.0, 1.0))
    b = ((11.0, 0.0), (12.0, 0.0), (12.0, 1.0), (11.0, 1.0))
    assert (fraction(a, b), fraction(b, a)) == (0.0, 0.0)


def test_footprints_of_unlike_numbers_of_corners_go_together() -> None:
    triangle = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    square = ((359.0, -1.0), (1.0, -1.0), (1.0, 1.0), (359.0, 1.0))
    stacked = stacked_corners([triangle, square])
    got = shared_fractions(stacked, stacked[::-1])
    assert got == pytest.approx([1.0, overlap_fraction(square, triangle)], abs=2e-6)


def test_an_octant_is_an_eighth_of_the_sphere() -> None:
    octant = stacked_corners([((0.0, 0.0), (90.0, 0.0), (0.0, 90.0))])
    assert areas(octant) == pytest.approx([np.pi / 2])


def test_what_lies_behind_has_no_share() -> None:
    near = stacked_corners([((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))])
    far = stacked_corners([((180.0, 0.0), (181.0, 0.0), (180.0, 1.0))])
    assert np.isnan(shared_fractions(near, far)).all()


@given(places, st.tuples(shares, shares))
def test_a_point_is_in_reach_where_the_footprint_covers_it(
    place: tuple[float, float], shift: tuple[float, float]
) -> None:
    square = tilted(place, (0.0, 0.0), 0.02, 0.3)
    ((ra, dec), *_) = tilted(place, (shift[0] * 0.02, shift[1] * 0.02), 0.0, 0.0)
    inside = bool(covers(square, ra, dec))
    point = unit_vectors(ra, dec)[np.newaxis]
    assert bool(reach(stacked_corners([square]), point, 1e-9)[0]) >= inside
    assert bool(reach(stacked_corners([square]), point, -1e-9)[0]) <= inside


def test_a_margin_reaches_over_an_edge() -> None:
    square = stacked_corners([((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))])
    beside = unit_vectors(np.array([-0.001]), np.array([0.5]))
    within = [bool(reach(square, beside, math.radians(wide))[0]) for wide in (0.0005, 0.002)]
    assert within == [False, True]


@pytest.mark.parametrize(
    ("a", "b", "apart", "share"),
    [
        (1.0, 1.0, 0.0, 1.0),
        (1.0, 2.0, 0.5, 1.0),
        (2.0, 1.0, 0.5, 0.25),
        (1.0, 1.0, 2.0, 0.0),
        (1.0, 1.0, 3.0, 0.0),
        (1.0, 1.0, 1.0, (2 * math.pi / 3 - math.sqrt(3) / 2) / math.pi),
    ],
)
def test_circles_share_a_lens(a: float, b: float, apart: float, share: float) -> None:
    got = circle_fractions(np.array([a]), np.array([b]), np.array([apart]))
    assert got == pytest.approx([share], abs=1e-6)
