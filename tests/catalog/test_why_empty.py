"""What a search that finds nothing promises: it says which condition nothing meets."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from exposures import commit, derived, exclusion, image, summary
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import Bench, local_store

from astrid_sdk.catalog.search.finding import FoundTable, Query, find
from astrid_sdk.catalog.search.nearest import nearest_deg
from astrid_sdk.catalog.search.regions import Box, Cone
from astrid_sdk.sky.footprint import cone_intersects as cone_touches
from astrid_sdk.sky.sphere import corner_vectors, positions


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(local_store(tmp_path_factory.mktemp("searched") / "store"))
    bare = replace(image(3), summaries=[summary(3, None, None, object_name="M31")])
    bench.records.append(
        [
            image(1, instrument="DECam", header={"AIRMASS": 1.25, "OBSERVER": "smith"}),
            image(2, 10.0, 5.0, instrument="ZTF", filter_band="g", night="2024-04-07"),
            bare,
            image(4, 200.0, 89.9, observation_time=None, footprint=None, header={"AIRMASS": 2.0}),
        ]
    )
    record, made = derived(50, 1)
    bench.records.append([record, exclusion(image(2), "trailed", 60)])
    commit(bench, made)
    return bench


def asked(bench: Bench, **conditions: Any) -> FoundTable:
    table = find(bench.catalog, Query(**conditions))
    assert len(table) == 0
    return table


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (
            {"instrument": "DECCam"},
            "no stored image has instrument 'DECCam' (there are: DECam, ZTF, testcam)",
        ),
        (
            {"filter_band": ["i", "z"]},
            "no stored image has filter_band 'i' or 'z' (there are: g, r)",
        ),
        (
            {"night": "2024-04-06"},
            "no stored image has night '2024-04-06' (there are: 2024-04-05, 2024-04-07)",
        ),
        (
            {"step": "subtrct"},
            "nothing stored has step 'subtrct' (there are: subtract)",
        ),
        (
            {"tier": "models"},
            "nothing stored has tier 'models' (there are: difference-images, raw-observations)",
        ),
        ({"object_name": "M33"}, "no stored image has object_name 'M33' (there are: M31)"),
        ({"survey": "ztf"}, "no stored image has survey 'ztf' (none has one)"),
        ({"filter_band": []}, "no stored image has filter_band of an empty list (there are: g, r)"),
        (
            {"header": {"airmas": 1.0}},
            "no header of the 5 that meet the rest has a card AIRMAS",
        ),
        (
            {"header": {"AIRMASS": (2.5, 3.0)}},
            (
                "of the 5 that meet the rest, none has AIRMASS as asked (the least is 1.25, the "
                "greatest 2)"
            ),
        ),
        (
            {"header": {"OBSERVER": "Jones"}},
            "of the 5 that meet the rest, none has OBSERVER as asked (there are: smith)",
        ),
        (
            {"after": "2030-01-01"},
            (
                "no stored exposure started after 2030-01-01 00:00 (those there started "
                "2024-04-05 13:00 to 2024-04-07 14:00)"
            ),
        ),
        (
            {"as_of": "2000-01-01"},
            "nothing was stored as of 2000-01-01: the first record is of 2024-04-05 12:00 UTC",
        ),
        (
            {"purpose": "reference"},
            "of the 5 that meet the rest, none has purpose 'reference' (there are: science)",
        ),
        (
            {"ra_deg": 10.0, "dec_deg": 5.0, "radius_deg": 1.0},
            "what meets it is excluded (1 in all): include_excluded shows it",
        ),
        (
            {"instrument": "ZTF", "filter_band": "r"},
            (
                "each condition is met by something stored, but nothing meets all of them; there "
                "would be 1 without filter_band, 4 without instrument"
            ),
        ),
        ({"limit": 0}, "4 rows were found: offset and limit leave none of them"),
    ],
)
def test_an_empty_answer_names_what_nothing_meets(
    bench: Bench, conditions: dict[str, Any], said: str
) -> None:
    assert asked(bench, **conditions).why_empty == said


def test_where_nothing_is_the_nearest_footprint_and_images_without_a_place_are_told(
    bench: Bench,
) -> None:
    cone = {"ra_deg": 10.0, "dec_deg": -10.0, "radius_deg": 1.0}
    assert asked(bench, **cone).why_empty == (
        "nothing stored touches that place on the sky: the nearest footprint is 14.8 deg from its "
        "middle; 1 image without a WCS is not searched by place: find(object_name=…)"
    )
    assert "without a WCS" not in asked(bench, **cone, instrument="DECam").why_empty
    there = {"ra_deg": 150.0, "dec_deg": 2.0, "radius_deg": 1.0}
    assert asked(bench, **there, object_name="m31").why_empty == (
        "each condition is met by something stored, but nothing meets all of them; there would be "
        "2 without object_name, 1 without the place on the sky; 1 image without a WCS is not "
        "searched by place: find(object_name=…)"
    )


def test_an_empty_answer_says_why_wherever_it_is_shown(bench: Bench) -> None:
    table = asked(bench, instrument="<x>")
    shown = table._repr_mimebundle_()
    assert shown["text/plain"].startswith(
        "<0 found>\nnothing found: no stored image has instrument"
    )
    assert (
        "nothing found: no stored image has instrument &#x27;&lt;x&gt;&#x27;" in shown["text/html"]
    )
    assert find(bench.catalog, Query()).why_empty == ""
    assert find(bench.catalog, Query())[2:2].why_empty == "these rows are no part of the answer"


def test_of_very_many_values_those_most_like_the_word_are_offered(tmp_path: Path) -> None:
    many = Bench(local_store(tmp_path / "store"))
    assert "nothing is stored yet" in asked(many).why_empty
    many.records.append(
        [
            image(n, instrument=f"camera-{n}", night=f"2024-{1 + n // 28:02}-{1 + n % 28:02}")
            for n in range(60)
        ]
    )
    said = asked(many, instrument="camera_17").why_empty
    assert "(there are: camera-17, " in said
    assert said.endswith(" and 52 more)")
    assert asked(many, night="2024-02-29").why_empty.endswith(
        "(there are 60, from 2024-01-01 to 2024-03-04; nearest: 2024-02-28, 2024-03-01)"
    )


places = st.tuples(
    st.sampled_from([0.0, 0.1, 359.9, 180.0, 77.0]) | st.floats(0, 360),
    st.sampled_from([90.0, -90.0, 89.8, -89.9, 0.0]) | st.floats(-90, 90),
)


@settings(max_examples=60)
@given(places)
def test_the_nearest_footprint_is_as_far_as_astropy_says(
    bench: Bench, place: tuple[float, float]
) -> None:
    rows = bench.catalog.newest().record_rows
    cone = Cone(*place, 0.5)
    away = nearest_deg(rows, cone)
    assert away is not None
    middle = SkyCoord(*place, unit=units.deg)
    outlines = [corners for corners in rows.column("footprint_deg").to_pylist() if corners]
    edges = [middle.separation(_edge(corners)).deg.min() for corners in outlines]
    alone = middle.separation(SkyCoord(200.0, 89.9, unit=units.deg)).deg
    touches = [bool(cone_touches(np.reshape(c, (-1, 2)), *place, 0.0)) for c in outlines]
    expected = 0.0 if any(touches) else min(*edges, alone)
    assert away == pytest.approx(expected, abs=2e-3)


def test_a_box_is_as_far_as_its_middle(bench: Bench) -> None:
    rows = bench.catalog.newest().record_rows
    assert nearest_deg(rows, Box(355.0, 5.0, 4.0, 6.0)) == pytest.approx(9.711, abs=0.01)


def _edge(corners: list[float]) -> SkyCoord:
    """Return points along the outline, closer than the tolerance asks."""
    vectors = corner_vectors(np.reshape(corners, (-1, 2)))
    steps = np.linspace(0, 1, 60)[:, np.newaxis, np.newaxis]
    points = vectors + steps * (np.roll(vectors, -1, axis=0) - vectors)
    ra, dec = positions(points.reshape(-1, 3))
    return SkyCoord(ra, dec, unit=units.deg)
