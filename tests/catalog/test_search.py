"""What finding stored content promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import Bench, local_store

from astrid_sdk.catalog.search import COLUMNS, Query, find, find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

NOON = datetime(2024, 4, 5, 12, tzinfo=UTC)
SIDE_DEG = 0.5


def image(number: int, ra_deg: float = 150.0, dec_deg: float = 2.0, **said: Any) -> Record:
    """Return the record of a square image, half a degree wide."""
    h = SIDE_DEG / 2
    corners = [((ra_deg + a) % 360.0, dec_deg + d) for a, d in ((-h, -h), (h, -h), (h, h), (-h, h))]
    summary = {
        "hdu_index": 0,
        "role": "image",
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "radius_deg": h * 2**0.5,
        "footprint": corners,
        "night": "2024-04-05",
        "observation_time": (NOON + timedelta(hours=number)).isoformat(),
        "filter_band": "r",
        "instrument": "testcam",
        **said,
    }
    return Record(
        kind=RecordKind.INGEST,
        content_hash=f"{number:08x}" + "0" * 56,
        tier=Tier.RAW_OBSERVATIONS,
        size_bytes=100 + number,
        media_type="application/fits",
        name=f"night/Frame-{number}.fits",
        origin=f"file:///frame-{number}.fits",
        created_at=NOON + timedelta(seconds=number),
        author="ada",
        summaries=[summary],
    )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def put(bench: Bench, *records: Record) -> None:
    bench.records.append(records)


def found(bench: Bench, **conditions: Any) -> list[int]:
    """Return the numbers of the images that are found, in the order of the answer."""
    return [int(row.content_hash[:8], 16) for row in find(bench.catalog, Query(**conditions))]


def tag(record: Record, value: str, seconds: int) -> Record:
    said = {"tag": "purpose", "value": value}
    when = NOON + timedelta(seconds=seconds)
    return replace(
        record, kind=RecordKind.TAG, origin="", details=said, summaries=(), created_at=when
    )


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
        ({"name": "frame-2.fits"}, []),
        ({"role": "weight"}, []),
        ({"after": "2024-04-05T14:00:00"}, [2, 3]),
        ({"before": "2024-04-05T14:00:00+00:00"}, [1, 2]),
        ({"after": "2024-04-05T06:30:00-07:00", "before": "2024-04-05T14:30:00"}, [2]),
        ({"after": NOON + timedelta(hours=3)}, [3]),
        ({"after": "2024-04-06"}, []),
    ],
)
def test_every_condition_that_is_given_must_hold(
    bench: Bench, conditions: dict[str, Any], numbers: list[int]
) -> None:
    put(bench, image(1), image(2, filter_band="g"), image(3, night="2024-04-06"))
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
    polar = [[0.0, 89.9], [120.0, 89.9], [240.0, 89.9]]
    pole = image(2, 0.0, 90.0, footprint=polar, radius_deg=0.1)
    triplet = image(3, 10.0, 10.0, footprint=None, radius_deg=0.0)
    put(bench, image(1, 0.0, 0.0), pole, triplet)
    ra_deg, dec_deg, radius_deg = cone
    assert found(bench, ra_deg=ra_deg, dec_deg=dec_deg, radius_deg=radius_deg) == numbers


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
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_also_on_an_empty_store(
    conditions: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        Query(**conditions)


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


def test_a_search_shows_itself_with_names_as_they_are(bench: Bench) -> None:
    put(bench, replace(image(1), name="<b>&.fits"))
    table = find(bench.catalog, Query())
    shown = table._repr_mimebundle_()
    assert "<b>&.fits@00000001" in shown["text/plain"]
    assert "&lt;b&gt;&amp;.fits@00000001" in shown["text/html"]
    assert "<b>&" not in shown["text/html"]


def test_a_long_answer_shows_its_first_rows_and_says_how_many_there_are(bench: Bench) -> None:
    put(bench, *(image(number) for number in range(30)))
    shown = find(bench.catalog, Query())._repr_mimebundle_()
    assert "30" in shown["text/plain"]
    assert "and 10 more" in shown["text/html"]


def test_an_empty_answer_shows_itself_too(bench: Bench) -> None:
    table = find(bench.catalog, Query())
    assert len(table) == 0
    assert "<0 found>" in repr(table)
    assert list(table.to_pandas().columns) == list(COLUMNS)


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
