"""What pairs of science and reference observations promise."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_skies import NOVA, number, numbers, paired, reasons, seen

from astrid_sdk.catalog.models.observation import Observation, ObservationFile
from astrid_sdk.catalog.pairs.frames import NO_POSITION, NO_SIZE, UNDATED
from astrid_sdk.catalog.pairs.guard import GuardState
from astrid_sdk.catalog.pairs.neighbours import touching
from astrid_sdk.catalog.pairs.pairing import pair_up
from astrid_sdk.catalog.pairs.search import PairRules
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.footprint import overlap_fraction, separation_deg
from astrid_sdk.sky.sphere import unit_vectors

POLES_AND_SEAM = [(0.0, 90.0), (123.0, -89.95), (359.95, 10.0), (0.05, -40.0), (180.0, 0.0)]


def test_the_reference_is_the_earlier_frame_unless_it_is_asked_for_otherwise() -> None:
    frames = [seen(1, 0), seen(2, 10)]
    assert numbers(paired(frames)) == [(2, 1)]
    assert numbers(paired(frames, reference="after")) == [(1, 2)]
    assert numbers(paired(frames, reference="any")) == [(1, 2), (2, 1)]
    assert [pair.gap_days for pair in paired(frames, reference="any")] == [-10.0, 10.0]


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ({}, [(3, 1), (3, 2)]),
        ({"min_gap_days": 0.0}, [(2, 1), (3, 1), (3, 2)]),
        ({"min_gap_days": 10.0}, [(3, 1)]),
        ({"max_gap_days": 9.9}, [(3, 2)]),
        ({"min_gap_days": 10.1}, []),
    ],
)
def test_frames_of_one_night_are_no_pair_unless_the_gap_may_be_shorter(
    rules: dict[str, Any], found: list[tuple[int, int]]
) -> None:
    frames = [seen(1, 0), seen(2, 0.25), seen(3, 10)]
    assert numbers(paired(frames, **rules)) == found


def test_frames_of_one_moment_are_never_a_pair() -> None:
    assert numbers(paired([seen(1), seen(2)], min_gap_days=0.0, reference="any")) == []


def test_two_reductions_of_one_exposure_are_never_a_pair() -> None:
    frames = [seen(1, 0), replace(seen(2, 5), observation_id="exposure-1")]
    assert numbers(paired(frames)) == []


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, True),
        ({"filter_band": "g"}, False),
        ({"instrument": "other"}, False),
        ({"filter_band": None}, False),
        ({"survey": "ztf"}, False),
    ],
)
def test_only_the_same_light_of_the_same_camera_is_compared(
    said: dict[str, Any],
    found: bool,  # noqa: FBT001 - the expected answer
) -> None:
    table = paired([seen(1, 0, **said), seen(2, 10)])
    assert bool(len(table)) == found
    if not found:
        assert reasons(table)["frame-2.fits"] == "no other observation is of testcam in r"


def test_two_instruments_of_one_survey_are_a_pair_with_a_warning() -> None:
    (pair,) = paired([seen(1, 0, survey="hst", instrument="acs"), seen(2, 10, survey="hst")])
    assert pair.warnings == ("the instruments differ: testcam and acs",)


def test_unknown_light_is_compared_with_unknown_light_and_doubted() -> None:
    unknown: dict[str, Any] = {"filter_band": None, "instrument": None}
    (pair,) = paired([seen(1, 0, **unknown), seen(2, 10, **unknown)])
    assert [warning.partition(":")[0] for warning in pair.warnings] == [
        "neither frame says its filter",
        "neither frame says its survey or camera",
    ]


@pytest.mark.parametrize("place", POLES_AND_SEAM)
def test_overlap_counts_of_the_science_frame_everywhere_on_the_sky(
    place: tuple[float, float],
) -> None:
    frames = [seen(1, 0, place, (0.4, 0.0)), seen(2, 10, place)]
    (pair,) = paired(frames)
    assert pair.overlap_fraction == pytest.approx(0.6, abs=1e-4)
    assert numbers(paired(frames, min_overlap=0.61)) == []
    said = reasons(paired(frames, min_overlap=0.61))["frame-2.fits"]
    assert said == "no observation of testcam in r, 1 day or more before it, covers 61% of it"


frames_drawn = st.lists(
    st.tuples(
        st.sampled_from(POLES_AND_SEAM),
        st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2)),
        st.integers(0, 6),
        st.sampled_from(["g", "r"]),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(
    frames_drawn,
    st.sampled_from(["before", "after", "any"]),
    st.sampled_from([0.0, 0.3, 0.9]),
    st.integers(0, 3),
)
def test_pairs_are_those_that_looking_at_every_two_frames_gives(
    drawn: list[Any], side: str, least: float, gap: int
) -> None:
    frames = [
        seen(n, day, place, shift, filter_band=band)
        for n, (place, shift, day, band) in enumerate(drawn)
    ]
    asked: dict[str, Any] = {"reference": side, "min_overlap": least, "min_gap_days": gap}
    table = paired(frames, max_pairs_per_science=None, **asked)
    expected: set[tuple[int, int]] = set()
    doubtful: set[tuple[int, int]] = set()
    for ours in frames:
        for theirs in frames:
            sure, share = judged_one_by_one(ours, theirs, side, least, gap)
            named = (number(ours), number(theirs))
            if sure:
                expected.add(named)
            if abs(share - least) < 1e-5:
                doubtful.add(named)
    assert set(numbers(table)) - doubtful == expected - doubtful


def judged_one_by_one(
    ours: Observation, theirs: Observation, side: str, least: float, gap: int
) -> tuple[bool, float]:
    assert ours.mjd is not None
    assert theirs.mjd is not None
    days = ours.mjd - theirs.mjd
    days = {"before": days, "after": -days, "any": abs(days)}[side]
    share = overlap_fraction(ours.footprint or (), theirs.footprint or ())
    timely = days > 0 and days >= gap
    return (
        timely and ours.filter_band == theirs.filter_band and share >= least and share > 0,
        share,
    )


places_drawn = st.lists(
    st.sampled_from(POLES_AND_SEAM) | st.tuples(st.floats(0, 360), st.floats(-90, 90)), max_size=9
)


@given(places_drawn, places_drawn, st.floats(0, 60), st.floats(0, 120))
def test_circles_touch_where_their_separation_says_so(
    ours: list[tuple[float, float]],
    theirs: list[tuple[float, float]],
    radius_deg: float,
    other_deg: float,
) -> None:
    a, b = (np.array(places, float).reshape(-1, 2) for places in (ours, theirs))
    vectors = [unit_vectors(*places.T).reshape(-1, 3) for places in (a, b)]
    radii = [
        np.full(len(v), np.radians(r))
        for v, r in zip(vectors, (radius_deg, other_deg), strict=True)
    ]
    blocks = list(touching(vectors[0], radii[0], vectors[1], radii[1]))
    got = {(int(i[a]), int(j[b])) for i, j, near in blocks for a, b in np.argwhere(near)}
    apart = separation_deg(a[:, 0, None], a[:, 1, None], b[None, :, 0], b[None, :, 1])
    slack = np.abs(apart - radius_deg - other_deg) < 1e-6
    sure = {(int(i), int(j)) for i, j in np.argwhere((apart <= radius_deg + other_deg) & ~slack)}
    maybe = {(int(i), int(j)) for i, j in np.argwhere(slack)}
    assert sure <= got <= sure | maybe


def test_the_best_reference_comes_first() -> None:
    frames = [
        seen(1, 0, shift=(0.3, 0.0)),
        seen(2, 1, seeing_arcsec=1.5),
        seen(3, 2, seeing_arcsec=0.9),
        seen(4, 3, exposure_time_s=30.0),
        seen(5, 4, exposure_time_s=300.0),
        seen(6, 5),
        seen(7, 6),
        seen(8, 50),
    ]
    table = pair_up(frames[7:], frames, PairRules())
    assert numbers(table) == [(8, n) for n in (3, 2, 5, 4, 6, 7, 1)]
    assert [pair.rank for pair in table] == [1, 2, 3, 4, 5, 6, 7]
    best = pair_up(frames[7:], frames, PairRules(max_pairs_per_science=2))
    assert numbers(best) == [(8, 3), (8, 2)]


def test_a_frame_without_a_footprint_is_judged_by_its_extent_and_doubted() -> None:
    bare: dict[str, Any] = {"footprint": None, "shape": (1000, 1000), "pixel_scale_arcsec": 1.8}
    frames = [seen(1, 0, **bare), seen(2, 10), seen(3, 20, shift=(3.0, 0.0), **bare)]
    (pair,) = paired(frames)
    assert (number(pair.science), number(pair.reference)) == (2, 1)
    assert pair.overlap_fraction == pytest.approx(1.0, abs=1e-3)
    assert pair.warnings == ("the overlap is an estimate: a footprint is not known",)


def test_what_cannot_be_paired_is_named_with_the_reason() -> None:
    frames = [
        seen(1, observation_time=None),
        seen(2, footprint=None, ra_deg=None, dec_deg=None),
        seen(3, footprint=None),
        seen(4, place=(10.0, -60.0)),
        seen(5),
        seen(6, 3),
    ]
    table = paired(frames)
    assert numbers(table) == [(6, 5)]
    assert reasons(table) == {
        "frame-1.fits": UNDATED,
        "frame-2.fits": NO_POSITION,
        "frame-3.fits": NO_SIZE,
        "frame-4.fits": "no other observation of testcam in r is near it",
        "frame-5.fits": "of the observations of testcam in r near it, none was taken 1 day or more "
        "before it",
    }


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"reference": "later"}, "reference cannot be 'later': give 'before'"),
        ({"min_overlap": 1.5}, "min_overlap cannot be 1.5"),
        ({"min_overlap": math.nan}, "min_overlap cannot be nan"),
        ({"min_gap_days": -1.0}, "min_gap_days cannot be -1.0"),
        ({"min_gap_days": 5.0, "max_gap_days": 4.0}, "from 0 to max_gap_days"),
        ({"max_pairs_per_science": 0}, "max_pairs_per_science cannot be 0"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        PairRules(**rules)


def test_a_table_is_a_sequence_and_says_the_same_in_every_form() -> None:
    frames = [seen(1, 0), seen(2, 10, object_name="<M31>"), seen(3, 20)]
    table = paired(frames, [NOVA])
    assert len(table) == 3
    assert table[-1].science == frames[2]
    assert numbers(table[1:]) == numbers(table)[1:]
    rows = table.to_pandas()
    assert list(rows["science_content_hash"]) == [pair.science.content_hash for pair in table]
    assert list(rows["reference_observation_time"]) == [
        pair.reference.observation_time for pair in table
    ]
    assert [list(names) for names in rows["contaminated_by"]] == [
        [known.name for known in pair.contaminated_by] for pair in table
    ]
    assert [tuple(warnings) for warnings in rows["warnings"]] == [pair.warnings for pair in table]
    assert list(rows["guard"]) == [pair.guard for pair in table]
    assert list(rows["rank"]) == [pair.rank for pair in table]


def test_what_a_notebook_shows_is_escaped_and_short() -> None:
    odd = ObservationFile("image", "f" * 64, 0, "<b>.fits")
    frames = [seen(n, float(n)) for n in range(1, 9)]
    frames.append(replace(seen(9, 0), files=(odd,)))
    page = paired(frames)._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;.fits" in page
    assert "<b>.fits" not in page
    assert page.count("<tr>") < 30
    assert "36 pairs" in page


def test_no_observations_give_no_pairs() -> None:
    empty = paired([])
    assert (len(empty), empty.to_arrow().num_rows) == (0, 0)
    assert repr(empty).startswith("<0 pairs; template guard: not checked")


def test_of_very_many_references_the_best_are_kept() -> None:
    frames = [seen(n, n / 10, shift=(n % 7 / 20, n % 5 / 20)) for n in range(600)]
    table = paired(frames, [NOVA], max_pairs_per_science=3)
    assert [pair.rank for pair in table[-300:]] == [1, 2, 3] * 100
    assert {pair.guard for pair in table[-300:]} == {GuardState.CLEAN}


def test_what_a_header_says_against_its_wcs_is_a_warning_of_the_pair() -> None:
    doubt = "the header says that its WCS was not calibrated"
    frames = [seen(1, 0, warnings=(doubt,)), seen(2, 10, warnings=("DATE-OBS is a local time",))]
    (pair,) = paired(frames)
    assert pair.warnings == (f"reference: {doubt}",)
    (pair,) = paired(frames, reference="after")
    assert pair.warnings == (f"science: {doubt}",)
    assert paired(frames).to_arrow()["warnings"].to_pylist() == [[f"reference: {doubt}"]]
