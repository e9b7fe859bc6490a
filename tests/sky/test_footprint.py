import warnings

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.sky.footprint import (
    bounding_circle,
    cone_intersects,
    covers,
    footprint_of,
    overlap_fraction,
    overlaps,
    pixel_to_icrs,
    positions,
    separation_deg,
    unit_vectors,
)

RA = st.floats(0, 360)
DEC = st.floats(-90, 90)
CENTRES = [(0.0, 0.0), (359.99, 30.0), (120.0, -45.0), (10.0, 89.99), (200.0, -90.0)]


def tan_wcs(ra: float, dec: float, side_px: int = 1000, pixel_deg: float = 1e-3) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(side_px + 1) / 2] * 2
    wcs.wcs.cdelt = [-pixel_deg, pixel_deg]
    wcs.wcs.radesys = "ICRS"
    return wcs


def square(ra: float, dec: float, side_px: int = 1000) -> tuple[tuple[float, float], ...]:
    found = footprint_of(tan_wcs(ra, dec, side_px), (side_px, side_px))
    assert found is not None
    return found


@given(RA, DEC, RA, DEC)
def test_separations_agree_with_astropy(ra1: float, dec1: float, ra2: float, dec2: float) -> None:
    expected = SkyCoord(ra1, dec1, unit="deg").separation(SkyCoord(ra2, dec2, unit="deg")).deg
    assert separation_deg(ra1, dec1, ra2, dec2) == pytest.approx(expected, abs=1e-10)


def test_separations_are_exact_where_cosines_are_not() -> None:
    assert separation_deg(0.0, 0.0, 1e-9, 0.0) == pytest.approx(1e-9, rel=1e-6)
    assert separation_deg(0.0, 0.0, 180.0, 0.0) == pytest.approx(180.0)
    assert separation_deg(0.0, 90.0, 180.0, 90.0) == pytest.approx(0.0, abs=1e-12)


@given(RA, st.floats(-89.9, 89.9))
def test_positions_undo_unit_vectors(ra: float, dec: float) -> None:
    back = positions(unit_vectors(ra, dec))
    assert separation_deg(ra, dec, *back) < 1e-12
    assert 0 <= back[0] < 360


def place(wcs: WCS, x: float, y: float) -> tuple[float, float]:
    ra, dec = pixel_to_icrs(wcs, x, y)
    return float(ra), float(dec)


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_an_image_covers_its_pixels_and_nothing_else(ra: float, dec: float) -> None:
    wcs, corners = tan_wcs(ra, dec), square(ra, dec)
    inside = pixel_to_icrs(wcs, [0, 999, 500, 0, 999], [0, 999, 500, 999, 0])
    outside = pixel_to_icrs(wcs, [-2, 1001, 500, 500], [500, 500, -2, 1001])
    assert covers(corners, *inside).all()
    assert not covers(corners, *outside).any()
    assert not covers(corners, (ra + 180) % 360, -dec)


def test_the_pole_itself_is_covered() -> None:
    assert covers(square(10.0, 89.99), 123.0, 90.0)
    assert not covers(square(10.0, 80.0), 123.0, 90.0)


def test_either_order_of_the_corners_will_do() -> None:
    corners = square(0.0, 0.0)
    assert covers(corners[::-1], 359.9, 0.1)


def test_edges_are_great_circles() -> None:
    # at declination 80 the great circle between two corners runs well north of their parallel
    corners = [(0.0, 80.0), (40.0, 80.0), (40.0, 70.0), (0.0, 70.0)]
    assert covers(corners, 20.0, 80.4)
    assert not covers(corners, 20.0, 70.2)


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_cones_reach_edges_and_corners(ra: float, dec: float) -> None:
    wcs, corners = tan_wcs(ra, dec), square(ra, dec)
    beside = place(wcs, 1099.5, 500)  # 100 pixels off an edge
    diagonal = place(wcs, 1099.5, 1099.5)
    assert cone_intersects(corners, *beside, 0.1001)
    assert not cone_intersects(corners, *beside, 0.0999)
    assert cone_intersects(corners, *diagonal, 0.1415)
    assert not cone_intersects(corners, *diagonal, 0.1413)
    assert cone_intersects(corners, ra, dec, 0.0)
    assert cone_intersects(corners, (ra + 180) % 360, -dec, 180.0)


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_overlaps_are_told_to_the_pixel(ra: float, dec: float) -> None:
    wcs = tan_wcs(ra, dec)
    near = place(wcs, 1490.0, 499.5)  # ten pixels in
    far = place(wcs, 1510.0, 499.5)
    turned = tan_wcs(*near)
    corners, other = square(ra, dec), footprint_of(turned, (1000, 1000))
    assert other is not None
    assert overlaps(corners, corners)
    assert not overlaps(corners, square((ra + 180) % 360, -dec))
    if abs(dec) < 80:  # beyond, squares around other centres are turned
        assert overlaps(corners, other)
        assert overlaps(other, corners)
        assert not overlaps(corners, square(*far))


def test_a_small_image_inside_a_large_one_overlaps() -> None:
    large, small = square(0.0, 0.0, 1000), square(0.1, 0.1, 10)
    assert overlaps(large, small)
    assert overlaps(small, large)
    assert overlap_fraction(small, large) == pytest.approx(1.0)
    assert overlap_fraction(large, small) == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_half_an_image_away_half_of_it_overlaps(ra: float, dec: float) -> None:
    wcs = tan_wcs(ra, dec)
    shifted = wcs.deepcopy()
    shifted.wcs.crpix = [0.5, 500.5]  # the same tangent point, half a field to one side
    a, b = footprint_of(wcs, (1000, 1000)), footprint_of(shifted, (1000, 1000))
    assert a is not None
    assert b is not None
    assert overlap_fraction(a, b) == pytest.approx(0.5, abs=1e-4)


def test_many_candidates_are_answered_at_once() -> None:
    footprints = np.array([square(ra, 10.0) for ra in (0.0, 0.9, 1.8, 180.0)])
    assert cone_intersects(footprints, 359.4, 10.0, 0.2).tolist() == [True, False, False, False]
    assert overlaps(footprints, footprints[0]).tolist() == [True, True, False, False]
    assert covers(footprints, 0.45, 10.0).tolist() == [True, True, False, False]
    assert covers(footprints[0], [0.0, 1.0], [10.0, 10.0]).tolist() == [True, False]


def test_the_bounding_circle_knows_the_zero_of_right_ascension() -> None:
    ra, dec, radius = bounding_circle(square(0.0, 0.0))
    assert separation_deg(ra, dec, 0.0, 0.0) < 1e-9
    assert radius == pytest.approx(0.5 * np.sqrt(2), rel=1e-4)


def test_fk4_positions_are_precessed_to_icrs() -> None:
    wcs = tan_wcs(0.0, 0.0)
    wcs.wcs.radesys, wcs.wcs.equinox = "FK4", 1950.0
    ra, dec = pixel_to_icrs(wcs, 499.5, 499.5)
    assert separation_deg(ra, dec, 0.6406, 0.2784) < 0.001


@pytest.mark.parametrize("matrix", [[[1.0, 1.0], [1.0, 1.0]], [[1e-3, 2e-3], [2e-3, 4e-3]]])
def test_a_singular_wcs_has_no_footprint(matrix: list[list[float]]) -> None:
    header = fits.Header()
    for axis, kind in enumerate(("RA---TAN", "DEC--TAN"), start=1):
        header[f"CTYPE{axis}"] = kind
        for other in (1, 2):
            header[f"CD{axis}_{other}"] = matrix[axis - 1][other - 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert footprint_of(WCS(header), (10, 10)) is None


def test_more_than_a_hemisphere_has_no_footprint() -> None:
    assert footprint_of(tan_wcs(0.0, 0.0, 1000, 10.0), (1000, 1000)) is None
