import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.footprint import (
    box_covers,
    box_intersects,
    polygon_covers,
    polygon_intersects,
    positions,
    separation_deg,
    unit_vectors,
)

Floats = NDArray[np.float64]
RA = st.floats(0, 360)
DEC = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, -89.9, 0.0, 89.99, 90.0]))
SIZE_DEG = st.floats(0.05, 20.0)
GRID = 15


def around(ra: float, dec: float, radii_deg: Floats, turn_deg: float = 0.0) -> Floats:
    """Return corners at distances from a centre, evenly around it: a star, or a regular polygon."""
    angles = (np.arange(len(radii_deg)) * 360 / len(radii_deg) + turn_deg) * u.deg
    centre = SkyCoord(ra, dec, unit="deg")
    corners = centre.directional_offset_by(angles, radii_deg * u.deg)
    return np.stack([corners.ra.deg, corners.dec.deg], axis=-1)


def square(ra: float, dec: float, radius_deg: float, turn_deg: float = 0.0) -> Floats:
    return around(ra, dec, np.full(4, radius_deg), turn_deg)


def samples(corners: Floats) -> SkyCoord:
    """Return positions all over a square, its edges too."""
    a, b, c, d = unit_vectors(corners[:, 0], corners[:, 1])
    s, t = (grid.ravel()[:, None] for grid in np.meshgrid(*[np.linspace(0, 1, GRID)] * 2))
    ra, dec = positions((1 - s) * ((1 - t) * a + t * b) + s * ((1 - t) * d + t * c))
    return SkyCoord(ra, dec, unit="deg")


def boundary(corners: Floats) -> SkyCoord:
    vectors = unit_vectors(corners[:, 0], corners[:, 1])
    along = np.linspace(0, 1, 100)[:, None]
    edges = [
        (1 - along) * p + along * q for p, q in zip(vectors, np.roll(vectors, -1, 0), strict=True)
    ]
    return SkyCoord(*positions(np.concatenate(edges)), unit="deg")


def winds_around(corners: Floats, points: SkyCoord) -> NDArray[np.bool_]:
    """Return whether the bearings of the corners go once around each point, by astropy."""
    bearings = [points.position_angle(SkyCoord(*corner, unit="deg")).deg for corner in corners]
    steps = (np.roll(bearings, -1, axis=0) - bearings + 180) % 360 - 180
    near = points.separation(SkyCoord(*corners.T, unit="deg")[:, None]).deg.max(axis=0) < 90
    return np.asarray((np.abs(steps.sum(axis=0)) > 180) & near)


def nearest_deg(points: SkyCoord, others: SkyCoord) -> float:
    """Return the smallest separation, by the chord: far quicker than astropy for so many pairs."""
    cosines = points.cartesian.xyz.value.T @ others.cartesian.xyz.value
    return float(np.degrees(np.sqrt(np.maximum(2 - 2 * cosines.max(), 0))))


@settings(deadline=None, max_examples=25)
@given(
    RA,
    DEC,
    st.lists(st.floats(0.3, 1.0), min_size=3, max_size=8),
    SIZE_DEG,
    RA,
    SIZE_DEG,
    st.floats(0, 2),
)
@example(0.0, 90.0, [1.0] * 4, 5.0, 10.0, 0.05, 0.0)
@example(0.0, 0.0, [1.0, 0.3] * 3, 20.0, 0.0, 1.0, 0.7)
def test_polygons_meet_what_a_grid_of_points_says(
    ra: float, dec: float, star: list[float], size: float, bearing: float, reach: float, off: float
) -> None:
    polygon = around(ra, dec, size * np.array(star), bearing)
    place = SkyCoord(ra, dec, unit="deg").directional_offset_by(bearing * u.deg, off * size * u.deg)
    footprint = square(place.ra.deg, place.dec.deg, reach, 20.0)
    grid = samples(footprint)
    met = bool(polygon_intersects(footprint, polygon))
    inside = winds_around(polygon, grid)
    corners = winds_around(footprint, SkyCoord(*polygon.T, unit="deg"))
    if inside.any() or corners.any():
        assert met
    elif met:  # by less than the grid shows
        spacing = 2 * reach / (GRID - 1) + 2 * size / 100
        assert nearest_deg(grid, boundary(polygon)) < spacing


@settings(deadline=None, max_examples=25)
@given(RA, DEC, st.lists(st.floats(0.2, 1.0), min_size=3, max_size=9), st.floats(0.01, 80), RA)
def test_positions_in_a_polygon_are_those_it_winds_around(
    ra: float, dec: float, star: list[float], size: float, seed: float
) -> None:
    polygon = around(ra, dec, size * np.array(star))
    rng = np.random.default_rng(int(seed * 1000))
    points = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        rng.uniform(0, 360, 200) * u.deg, rng.uniform(0, 1.2 * size, 200) * u.deg
    )
    points = points[points.separation(SkyCoord(ra, dec, unit="deg")) < 85 * u.deg]
    clear = np.array(
        [nearest_deg(point.reshape(1), boundary(polygon)) > size / 50 for point in points]
    )
    found = polygon_covers(polygon, points.ra.deg, points.dec.deg)
    expected = _winds_planar(polygon, points, ra, dec)
    assert np.array_equal(found[clear], expected[clear])


def _winds_planar(corners: Floats, points: SkyCoord, ra: float, dec: float) -> NDArray[np.bool_]:
    """Return the same in the tangent plane at (ra, dec), where great circles are straight."""
    frame = SkyCoord(ra, dec, unit="deg").skyoffset_frame()

    def plane(sky: SkyCoord) -> NDArray[np.complex128]:
        x, y, z = sky.transform_to(frame).cartesian.xyz.value
        return np.asarray((y + 1j * z) / x)

    arms = plane(SkyCoord(*corners.T, unit="deg"))[:, None] - plane(points)[None, :]
    return np.asarray(np.abs(np.angle(np.roll(arms, -1, 0) / arms).sum(axis=0)) > np.pi)


def in_box(box: tuple[float, float, float, float], points: SkyCoord) -> NDArray[np.bool_]:
    west, east, south, north = box
    around_ra = (points.ra.deg - west) % 360 <= ((east - west) % 360 if east - west < 360 else 360)
    return np.asarray(around_ra & (points.dec.deg >= south) & (points.dec.deg <= north))


def box_outline(box: tuple[float, float, float, float]) -> SkyCoord:
    west, east, south, north = box
    width = 360.0 if east - west >= 360 else (east - west) % 360
    ra, dec = west + np.linspace(0, width, 500), np.linspace(south, north, 300)
    sides = [(ra, np.full(500, d)) for d in (south, north)]
    if width < 360:
        sides += [(np.full(300, r), dec) for r in (west, west + width)]
    return SkyCoord(*np.concatenate(sides, axis=1), unit="deg")


@settings(deadline=None, max_examples=25)
@given(st.tuples(RA, DEC, st.floats(0.05, 10), RA), RA, st.floats(0, 360), DEC, DEC)
@example((0.0, 90.0, 3.0, 0.0), 10.0, 360.0, 88.0, 89.0)  # a ring inside the footprint
@example((123.0, 90.0, 3.0, 0.0), 10.0, 5.0, 89.0, 90.0)
@example((20.0, 80.2, 0.1, 45.0), 0.0, 40.0, 70.0, 80.0)
@example((0.5, 0.0, 0.4, 0.0), 359.0, 5.0, -90.0, 90.0)
@example((180.0, 45.0, 10.0, 10.0), 175.0, 10.0, -30.0, 40.0)
def test_boxes_meet_what_a_grid_of_points_says(
    place: tuple[float, float, float, float], west: float, width: float, a: float, b: float
) -> None:
    footprint, reach = square(*place), place[2]
    box = (west, west + width, min(a, b), max(a, b))
    grid, outline = samples(footprint), box_outline(box)
    met = bool(box_intersects(footprint, *box))
    if in_box(box, grid).any() or winds_around(footprint, outline).any():
        assert met
    elif met:
        assert nearest_deg(grid, outline) < 2 * reach / (GRID - 1) + 0.3


def test_a_box_keeps_to_its_parallels() -> None:
    # the great circle between its upper corners runs at 80.4 degrees half-way
    assert not box_intersects(square(20.0, 80.2, 0.1), 0, 40, 70, 80)
    assert polygon_intersects(square(20.0, 80.2, 0.1), [(0, 80), (40, 80), (40, 70), (0, 70)])


@pytest.mark.parametrize("box", [(350, 10, -5, 5), (-10, 10, -5, 5), (350, 370, -5, 5)])
def test_a_box_wraps_around_zero_however_it_is_written(
    box: tuple[float, float, float, float],
) -> None:
    footprints = np.array([square(ra, 0.0, 0.5) for ra in (0.0, 359.0, 9.9, 10.6, 180.0)])
    assert box_intersects(footprints, *box).tolist() == [True, True, True, False, False]
    assert box_covers(box, [0.0, 350.0, 10.0, 11.0], [0, 5, -5, 0]).tolist() == [True] * 3 + [False]


def test_a_whole_turn_is_every_right_ascension() -> None:
    footprints = np.array([square(ra, 40.0, 0.5) for ra in (0.0, 123.0, 250.0)])
    assert box_intersects(footprints, 0, 360, 39, 41).all()
    assert not box_intersects(footprints, 0, 360, 50, 90).any()


def test_at_the_pole_every_right_ascension_is_the_same() -> None:
    assert box_covers((10, 20, 80, 90), 200.0, 90.0)
    assert box_intersects(square(0.0, 90.0, 0.5), 10, 20, 89.9, 90)
    assert polygon_intersects(square(123.0, 89.8, 0.5), square(0.0, 90.0, 0.1))
    assert polygon_covers(square(0.0, -90.0, 0.1), 77.0, -90.0)


def test_the_dent_of_a_polygon_is_not_part_of_it() -> None:
    letter_u = [(359, -2), (1, -2), (1, 2), (0.5, 2), (0.5, -1), (359.5, -1), (359.5, 2), (359, 2)]
    dent, arm = square(0.0, 1.0, 0.2), square(0.75, 1.0, 0.1)
    for corners in (letter_u, letter_u[::-1], [*letter_u, letter_u[0]]):
        assert polygon_intersects(np.array([dent, arm]), corners).tolist() == [False, True]
        assert polygon_covers(corners, [0.0, 0.75], [1.0, 1.0]).tolist() == [False, True]


def test_touching_counts() -> None:
    corners = [(10.0, 0.0), (12.0, 0.0), (12.0, 2.0), (10.0, 2.0)]
    neighbour = [(12.0, 0.0), (14.0, 0.0), (14.0, 2.0), (12.0, 2.0)]
    assert polygon_intersects(neighbour, corners)
    assert polygon_covers(corners, [10.0, 11.0, 12.0], [0.0, 0.0, 1.0]).all()
    assert box_intersects(neighbour, 10, 12, 0, 2)


def test_the_other_side_of_the_sky_is_not_met() -> None:
    polygon = square(40.0, 30.0, 60.0)
    assert not polygon_covers(polygon, 220.0, -30.0)
    assert not polygon_intersects(square(220.0, -30.0, 5.0), polygon)


def test_a_polygon_of_nearly_a_hemisphere_holds_what_it_should() -> None:
    polygon = around(100.0, 20.0, np.full(12, 89.0))
    assert polygon_covers(polygon, 100.0, 20.0)
    ra, dec = (
        SkyCoord(100, 20, unit="deg").directional_offset_by(33 * u.deg, 85 * u.deg).ra.deg,
        0.0,
    )
    assert polygon_covers(polygon, ra, dec) == (separation_deg(ra, dec, 100.0, 20.0) < 88)


def test_what_has_no_position_meets_nothing() -> None:
    footprints = np.array([square(0.0, 0.0, 0.5), np.full((4, 2), np.nan)])
    assert polygon_intersects(footprints, square(0.0, 0.0, 1.0)).tolist() == [True, False]
    assert box_intersects(footprints, 0, 360, -90, 90).tolist() == [True, False]
    assert polygon_intersects(np.zeros((0, 4, 2)), square(0.0, 0.0, 1.0)).shape == (0,)


@pytest.mark.parametrize(
    "polygon",
    [
        [(0, 0), (1, 0)],
        [(0, 0), (1, 0), (0, 0)],
        [(0, 0), (1, 1), (1, 0), (0, 1)],  # a bow tie
        [(0, 0), (120, 0), (240, 0)],  # a whole great circle
        [(0, 0), (1, 95), (1, 0)],
        [(0, 0), (float("nan"), 0), (1, 0)],
        [0, 1, 2],
        "M31",
    ],
)
def test_what_is_no_polygon_is_refused(polygon: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        polygon_intersects(square(0.0, 0.0, 1.0), polygon)  # type: ignore[arg-type]
    assert caught.value.kind == "polygon"


@pytest.mark.parametrize("box", [(0, 1, 2, 1), (0, 1, 0, 91), (0, float("inf"), 0, 1)])
def test_what_is_no_box_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        box_intersects(square(0.0, 0.0, 1.0), *box)
    assert caught.value.kind == "box"
