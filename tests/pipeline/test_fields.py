"""What the grouping of frames by field promises."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from astrid_sdk.pipeline.fields import field_name, group_by_field, template_for
from astrid_sdk.pipeline.manifest import Item, Manifest, Skip
from astrid_sdk.sky.dialect import Role
from astrid_sdk.sky.summary import Summary

HERE = {"ra_deg": 150.0, "dec_deg": 2.0, "radius_deg": 0.5}


def item(name: str, **said: Any) -> Item:
    known = {"filter_band": "r", "instrument": "cam", "shape": (100, 200), **said}
    summary = Summary(hdu_index=0, role=Role.IMAGE, bitpix=-32, **known)
    return Item(f"{name:0>64}", "processed-observations", name, summary)


def names(groups: Sequence[Sequence[Item]]) -> list[list[str]]:
    return [[member.name for member in group] for group in groups]


def test_frames_of_one_place_filter_and_instrument_share_a_template() -> None:
    frames = [
        item("a", **HERE),
        item("b", **HERE | {"ra_deg": 150.1}),
        item("c", **HERE, filter_band="g"),
        item("d", **HERE, instrument="other"),
        item("e", **HERE | {"ra_deg": 151.0}),
    ]
    for order in permutations(frames):
        assert names(group_by_field(order)) == [["a", "b"], ["c"], ["d"], ["e"]]


def test_a_field_across_right_ascension_zero_is_one_field() -> None:
    frames = [item("a", **HERE | {"ra_deg": 359.95}), item("b", **HERE | {"ra_deg": 0.05})]
    assert names(group_by_field(frames)) == [["a", "b"]]


def test_frames_without_positions_are_grouped_by_object_and_shape() -> None:
    frames = [
        item("a", object_name="M 13"),
        item("b", object_name="M 13"),
        item("c", object_name="M 31"),
        item("d", object_name="M 13", shape=(50, 50)),
    ]
    assert names(group_by_field(frames)) == [["a", "b"], ["c"], ["d"]]


def test_a_template_needs_the_sky_and_the_filter() -> None:
    science = item("s", **HERE)
    assert template_for(science, [item("g", **HERE, filter_band="g")]) is None
    assert template_for(science, [item("far", **HERE | {"dec_deg": 3.0})]) is None
    assert template_for(science, []) is None


def test_the_same_instrument_wins_then_the_closer_one() -> None:
    science = item("s", **HERE)
    other = item("other", **HERE, instrument="other")
    near, far = item("near", **HERE | {"ra_deg": 150.05}), item("far", **HERE | {"ra_deg": 150.2})
    for order in permutations([other, far, near]):
        chosen = template_for(science, order)
        assert chosen is near
    assert template_for(science, [other]) is other


def test_a_template_that_overlaps_in_part_will_do() -> None:
    half_off = item("half", **HERE | {"dec_deg": 2.0 + 1.2 * float(HERE["radius_deg"])})
    assert template_for(item("s", **HERE), [half_off]) is half_off


def test_without_positions_object_and_shape_are_preferred_and_the_stars_decide() -> None:
    science = item("s", object_name="M 13")
    same, other = item("same", object_name="M 13"), item("other", object_name="NGC 6205")
    smaller = item("smaller", object_name="M 13", shape=(50, 50))
    for order in permutations([same, other, smaller]):
        assert template_for(science, order) is same
    assert template_for(science, [other]) is other


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"object_name": " HAT-P 32/b "}, "hat-p-32-b"),
        ({"object_name": "  ", **HERE}, "150.000+2.000"),
        (HERE | {"dec_deg": -2.5}, "150.000-2.500"),
        ({}, "unknown-field"),
    ],
)
def test_a_field_is_called_by_its_object_or_its_place(said: dict[str, Any], name: str) -> None:
    assert field_name(item("a", **said).summary) == name


def test_an_asset_manifest_comes_back_as_it_was() -> None:
    made = Manifest("detections", "2024-04-05", (item("a", **HERE),), (Skip("b", "why"),), ("n",))
    again = Manifest.from_bytes(made.to_bytes())
    assert again == made
    assert again.to_bytes() == made.to_bytes()
