"""What the cells of the sky promise: whoever may touch a place has a cell that is looked into."""

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from hypothesis import example, given
from hypothesis import strategies as st

from astrid_sdk.catalog.cells import NOWHERE, Bounds, cells_in, cells_of
from astrid_sdk.catalog.search.regions import Box, Polygon

RA = st.one_of(st.floats(0.0, 360.0), st.sampled_from([0.0, 1e-9, 359.9999999, 360.0, 180.0]))
DEC = st.one_of(st.floats(-90.0, 90.0), st.sampled_from([-90.0, 90.0, 89.99, -89.99, 0.0]))
REACH = st.one_of(st.floats(0.0, 3.0), st.sampled_from([0.0, 0.5, 2.0, 8.0, 30.0, 180.0]))
RADIUS = st.one_of(st.floats(0.0, 5.0), st.sampled_from([0.0, 45.0, 90.0, 180.0]))


def is_looked_into(bounds: Bounds, ra_deg: float, dec_deg: float, reach_deg: float) -> bool:
    cell = cells_of([ra_deg], [dec_deg], [reach_deg]).astype(np.int64)
    return bool(cells_in(bounds).touch(cell, cell)[0])


@given(RA, DEC, RADIUS, RA, DEC, REACH)
@example(0.0, 90.0, 0.0, 123.0, 89.9, 0.1)
@example(359.9, 0.0, 0.2, 0.2, 0.0, 0.2)
@example(10.0, -89.0, 2.0, 190.0, -89.0, 0.5)
def test_whatever_touches_a_cone_is_looked_into(
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    other_ra_deg: float,
    other_dec_deg: float,
    reach_deg: float,
) -> None:
    centre = SkyCoord(ra_deg * units.deg, dec_deg * units.deg)
    other = SkyCoord(other_ra_deg * units.deg, other_dec_deg * units.deg)
    if centre.separation(other).deg <= radius_deg + reach_deg:
        bounds = Bounds.of_cone(ra_deg, dec_deg, radius_deg)
        assert is_looked_into(bounds, other_ra_deg, other_dec_deg, reach_deg)


@given(st.floats(-180.0, 360.0), st.floats(0.0, 360.0), DEC, DEC, st.floats(0, 1), st.floats(0, 1))
def test_whatever_lies_in_a_box_is_looked_into_and_near(
    west_deg: float, width_deg: float, dec_a_deg: float, dec_b_deg: float, east: float, north: float
) -> None:
    low, high = sorted((dec_a_deg, dec_b_deg))
    box = Box(west_deg, west_deg + width_deg, low, high)
    ra_deg, dec_deg = west_deg + east * width_deg, min(high, low + north * (high - low))
    assert is_looked_into(box.bounds(), ra_deg, dec_deg, 0.0)
    assert box.is_near(np.array([ra_deg]), np.array([dec_deg]), np.zeros(1))[0]


@given(RA, st.floats(-80.0, 80.0), st.floats(0.0, 360.0), st.floats(0.0, 1.0))
def test_whatever_reaches_into_a_box_is_near_it(
    ra_deg: float, dec_deg: float, towards_deg: float, reach_deg: float
) -> None:
    box = Box(ra_deg - 1.0, ra_deg + 1.0, dec_deg - 1.0, dec_deg + 1.0)
    corner = SkyCoord((ra_deg + 1.0) * units.deg, (dec_deg + 1.0) * units.deg)
    outside = corner.directional_offset_by(towards_deg * units.deg, reach_deg * units.deg)
    ra, dec = (np.array([angle.deg]) for angle in (outside.ra, outside.dec))
    assert box.is_near(ra, dec, np.array([reach_deg + 1e-9]))[0]
    assert is_looked_into(box.bounds(), float(ra[0]), float(dec[0]), reach_deg + 1e-9)


@pytest.mark.parametrize("dec_deg", [-89.9, -45.0, 0.0, 45.0, 89.9])
def test_the_corners_of_a_polygon_are_looked_into(dec_deg: float) -> None:
    polygon = Polygon.of([(350.0, dec_deg), (10.0, dec_deg), (0.0, dec_deg * 0.9)])
    for ra, dec in polygon.corners:
        assert is_looked_into(polygon.bounds(), ra, dec, 0.0)


def test_a_polygon_of_almost_half_the_sky_leaves_nothing_out() -> None:
    polygon = Polygon.of([(0.0, 2.0), (90.0, 2.0), (180.0, 2.0), (270.0, 2.0)])
    assert is_looked_into(polygon.bounds(), 45.0, 2.0, 0.0)


def test_what_has_no_position_has_no_cell() -> None:
    nan = float("nan")
    cells = cells_of([nan, 1.0, 1.0], [0.0, nan, 0.0], [0.0, 0.0, nan])
    assert cells.tolist()[:2] == [NOWHERE, NOWHERE]
    assert cells[2] > NOWHERE
    everything = cells_in(Bounds.of_cone(0.0, 0.0, 180.0))
    assert not everything.touch(np.array([NOWHERE]), np.array([NOWHERE]))[0]


def test_a_small_cone_looks_into_a_small_part_of_the_sky() -> None:
    random = np.random.default_rng(1)
    ra = random.uniform(0.0, 360.0, 100_000)
    dec = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, 100_000)))
    cells = cells_of(ra, dec, np.full(100_000, 0.3)).astype(np.int64)
    for place in ((10.0, 0.0), (359.9, 45.0), (100.0, -60.0)):
        touched = cells_in(Bounds.of_cone(*place, 0.5)).touch(cells, cells)
        assert touched.mean() < 0.001
