"""What finding stored content promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from exposures import NOON, commit, derived, exclusion, found, image, tag
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import Bench, local_store

from astrid_sdk.catalog.search.finding import COLUMNS, Query, find, find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.records import Record
from astrid_sdk.tiers import Tier


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def put(bench: Bench, *records: Record) -> None:
    bench.records.append(records)


def three_places() -> list[Record]:
    """Return an image across RA 0, one around the pole, and a position without a footprint."""
    polar = [[0.0, 89.9], [120.0, 89.9], [240.0, 89.9]]
    pole = image(2, 0.0, 90.0, footprint=polar, radius_deg=0.1)
    return [image(1, 0.0, 0.0), pole, image(3, 10.0, 10.0, footprint=None, radius_deg=0.0)]


def test_an_answer_says_what_the_contract_says(bench: Bench) -> None:
    put(bench, image(1))
    table = find(bench.catalog, Query())
    promised = (
        "content_hash tier name size_bytes media_type ra_deg dec_deg night observation_time "
        "filter_band instrument exposure_time_s derivation_key created_at"
    )
    assert set(promised.split()) <= set(table.to_pandas().columns)
    assert tuple(table.to_arrow().column_names) == COLUMNS
    (row,) = table
    assert (row.name, row.size_bytes, row.exposure_time_s) == ("night/Frame-1.fits", 101, None)
    assert row.summary["instrument"] == "testcam"


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"tier": "raw-observations"}, [1, 2, 3]),
        ({"tier": Tier.DETECTIONS}, []),
        ({"filter_band": "g"}, [2]),
        ({"night": "2024-04-06"}, [3]),
        ({"instrument": "testcam", "filter_band": "r"}, [1, 3]),
        ({"name": "*frame-2*"}, [2]),
        ({"name": "NIGHT/frame-[13].fits"}, [1, 3]),
        ({"name": "frame-2.fits"}, [2]),  # in whatever folder
        ({"name": "rame-2.fits"}, []),
        ({"role": "weight"}, []),
        ({"after": "2024-04-05T14:00:00"}, [2, 3]),
        ({"before": "2024-04-05T14:00:00+00:00"}, [1, 2]),
        ({"after": "2024-04-05T06:30:00-07:00", "before": "2024-04-05T14:30:00"}, [2]),
        ({"after": NOON + timedelta(hours=3)}, [3]),
        ({"after": "2024-04-06"}, []),
        ({"filter_band": ["g", "z"]}, [2]),
        ({"filter_band": []}, []),
        ({"tier": ["raw-observations", Tier.DETECTIONS], "night": ("2024-04-06",)}, [3]),
        ({"name": ["*frame-1*", "*frame-3*"]}, [1, 3]),
        ({"object_name": "m1*"}, [3]),
        ({"survey": "ztf"}, [2]),
        ({"observation_id": "exposure-3"}, [3]),
        ({"purpose": "science"}, [1, 2, 3]),
        ({"limit": 2}, [1, 2]),
        ({"limit": 1, "offset": 1}, [2]),
        ({"offset": 5}, []),
        ({"limit": 0}, []),
    ],
)
def test_every_condition_that_is_given_must_hold(
    bench: Bench, conditions: dict[str, Any], numbers: list[int]
) -> None:
    third = image(3, night="2024-04-06", object_name="M101", observation_id="exposure-3")
    put(bench, image(1), image(2, filter_band="g", survey="ztf"), third)
    assert found(bench, **conditions) == numbers


def test_an_unknown_time_is_neither_before_nor_after(bench: Bench) -> None:
    put(bench, image(1, observation_time=None), image(2))
    assert found(bench, after="1900-01-01") == [2]
    assert found(bench, before="2100-01-01") == [2]


def test_times_with_and_without_fractions_are_compared(bench: Bench) -> None:
    put(bench, image(1, observation_time="2024-04-05T13:00:00.250000+00:00"), image(2))
    assert found(bench, after="2024-04-05T13:00:00.1", before="2024-04-05T13:00:00.3") == [1]


@pytest.mark.parametrize(
    ("cone", "numbers"),
    [
        ((359.9, 0.0, 0.01), [1]),  # inside, across RA 0
        ((0.1, 0.0, 0.01), [1]),
        ((0.35, 0.0, 0.05), []),  # beside
        ((0.35, 0.0, 0.11), [1]),  # touches an edge
        ((0.3, 0.3, 0.06), []),  # within the circle around the corners, not in the footprint
        ((0.3, 0.3, 0.08), [1]),  # touches a corner
        ((-0.1, 0.0, 0.01), [1]),  # a negative right ascension is a place too
        ((180.0, 0.0, 180.0), [1, 2, 3]),
        ((77.0, 89.99, 0.0), [2]),
        ((10.0, 10.0, 0.0), [3]),  # a position without a footprint
        ((10.0, 10.1, 0.05), []),
    ],
)
def test_a_cone_finds_the_images_whose_footprint_it_touches(
    bench: Bench, cone: tuple[float, float, float], numbers: list[int]
) -> None:
    put(bench, *three_places())
    ra_deg, dec_deg, radius_deg = cone
    assert found(bench, ra_deg=ra_deg, dec_deg=dec_deg, radius_deg=radius_deg) == numbers


@pytest.mark.parametrize("cone", [(514.3, -8.4, 0.1), (-181.0, 0, 1), (10, -98.4, 1), (10, 0, -1)])
def test_a_cone_that_is_nowhere_is_refused(bench: Bench, cone: tuple[float, float, float]) -> None:
    ra_deg, dec_deg, radius_deg = cone
    with pytest.raises(InvalidInputError, match="ra_deg from -180 to 360"):
        find(bench.catalog, Query.of(ra_deg=ra_deg, dec_deg=dec_deg, radius_deg=radius_deg))


def test_an_image_without_position_is_in_no_cone(bench: Bench) -> None:
    put(bench, replace(image(1), summaries=[{"hdu_index": 0, "role": "image"}]))
    assert found(bench, ra_deg=0.0, dec_deg=0.0, radius_deg=180.0) == []


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ({"ra_deg": 10.0}, "all of"),
        ({"ra_deg": 10.0, "dec_deg": 91.0, "radius_deg": 1.0}, "-90 to 90"),
        ({"ra_deg": 10.0, "dec_deg": 9.0, "radius_deg": -1.0}, "0 or more"),
        ({"ra_deg": float("nan"), "dec_deg": 9.0, "radius_deg": 1.0}, "no cone"),
        ({"after": "yesterday"}, "is not a time"),
        ({"tier": "raw"}, "the tiers are"),
        ({"tier": ["detections", "raw"]}, "the tiers are"),
        ({"box": (1, 2, 3)}, "a box is"),
        ({"box": (1, 2, 30, -30)}, "box"),
        ({"polygon": [(1, 2), (3, 4)]}, "polygon"),
        ({"polygon": "M101"}, "a polygon is"),
        ({"filter_band": 3}, "a word or a list"),
        ({"name": "[z-a]"}, "the pattern"),
        ({"header": {"AIRMASS": {"low": 1}}}, "a number, a text, a range"),
        ({"as_of": "then"}, "is not a time"),
        ({"limit": -1}, "0 or more"),
        ({"offset": 1.5}, "0 or more"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_also_on_an_empty_store(
    conditions: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        Query(**conditions)


def test_an_unknown_condition_names_the_one_that_is_meant() -> None:
    with pytest.raises(InvalidInputError, match="do you mean filter_band"):
        Query.of(filterband="r")
    with pytest.raises(InvalidInputError, match="it takes ra_deg dec_deg"):
        Query.of(wavelength="r")


@pytest.mark.parametrize(
    ("box", "numbers"),
    [
        ((359.5, 0.5, -1.0, 1.0), [1]),
        ((-0.5, 0.5, -1.0, 1.0), [1]),
        ((0.2, 5.0, -1.0, 1.0), [1]),  # the edge of the image lies in it
        ((0.3, 5.0, -1.0, 1.0), []),
        ((120.0, 121.0, 89.95, 90.0), [2]),  # the image lies around the pole
        ((9.0, 11.0, 9.0, 10.0), [3]),  # a position on the edge
        ((0.0, 360.0, -90.0, 90.0), [1, 2, 3]),
    ],
)
def test_a_box_finds_the_images_whose_footprint_it_touches(
    bench: Bench, box: tuple[float, float, float, float], numbers: list[int]
) -> None:
    put(bench, *three_places())
    assert found(bench, box=box) == numbers


@pytest.mark.parametrize(
    ("polygon", "numbers"),
    [
        ([(359.0, -1.0), (1.0, -1.0), (0.0, 1.0)], [1]),
        ([(0.0, 89.0), (120.0, 89.0), (240.0, 89.0)], [2]),
        ([(9.0, 9.0), (11.0, 9.0), (11.0, 11.0), (9.0, 11.0)], [3]),
        ([(9.0, 9.0), (11.0, 9.0), (10.0, 9.5)], []),
        ([(0.26, -1.0), (1.0, -1.0), (1.0, 1.0)], []),
    ],
)
def test_a_polygon_finds_the_images_whose_footprint_it_touches(
    bench: Bench, polygon: list[tuple[float, float]], numbers: list[int]
) -> None:
    put(bench, *three_places())
    assert found(bench, polygon=polygon) == numbers


def test_several_places_must_all_be_touched(bench: Bench) -> None:
    put(bench, *three_places())
    cone = {"ra_deg": 10.0, "dec_deg": 10.0, "radius_deg": 1.0}
    assert found(bench, box=(9.0, 11.0, 9.0, 11.0), **cone) == [3]
    assert found(bench, box=(0.0, 1.0, 0.0, 1.0), **cone) == []


@pytest.mark.parametrize(
    ("header", "numbers"),
    [
        ({"AIRMASS": (1.0, 1.5)}, [1, 2]),
        ({"airmass": (1.3, None)}, [2, 3]),
        ({"AIRMASS": 1.2}, [1]),
        ({"AIRMASS": [1.2, 2.0]}, [1, 3]),
        ({"OBSERVER": "smith*"}, [1, 2]),
        ({"OBSERVER": ["jones", "smith, a."]}, [1, 3]),
        ({"OBSERVER": "smith*", "AIRMASS": (None, 1.3)}, [1]),
        ({"FLAT": True}, [1]),
        ({"GAIN": 2}, [1, 2]),
        ({"GAIN": "2"}, []),
        ({"NOTE": 'says "AIRMASS":1.9,*'}, [2]),
        ({"ESO TEL AIRM START": (1.0, 2.0)}, [3]),
        ({"MISSING": (None, None)}, []),
        ({"night": "2024*"}, []),  # a word of the summary is no card
    ],
)
def test_header_cards_are_found_by_range_value_and_pattern(
    bench: Bench, header: dict[str, Any], numbers: list[int]
) -> None:
    cards: list[dict[str, Any]] = [
        {"AIRMASS": 1.2, "OBSERVER": "Smith, A.", "GAIN": 2.0, "FLAT": True},
        {"AIRMASS": 1.5, "OBSERVER": "Smithson", "GAIN": 2, "NOTE": 'says "AIRMASS":1.9, twice'},
        {"AIRMASS": 2.0, "OBSERVER": "Jones", "ESO TEL AIRM START": 1.1, "FLAT": False},
    ]
    put(bench, image(9), *(image(n, header=told) for n, told in enumerate(cards, 1)))
    assert found(bench, header=header) == numbers


def test_the_step_that_made_a_content_is_a_condition(bench: Bench) -> None:
    record, made = derived(2, 1, "subtract")
    other, coadded = derived(3, 1, "coadd")
    put(bench, image(1), record, other)
    commit(bench, made)
    commit(bench, coadded)
    assert found(bench, step="subtract") == [2]
    assert found(bench, step=["coadd", "subtract"]) == [2, 3]
    assert [row.step for row in find(bench.catalog, Query())] == [None, "subtract", "coadd"]


def test_an_answer_as_of_a_moment_knows_nothing_of_what_came_later(bench: Bench) -> None:
    record, made = derived(3, 1, seconds=30)
    put(bench, image(1), image(2), record, exclusion(image(1), "trailed", 10))
    put(bench, exclusion(image(1), None, 20), tag(image(2), "reference", 40))
    commit(bench, made)
    answers = {0: [], 1: [1], 2: [1, 2], 15: [2], 25: [1, 2], 30: [1, 2, 3], 50: [1, 2, 3]}
    for seconds, numbers in answers.items():
        assert found(bench, as_of=NOON + timedelta(seconds=seconds)) == numbers
    assert found(bench, purpose="reference", as_of=NOON + timedelta(seconds=39)) == []
    assert found(bench, purpose="reference", as_of="2024-04-05T12:00:40") == [2]


def test_a_derivation_committed_by_somebody_else_counts_from_then_on(bench: Bench) -> None:
    record, made = derived(2, 1)
    put(bench, image(1), record)
    assert found(bench) == [1]
    assert found(bench, ra_deg=150.0, dec_deg=2.0, radius_deg=1.0) == [1]
    commit(bench, made)
    assert found(bench, ra_deg=150.0, dec_deg=2.0, radius_deg=1.0) == [1, 2]
    assert found(bench) == [1, 2]


def test_the_same_content_under_two_names_is_one_row_named_as_it_first_was(bench: Bench) -> None:
    again = replace(
        image(1), name="copy.fits", origin="file:///copy", created_at=NOON + timedelta(days=1)
    )
    put(bench, again, image(1))
    assert [row.name for row in find(bench.catalog, Query())] == ["night/Frame-1.fits"]


def test_each_image_of_a_file_is_a_row(bench: Bench) -> None:
    one = image(1)
    summaries = [{**one.summaries[0], "hdu_index": index} for index in (1, 2)]
    put(bench, replace(one, summaries=summaries))
    assert [row.hdu_index for row in find(bench.catalog, Query())] == [1, 2]


def test_an_excluded_content_is_hidden_until_that_is_taken_back(bench: Bench) -> None:
    put(bench, image(1), image(2))
    row = find_one(bench.catalog, image(1).content_hash[:8])
    say_excluded(bench.records, row, "trailed")
    assert found(bench) == [2]
    assert found(bench, include_excluded=True) == [1, 2]
    assert find_one(bench.catalog, row.content_hash).excluded == "trailed"
    say_excluded(bench.records, row, None)
    assert found(bench) == [1, 2]
    assert find_one(bench.catalog, row.content_hash).excluded is None


def test_an_exclusion_needs_a_reason(bench: Bench) -> None:
    put(bench, image(1))
    with pytest.raises(InvalidInputError, match="needs a reason"):
        say_excluded(bench.records, find_one(bench.catalog, image(1).content_hash), "  ")


def test_the_last_statement_counts_in_whatever_order_the_packs_come(bench: Bench) -> None:
    put(bench, image(1), tag(image(1), "science", 20))
    put(bench, tag(image(1), "reference", 10))
    assert found(bench, purpose="science") == [1]
    assert found(bench, purpose="reference") == []


RA = st.floats(0.0, 360.0)
DEC = st.floats(-80.0, 80.0)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(RA, DEC), min_size=1, max_size=4),
    RA,
    DEC,
    st.floats(0.0, 90.0),
    st.floats(0.0, 90.0),
)
def test_a_wider_cone_finds_all_that_a_narrower_one_finds(
    tmp_path_factory: pytest.TempPathFactory,
    places: Sequence[tuple[float, float]],
    ra_deg: float,
    dec_deg: float,
    narrow_deg: float,
    more_deg: float,
) -> None:
    bench = Bench(local_store(tmp_path_factory.mktemp("store")))
    put(bench, *(image(number, *place) for number, place in enumerate(places)))
    cone = {"ra_deg": ra_deg, "dec_deg": dec_deg}
    narrow = found(bench, radius_deg=narrow_deg, **cone)
    wide = found(bench, radius_deg=narrow_deg + more_deg, **cone)
    assert set(narrow) <= set(wide)
    assert len(found(bench, radius_deg=180.0, **cone)) == len(places)
