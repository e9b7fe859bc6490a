"""What the guard promises that tells whether a reference may hold a transient."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_skies import NOVA, START, numbers, paired, reasons, seen

from astrid_sdk.catalog.pairs.guard import GuardState
from astrid_sdk.catalog.pairs.known_transients import KnownTransient
from astrid_sdk.catalog.pairs.pairing import pair_up
from astrid_sdk.catalog.pairs.search import PairRules
from astrid_sdk.catalog.pairs.table import Pair
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.footprint import cone_intersects

POLES_AND_SEAM = [(0.0, 90.0), (123.0, -89.95), (359.95, 10.0), (0.05, -40.0), (180.0, 0.0)]


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (None, GuardState.NOT_CHECKED),
        ([], GuardState.NOT_CHECKED),
        ([NOVA], GuardState.CONTAMINATED),
        ([replace(NOVA, first_light=None)], GuardState.CONTAMINATED),
        ([replace(NOVA, first_light=START + timedelta(days=10.001))], GuardState.CLEAN),
        ([replace(NOVA, last_light=START + timedelta(days=9))], GuardState.CLEAN),
        ([replace(NOVA, last_light=START + timedelta(days=11))], GuardState.CONTAMINATED),
        ([replace(NOVA, ra_deg=150.252)], GuardState.CLEAN),  # beyond the edge and its margin
        ([replace(NOVA, ra_deg=150.2511)], GuardState.CONTAMINATED),  # its wings reach in
        ([replace(NOVA, dec_deg=2.3)], GuardState.CLEAN),
    ],
)
def test_the_guard_tells_whether_the_reference_may_hold_a_known_transient(
    known: list[KnownTransient] | None, state: GuardState
) -> None:
    (pair,) = paired([seen(1, 10, exposure_time_s=60.0), seen(2, 20)], known)
    assert pair.guard == state
    assert bool(pair.contaminated_by) == bool(pair.warnings) == (state == GuardState.CONTAMINATED)


def test_light_that_began_during_the_exposure_is_in_the_reference() -> None:
    known = [replace(NOVA, first_light=START + timedelta(days=10, seconds=30))]
    (pair,) = paired([seen(1, 10, exposure_time_s=60.0), seen(2, 20)], known)
    assert pair.warnings == (
        "the reference was taken at first light of SN 2024abc, which lies in both frames",
    )


def test_a_contaminated_reference_is_named_and_comes_last_and_goes_only_when_asked() -> None:
    frames = [seen(1, 0, seeing_arcsec=3.0), seen(2, 10, seeing_arcsec=0.8), seen(3, 20)]
    table = pair_up(frames[2:], frames, PairRules(), [NOVA])
    assert numbers(table) == [(3, 1), (3, 2)]
    assert table[1].contaminated_by == (NOVA,)
    (said,) = table[1].warnings
    assert said.startswith("the reference was taken 5.0 days after first light of SN 2024abc")
    assert (table.contaminated, table.transients_checked) == (1, 1)
    clean = pair_up(frames[2:], frames, PairRules(exclude_contaminated=True), [NOVA])
    assert numbers(clean) == [(3, 1)]
    late = pair_up(frames[2:], frames[1:], PairRules(exclude_contaminated=True), [NOVA])
    assert reasons(late)["frame-3.fits"] == (
        "every reference of testcam in r may hold a known transient that lies in it"
    )


def test_a_transient_that_the_science_frame_does_not_show_is_no_matter() -> None:
    frames = [seen(1, 10, shift=(0.4, 0.0)), seen(2, 20)]
    (pair,) = paired(frames, [replace(NOVA, ra_deg=150.3)])
    assert pair.guard == GuardState.CLEAN


def test_without_known_transients_nothing_is_called_clean() -> None:
    table = paired([seen(1, 0), seen(2, 10)])
    assert "not checked" in repr(table)
    assert "not checked" in table._repr_mimebundle_()["text/html"]
    with pytest.raises(InvalidInputError, match="none were given: nothing would be checked"):
        paired([seen(1, 0), seen(2, 10)], exclude_contaminated=True)


@given(
    st.lists(
        st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.integers(0, 9)), min_size=2, max_size=25
    ),
    st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.integers(0, 9)), max_size=8),
)
@settings(max_examples=40)
def test_the_guard_says_of_many_what_it_says_of_each(
    drawn: list[tuple[float, float, int]], shining: list[tuple[float, float, int]]
) -> None:
    frames = [seen(n, day, shift=(x / 2, y / 2)) for n, (x, y, day) in enumerate(drawn)]
    known = [
        KnownTransient(f"SN {n}", 150 + x / 2, 2 + y / 2, START + timedelta(days=day))
        for n, (x, y, day) in enumerate(shining)
    ]
    table = pair_up(frames, frames, PairRules(max_pairs_per_science=None, min_overlap=0.01), known)
    for pair in table:
        (alone,) = pair_up([pair.science], [pair.reference], PairRules(min_overlap=0.01), known)
        assert (alone.guard, alone.contaminated_by) == (pair.guard, pair.contaminated_by)
        held = {other.name for other in pair.contaminated_by}
        assert held == {other.name for other in known if _is_held(other, pair)}


def _is_held(known: KnownTransient, pair: Pair) -> bool:
    """Return whether both frames have the transient, within the margin, and it shone by then."""
    assert known.first_light is not None
    assert pair.reference.observation_time is not None
    margin = 5.0 / 3600.0
    inside = (
        bool(cone_intersects(made.footprint or (), known.ra_deg, known.dec_deg, margin))
        for made in (pair.science, pair.reference)
    )
    return all(inside) and pair.reference.observation_time > known.first_light
