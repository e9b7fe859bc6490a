"""What observations of the catalogue promise: one per exposure, its files by role."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stores import Bench, local_store

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.catalog.models.observations import observations
from astrid_sdk.catalog.pairs.finding import find_pairs
from astrid_sdk.catalog.pairs.frames import UNDATED
from astrid_sdk.catalog.search.finding import Query, find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.summary import summarize
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

NOON = datetime(2024, 4, 5, 12, tzinfo=UTC)
HALF = 0.25


def told(day: float = 0.0, ra_deg: float = 150.0, **said: Any) -> dict[str, Any]:
    """Return what an image half a degree wide says."""
    corners = [(ra_deg - HALF, 2 - HALF), (ra_deg + HALF, 2 - HALF)]
    corners += [(ra_deg + HALF, 2 + HALF), (ra_deg - HALF, 2 + HALF)]
    return {
        "hdu_index": 0,
        "role": "image",
        "ra_deg": ra_deg,
        "dec_deg": 2.0,
        "radius_deg": 0.36,
        "footprint": corners,
        "shape": [100, 100],
        "bitpix": -32,
        "night": "2024-04-05",
        "observation_time": (NOON + timedelta(days=day)).isoformat(),
        "filter_band": "r",
        "instrument": "testcam",
        **said,
    }


def stored(name: str, *summaries: dict[str, Any], tier: Tier = Tier.RAW_OBSERVATIONS) -> Record:
    return Record(
        kind=RecordKind.INGEST,
        content_hash=sha256_hex(name.encode()),
        tier=tier,
        size_bytes=100,
        media_type="application/fits",
        name=name,
        origin=f"file:///{name}",
        created_at=NOON,
        author="ada",
        summaries=list(summaries),
    )


def exposure(number: int, day: float, **said: Any) -> list[Record]:
    """Return the records of image, weight and mask of one exposure, each a file."""
    shared = told(day, observation_id=f"exposure-{number}", **said)
    return [
        stored(f"{number}_{letter}.fits", {**shared, "role": role})
        for letter, role in (("i", "image"), ("w", "weight"), ("d", "mask"))
    ]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def roles(made: Observation) -> list[tuple[str, str | None]]:
    return [(file.role, file.name) for file in made.files]


def test_image_weight_and_mask_of_one_exposure_are_one_observation(bench: Bench) -> None:
    bench.records.append([*exposure(1, 0.0), *exposure(2, 1.0)])
    first, second = observations(bench.catalog, Query())
    files = {("image", "1_i.fits"), ("mask", "1_d.fits"), ("weight", "1_w.fits")}
    assert set(roles(first)) == files
    assert roles(first)[0] == ("image", "1_i.fits")
    assert (first.observation_id, second.observation_id) == ("exposure-1", "exposure-2")
    assert (first.shape, first.bitpix, first.instrument) == ((100, 100), -32, "testcam")


def test_the_companions_come_along_whatever_the_conditions_say(bench: Bench) -> None:
    bench.records.append([*exposure(1, 0.0), *exposure(2, 1.0)])
    (made,) = observations(bench.catalog, Query(name="1_i*", purpose="science", role="image"))
    assert len(made.files) == 3


def test_a_weight_without_its_image_is_named(bench: Bench) -> None:
    bench.records.append([exposure(1, 0.0)[1], stored("lone.fits", told(role="mask"))])
    found = observations(bench.catalog, Query())
    assert len(found) == 0
    assert {left.name: left.reason for left in found.left_out} == {
        "1_w.fits": "a weight without an image of its exposure: ingest that too",
        "lone.fits": "a mask whose header does not tell of which image",
    }
    assert "without an image of its exposure" in repr(found)


def test_a_weight_whose_image_does_not_meet_the_conditions_is_not_missing_it(bench: Bench) -> None:
    bench.records.append(exposure(1, 0.0))
    found = observations(bench.catalog, Query(name="1_w*"))
    assert (len(found), found.left_out) == (0, ())


def test_without_an_id_each_image_is_an_observation_with_what_is_in_its_file(bench: Bench) -> None:
    weight = told(role="weight", hdu_index=2)
    bench.records.append([stored("one.fits", told(hdu_index=1), weight)])
    (made,) = observations(bench.catalog, Query())
    assert [(file.role, file.hdu_index) for file in made.files] == [("image", 1), ("weight", 2)]
    assert made.observation_id == f"{made.content_hash[:16]}-1"


def test_in_a_file_of_several_images_without_ids_no_weight_is_guessed(bench: Bench) -> None:
    chips = [told(hdu_index=1), told(hdu_index=2), told(hdu_index=3, role="weight")]
    bench.records.append([stored("two.fits", *chips)])
    found = observations(bench.catalog, Query())
    assert [len(made.files) for made in found] == [1, 1]
    assert [left.reason for left in found.left_out] == [
        "its file holds 2 images and does not say whose weight it is"
    ]


def test_two_reductions_of_one_exposure_keep_their_own_weights(bench: Bench) -> None:
    shared = told(observation_id="exposure-1")
    names = [
        ("image", "oo{}_v1"),
        ("weight", "oo{}_v1"),
        ("image", "oo{}_v2"),
        ("weight", "oo{}_v2"),
    ]
    records = [
        stored(f"{name.format(role[0])}.fits", {**shared, "role": role}) for role, name in names
    ]
    bench.records.append(records)
    found = observations(bench.catalog, Query())
    assert sorted(roles(made) for made in found) == [
        [("image", "ooi_v1.fits"), ("weight", "oow_v1.fits")],
        [("image", "ooi_v2.fits"), ("weight", "oow_v2.fits")],
    ]


def test_files_that_share_an_exposure_are_said_to(bench: Bench) -> None:
    shared = told(observation_id="exposure-1")
    bench.records.append([stored("a.fits", shared), stored("a.fits.gz", shared)])
    found = observations(bench.catalog, Query())
    assert repr(found).startswith("<2 observations of 1 exposure>\n")
    assert "<b>2 observations of 1 exposure</b>" in found._repr_mimebundle_()["text/html"]
    assert repr(found[:1]).startswith("<1 observation>\n")


def test_one_exposure_in_two_tiers_is_two_observations(bench: Bench) -> None:
    shared = told(observation_id="exposure-1")
    records = [stored(tier.value, shared, tier=tier) for tier in (Tier.RAW_OBSERVATIONS, Tier.TEMP)]
    bench.records.append(records)
    assert [made.tier for made in observations(bench.catalog, Query())] == [
        "raw-observations",
        "temp",
    ]


def test_what_is_excluded_takes_no_part_and_is_named(bench: Bench) -> None:
    bench.records.append([*exposure(1, 0.0), *exposure(2, 1.0)])
    for name in ("1_i.fits", "2_w.fits"):
        row = find_one(bench.catalog, sha256_hex(name.encode()))
        say_excluded(bench.records, row, "trailed")
    found = observations(bench.catalog, Query())
    assert [made.observation_id for made in found] == ["exposure-2"]
    assert [file.role for file in found[0].files] == ["image", "mask"]
    assert [(left.name, left.reason) for left in found.left_out] == [
        ("1_i.fits", "excluded: trailed")
    ]
    everything = observations(bench.catalog, Query(include_excluded=True))
    assert [len(made.files) for made in everything] == [3, 3]


def test_a_summary_that_cannot_be_right_leaves_its_image_out_by_name(bench: Bench) -> None:
    bench.records.append([stored("odd.fits", told(exposure_time_s=-5.0)), *exposure(1, 0.0)])
    found = observations(bench.catalog, Query())
    assert [made.observation_id for made in found] == ["exposure-1"]
    (left,) = found.left_out
    assert left.name == "odd.fits"
    assert "Observation.exposure_time_s cannot be -5.0" in left.reason


def test_unknown_words_of_a_summary_are_none(bench: Bench) -> None:
    said: dict[str, Any] = {"filter_band": "unknown", "night": "undated", "observation_time": None}
    bench.records.append([stored("bare.fits", told(**said, object_name=""))])
    (made,) = observations(bench.catalog, Query())
    assert (made.filter_band, made.night, made.observation_time) == (None, None, None)
    assert (made.object_name, made.mjd) == (None, None)


def test_warnings_of_a_summary_come_along(bench: Bench) -> None:
    said = "the header says that its WCS was not calibrated"
    bench.records.append([stored("a.fits", told(warnings=[said])), stored("b.fits", told(day=1.0))])
    made = observations(bench.catalog, Query())
    assert [each.warnings for each in made] == [(said,), ()]


def test_other_content_is_no_observation(bench: Bench) -> None:
    bench.records.append([stored("table.fits", told(role="table")), stored("bytes.bin")])
    found = observations(bench.catalog, Query())
    assert (len(found), found.left_out) == (0, ())


def test_limits_count_observations(bench: Bench) -> None:
    bench.records.append([record for n in range(4) for record in exposure(n, float(n))])
    found = observations(bench.catalog, Query(limit=2, offset=1))
    assert [made.observation_id for made in found] == ["exposure-1", "exposure-2"]


def test_the_table_comes_back_from_arrow_and_shows_itself_escaped(bench: Bench) -> None:
    bench.records.append([stored("<i>.fits", told()), *exposure(1, 1.0)])
    found = observations(bench.catalog, Query())
    assert Observation.from_arrow(found.to_arrow()) == list(found)
    assert len(found.to_pandas()) == 2
    assert len(found[1:]) == 1
    page = found._repr_mimebundle_()["text/html"]
    assert "&lt;i&gt;.fits" in page
    assert "<i>" not in page


def test_a_search_that_finds_none_says_why(bench: Bench) -> None:
    assert "nothing is stored yet" in repr(observations(bench.catalog, Query()))
    bench.records.append(exposure(1, 0.0))
    found = observations(bench.catalog, Query(instrument="<DECam>"))
    assert found.why_empty == "no stored image has instrument '<DECam>' (there are: testcam)"
    assert repr(found) == f"<0 observations>\nnothing found: {found.why_empty}"
    assert "'&lt;DECam&gt;'" in found._repr_mimebundle_()["text/html"].replace("&#x27;", "'")
    assert observations(bench.catalog, Query()).why_empty == ""


# pairs, from the catalogue


def found_pairs(
    bench: Bench, target: str | None = None, **conditions: Any
) -> list[tuple[str, str]]:
    table = find_pairs(bench.catalog, target, **conditions)
    return [(pair.science.observation_id, pair.reference.observation_id) for pair in table]


NIGHTS = [("exposure-2", "exposure-1"), ("exposure-3", "exposure-2"), ("exposure-3", "exposure-1")]


def three_nights(bench: Bench, **said: Any) -> None:
    frames = [exposure(1, 0.0), exposure(2, 10.0, **said), exposure(3, 13.0)]
    bench.records.append([record for records in frames for record in records])


def test_pairs_are_of_images_and_their_weights_come_along(bench: Bench) -> None:
    three_nights(bench)
    assert sorted(found_pairs(bench)) == sorted(NIGHTS)
    pair = find_pairs(bench.catalog)[0]
    assert [len(made.files) for made in (pair.science, pair.reference)] == [3, 3]


@pytest.mark.parametrize("target", ["M 31", "m31", "M3?", "*31", "M_31"])
def test_a_target_chooses_the_science_frames_and_the_sky_their_references(
    bench: Bench, target: str
) -> None:
    three_nights(bench, object_name="M 31")
    assert found_pairs(bench, target) == NIGHTS[:1]


def test_a_target_with_the_letters_of_patterns_is_found_by_them(bench: Bench) -> None:
    three_nights(bench, object_name="NGC[*]1")
    assert found_pairs(bench, "ngc*1") == NIGHTS[:1]
    assert found_pairs(bench, "ngc2*") == []


def test_conditions_choose_the_science_frames_only(bench: Bench) -> None:
    three_nights(bench)
    late = (NOON + timedelta(days=12)).isoformat()
    assert sorted(found_pairs(bench, after=late)) == sorted(NIGHTS[1:])
    cone: dict[str, Any] = {"ra_deg": 150.2, "dec_deg": 2.2, "radius_deg": 0.01}
    assert sorted(found_pairs(bench, **cone)) == sorted(NIGHTS)
    assert found_pairs(bench, **{**cone, "ra_deg": 152.0}) == []
    assert found_pairs(bench, min_gap_days=5.0, max_gap_days=11.0) == NIGHTS[:1]


def test_reference_frames_are_not_searched_unless_they_are_asked_for(bench: Bench) -> None:
    three_nights(bench)
    image = exposure(2, 10.0)[0]
    tag = {"tag": "purpose", "value": "reference"}
    said = replace(image, kind=RecordKind.TAG, origin="", details=tag, summaries=())
    bench.records.append([said])
    table = find_pairs(bench.catalog)
    assert {pair.science.observation_id for pair in table} == {"exposure-3"}
    assert len(table) == 2
    reasons = {left.name: left.reason for left in table.left_out}
    assert "kept as a reference" in reasons["2_i.fits"]
    assert found_pairs(bench, purpose="reference") == NIGHTS[:1]


def test_excluded_frames_are_never_used(bench: Bench) -> None:
    three_nights(bench)
    row = find_one(bench.catalog, sha256_hex(b"1_i.fits"))
    say_excluded(bench.records, row, "trailed")
    assert found_pairs(bench) == NIGHTS[1:2]
    assert found_pairs(bench, include_excluded=True) == NIGHTS[1:2]


def test_references_lie_in_the_tier_of_the_science_frames(bench: Bench) -> None:
    three_nights(bench)
    moved = [replace(record, tier=Tier.PROCESSED_OBSERVATIONS) for record in exposure(4, 1.0)]
    bench.records.append(moved)
    assert sorted(found_pairs(bench)) == sorted(NIGHTS)


def test_an_undated_frame_is_named_also_where_it_could_only_be_a_reference(bench: Bench) -> None:
    three_nights(bench, object_name="M31")
    bench.records.append([stored("bare.fits", told(observation_time=None))])
    table = find_pairs(bench.catalog, "M31")
    assert {left.name: left.reason for left in table.left_out} == {"bare.fits": UNDATED}


def test_an_unknown_condition_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(InvalidInputError, match="no condition overlap"):
        find_pairs(bench.catalog, overlap=0.5)


def test_the_nearest_condition_is_named(bench: Bench) -> None:
    with pytest.raises(InvalidInputError, match="min_gap: do you mean min_gap_days"):
        find_pairs(bench.catalog, min_gap=3)


def test_known_transients_may_be_any_list(bench: Bench) -> None:
    three_nights(bench)
    nova = {"name": "SN 2024abc", "ra_deg": 150.0, "dec_deg": 2.0, "first_light": "2024-04-14"}
    table = find_pairs(bench.catalog, known_transients=[nova])
    held = {(pair.science.observation_id, pair.guard) for pair in table if pair.contaminated_by}
    assert held == {("exposure-3", "contaminated")}


# real exposures


@pytest.fixture
def decam(scenes: Path) -> Callable[[str], list[Record]]:
    """Return a function that gives the records of real DECam files in a folder."""

    def records(folder: str) -> list[Record]:
        made = []
        for path in sorted((scenes.parent / folder).glob("*.fits")):
            content = path.read_bytes()
            record = stored(path.name, *(said.to_json() for said in summarize(content, path.name)))
            made.append(replace(record, content_hash=sha256_hex(content)))
        return made

    return records


@pytest.mark.scenes
def test_real_exposures_of_many_epochs_are_paired_in_their_filter(
    bench: Bench, decam: Callable[[str], list[Record]]
) -> None:
    bench.records.append(decam("decam_cutouts"))
    table = find_pairs(bench.catalog, reference="any")
    assert len(table) == 20
    for pair in table:
        assert pair.science.filter_band == pair.reference.filter_band
        assert pair.overlap_fraction > 0.9
        assert abs(pair.gap_days) > 1
        for made in (pair.science, pair.reference):
            assert [file.role for file in made.files] == ["image", "mask", "weight"]
    assert len(find_pairs(bench.catalog)) == 10


@pytest.mark.scenes
def test_stacks_with_one_copied_header_are_no_epochs(
    bench: Bench, decam: Callable[[str], list[Record]]
) -> None:
    bench.records.append(decam("decam_stack"))
    table = find_pairs(bench.catalog, min_gap_days=0.0, reference="any")
    assert len(table) == 0
    reasons = {left.name: left.reason for left in table.left_out}
    assert reasons["DeCorrKernel.fits"] == UNDATED
    assert "none was taken" in reasons["Stack-DEC-OBS04.fits"]
