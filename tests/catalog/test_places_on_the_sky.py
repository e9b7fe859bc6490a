"""Searches and pairs against astropy's own pixel grids: anywhere, at both poles and at RA 0."""

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from exposures import found, image
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pair_skies import NOVA, START, numbers, paired, seen
from stores import Bench, local_store

from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.catalog.pairs.bounds import Boxes, most_shared
from astrid_sdk.catalog.pairs.frames import Frames, overlap_of
from astrid_sdk.catalog.pairs.known_transients import KnownTransient
from astrid_sdk.sky.footprint import bounding_circle, footprint_of

SIDE_DEG = 0.5
_CELLS = 60
_STEP_DEG = SIDE_DEG / _CELLS
_EDGES = [(0.0, 90.0), (123.0, -90.0), (40.0, 89.9), (300.0, -89.8), (0.0, 0.0), (359.9, 30.0)]

places = st.sampled_from(_EDGES) | st.tuples(st.floats(0, 359.99), st.floats(-90, 90))
turns = st.floats(0, 360)


@dataclass(frozen=True)
class Tile:
    """An image half a degree wide: its WCS, and where its pixels are."""

    wcs: WCS
    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]

    @classmethod
    def at(cls, place: tuple[float, float], turn_deg: float) -> "Tile":
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval = place
        wcs.wcs.crpix = [(_CELLS + 1) / 2] * 2
        cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
        wcs.wcs.cd = _STEP_DEG * np.array([[-cos, sin], [sin, cos]])
        y, x = np.mgrid[:_CELLS, :_CELLS]
        ra, dec = wcs.all_pix2world(x.ravel(), y.ravel(), 0)
        return cls(wcs, ra, dec)

    @property
    def footprint(self) -> tuple[tuple[float, float], ...]:
        corners = footprint_of(self.wcs, (_CELLS, _CELLS))
        assert corners is not None
        return corners

    def observed(self, number: int, day: float) -> Observation:
        ra_deg, dec_deg, _ = bounding_circle(self.footprint)
        return seen(number, day, ra_deg=ra_deg, dec_deg=dec_deg, footprint=self.footprint)


@settings(max_examples=60, deadline=None)
@given(places, turns, turns, st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
def test_the_overlap_of_a_pair_is_the_share_of_pixels_that_lie_in_the_other(
    place: tuple[float, float], turn: float, other_turn: float, east: float, north: float
) -> None:
    reference = Tile.at(place, turn)
    moved = reference.wcs.all_pix2world([[_CELLS * (0.5 + east), _CELLS * (0.5 + north)]], 0)[0]
    science = Tile.at((float(moved[0]), float(moved[1])), other_turn)
    x, y = reference.wcs.all_world2pix(science.ra_deg, science.dec_deg, 0)
    inside = (np.abs(x - (_CELLS - 1) / 2) < _CELLS / 2) & (
        np.abs(y - (_CELLS - 1) / 2) < _CELLS / 2
    )
    frames = [reference.observed(1, 0), science.observed(2, 10)]
    (pair,) = paired(frames, min_overlap=0.0)
    assert pair.overlap_fraction == pytest.approx(float(inside.mean()), abs=0.02)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(places, turns), min_size=2, max_size=6))
def test_no_two_footprints_share_more_than_their_boxes(
    drawn: list[tuple[tuple[float, float], float]],
) -> None:
    tiles = [Tile.at(place, turn) for place, turn in drawn]
    frames = Frames.of([tile.observed(n, n) for n, tile in enumerate(tiles)])
    boxes = Boxes.of(frames)
    i, j = (side.ravel() for side in np.indices((len(frames), len(frames))))
    shared, estimated = overlap_of(frames, i, frames, j)
    assert (most_shared(boxes, i, boxes, j) >= np.where(estimated, 0.0, shared)).all()


days = st.integers(0, 12)
qualities = st.fixed_dictionaries(
    {},
    optional={
        "seeing_arcsec": st.sampled_from([0.8, 1.2]),
        "exposure_time_s": st.sampled_from([30.0, 60.0]),
    },
)
drawn_frames = st.lists(
    st.tuples(days, st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), qualities), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(
    places,
    drawn_frames,
    st.sampled_from(["before", "after", "any"]),
    st.sampled_from([0.0, 0.5, 0.8]),
    st.integers(1, 3),
    st.none() | days,
)
def test_the_best_few_are_the_first_of_all(
    place: tuple[float, float],
    drawn: list[tuple[int, float, float, dict[str, float]]],
    side: str,
    least: float,
    most: int,
    first_light: int | None,
) -> None:
    frames = [
        seen(n, day, place, (east, north), **said)
        for n, (day, east, north, said) in enumerate(drawn)
    ]
    known = None
    if first_light is not None:
        known = [KnownTransient("nova", *place, START + timedelta(days=first_light))]
    rules: dict[str, Any] = {"reference": side, "min_overlap": least}
    everything = paired(frames, known, max_pairs_per_science=None, **rules)
    few = paired(frames, known, max_pairs_per_science=most, **rules)
    assert list(few) == [pair for pair in everything if pair.rank <= most]
    assert few.left_out == everything.left_out


cones = st.tuples(places, st.floats(0, 2))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(places, turns), min_size=1, max_size=6),
    st.lists(cones, min_size=1, max_size=4),
    st.lists(places, min_size=2, max_size=2),
)
def test_what_touches_a_cone_or_a_box_is_what_has_a_pixel_in_it(
    drawn: list[tuple[tuple[float, float], float]],
    circles: list[tuple[tuple[float, float], float]],
    corners: list[tuple[float, float]],
) -> None:
    tiles = [Tile.at(place, turn) for place, turn in drawn]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(local_store(Path(folder) / "store"))
        for number, tile in enumerate(tiles):
            ra, dec, radius = bounding_circle(tile.footprint)
            told = {"footprint": tile.footprint, "radius_deg": radius}
            bench.records.append([image(number, ra, dec, **told)])
        for place, radius in circles:
            got = found(bench, ra_deg=place[0], dec_deg=place[1], radius_deg=radius)
            _expect(got, [_in_cone(tile, place, radius) for tile in tiles])
        (ra_min, low), (ra_max, high) = corners
        box = (ra_min, ra_max, min(low, high), max(low, high))
        _expect(found(bench, box=box), [_in_box(tile, box) for tile in tiles])


def _expect(got: list[int], sure_and_maybe: list[tuple[bool, bool]]) -> None:
    sure = {number for number, (is_sure, _) in enumerate(sure_and_maybe) if is_sure}
    maybe = {number for number, (_, may_be) in enumerate(sure_and_maybe) if may_be}
    assert sure <= set(got) <= maybe


def _in_cone(tile: Tile, place: tuple[float, float], radius: float) -> tuple[bool, bool]:
    middle = SkyCoord(*place, unit=units.deg)
    apart = middle.separation(SkyCoord(tile.ra_deg, tile.dec_deg, unit=units.deg)).deg.min()
    return apart <= radius, apart <= radius + _STEP_DEG


def _in_box(tile: Tile, box: tuple[float, float, float, float]) -> tuple[bool, bool]:
    ra_min, ra_max, low, high = box
    width = (ra_max - ra_min) % 360.0

    def inside(margin: float) -> bool:
        away = np.cos(np.radians(np.minimum(np.abs(tile.dec_deg) + margin, 90.0)))
        wide = np.where(away > margin / 90, margin / np.maximum(away, 1e-9), 360.0)
        in_ra = (tile.ra_deg - ra_min + wide) % 360.0 <= width + 2 * wide
        in_dec = (tile.dec_deg >= low - margin) & (tile.dec_deg <= high + margin)
        return bool(((in_ra | (wide >= 180.0)) & in_dec).any())

    return inside(0.0), inside(_STEP_DEG)


def test_a_transient_at_the_pole_is_in_a_frame_around_it() -> None:
    frames = [
        Tile.at((10.0, 90.0), 0.0).observed(1, 20),
        Tile.at((200.0, 90.0), 30.0).observed(2, 40),
    ]
    at_pole = KnownTransient("polar", 77.0, 90.0, START)
    (pair,) = paired(frames, [at_pole, NOVA])
    assert numbers(paired(frames)) == [(2, 1)]
    assert [known.name for known in pair.contaminated_by] == ["polar"]
