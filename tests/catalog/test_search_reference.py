"""A search gives what judging everything and then looking at every row would give.

The reference below works on the records alone, one Python object at a time, and asks astropy for
separations.
"""

import fnmatch
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from exposures import NOON, commit, derived, exclusion, image, number_of, summary, tag
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import Bench, local_store

from astrid_sdk.catalog import snapshot
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.sky.footprint import cone_intersects
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

PLACES = [
    (0.0, 0.0),
    (359.9, 0.1),
    (0.2, -0.1),
    (180.0, 45.0),
    (180.3, 45.2),
    (77.0, 90.0),
    (250.0, 89.8),
    (70.0, 89.9),
    (10.0, -89.9),
    (190.0, -89.9),
    (None, None),
]


@dataclass(frozen=True)
class Row:
    """One judged content, as the reference has it."""

    record: Record
    summary: Mapping[str, Any]
    purpose: str | None
    excluded: str | None
    step: str | None


def judged(
    records: Sequence[Record], made: Sequence[Derivation], as_of: datetime | None
) -> Iterator[Row]:
    """Yield every content, tier and HDU once, told by the earliest record of it."""
    known = [told for told in records if as_of is None or told.created_at <= as_of]
    known.sort(key=lambda told: (told.created_at, told.name, told.record_id))
    done = {one.key: one for one in made if as_of is None or one.created_at <= as_of}
    seen = set()
    for record in known:
        step = _step(record, done)
        if step is None:
            continue
        for told in record.summaries or [{}]:
            identity = (record.content_hash, record.tier, told.get("hdu_index"))
            if identity not in seen:
                seen.add(identity)
                yield Row(record, told, *_said(record, known), step or None)


def _step(record: Record, done: Mapping[str, Derivation]) -> str | None:
    """Return the step behind a record, "" for what came from outside, None where none counts."""
    if record.kind == RecordKind.INGEST:
        return ""
    made = done.get(record.derivation_key)
    if record.kind != RecordKind.DERIVED or made is None:
        return None
    committed = {output.content_hash for output in made.outputs}
    return made.step if record.content_hash in committed else None


def _said(record: Record, known: Sequence[Record]) -> tuple[str | None, str | None]:
    purpose = "science" if record.tier == Tier.RAW_OBSERVATIONS else None
    excluded = None
    for told in known:
        if told.content_hash == record.content_hash and told.kind == RecordKind.TAG:
            purpose = told.details["value"]
        if told.content_hash == record.content_hash and told.kind == RecordKind.EXCLUDE:
            excluded = told.details["reason"]
    return purpose, excluded


def meets(row: Row, conditions: Mapping[str, Any]) -> bool:
    """Return whether a content meets the conditions."""
    if row.excluded is not None and not conditions.get("include_excluded"):
        return False
    for name in ("filter_band", "night", "role"):
        if name in conditions and row.summary.get(name) not in _several(conditions[name]):
            return False
    if conditions.get("tier", row.record.tier) != row.record.tier:
        return False
    if not fnmatch.fnmatch(row.record.name.lower(), conditions.get("name", "*").lower()):
        return False
    if conditions.get("purpose", row.purpose) != row.purpose:
        return False
    return conditions.get("step", row.step) == row.step and _in_cone(row, conditions)


def _several(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _in_cone(row: Row, conditions: Mapping[str, Any]) -> bool:
    if "ra_deg" not in conditions:
        return True
    if row.summary.get("ra_deg") is None:
        return False
    cone = (conditions["ra_deg"], conditions["dec_deg"], conditions["radius_deg"])
    if corners := row.summary.get("footprint"):
        return bool(cone_intersects(corners, *cone))
    centre = SkyCoord(cone[0] * units.deg, cone[1] * units.deg)
    place = SkyCoord(row.summary["ra_deg"] * units.deg, row.summary["dec_deg"] * units.deg)
    return bool(centre.separation(place).deg <= cone[2])


@st.composite
def events(draw: st.DrawFn) -> tuple[Record, Derivation | None]:
    """Return something that happens to one of a few contents, at one of a few moments."""
    number = draw(st.integers(0, 3))
    seconds = draw(st.integers(0, 5))
    ra_deg, dec_deg = draw(st.sampled_from(PLACES))
    told = {"filter_band": draw(st.sampled_from(["r", "g"])), "footprint": None}
    kind = draw(st.sampled_from(["ingest", "tag", "exclude", "derived", "left behind"]))
    plain = replace(
        image(number),
        name=f"frame-{draw(st.integers(0, 4))}.fits",
        created_at=NOON + timedelta(seconds=seconds),
        summaries=_summaries(draw, number, (ra_deg, dec_deg), told),
    )
    if kind == "tag":
        return tag(plain, draw(st.sampled_from(["science", "reference"])), seconds), None
    if kind == "exclude":
        return exclusion(plain, draw(st.sampled_from(["trailed", None])), seconds), None
    if kind == "ingest":
        return replace(plain, origin=f"file:///{draw(st.integers(0, 2))}"), None
    step = draw(st.sampled_from(["subtract", "coadd"]))
    record, made = derived(number, 4, step, seconds)
    record = replace(record, name=plain.name, summaries=plain.summaries)
    return record, made if kind == "derived" else None


def _summaries(
    draw: st.DrawFn, number: int, place: tuple[float | None, float | None], told: dict[str, Any]
) -> list[dict[str, Any]]:
    if draw(st.booleans()) and place[1] is not None and abs(place[1]) < 80:
        told = {name: value for name, value in told.items() if name != "footprint"}
    indices = draw(st.sampled_from([[0], [1, 2], []]))
    return [summary(number, *place, hdu_index=index, **told) for index in indices]


CONES = st.fixed_dictionaries(
    {
        "ra_deg": st.sampled_from([0.0, 359.95, 360.0, 180.1, 77.0, 100.0]),
        "dec_deg": st.sampled_from([0.0, 0.05, 45.0, 90.0, 89.95, -90.0, -89.5]),
        "radius_deg": st.sampled_from([0.0, 0.013, 0.11, 0.31, 1.03, 20.0, 180.0]),
    }
)
CONDITIONS = st.tuples(
    st.one_of(st.just({}), CONES),
    st.fixed_dictionaries(
        {},
        optional={
            "filter_band": st.sampled_from(["r", "g", ["r", "g"], []]),
            "tier": st.sampled_from([Tier.RAW_OBSERVATIONS, Tier.DIFFERENCE_IMAGES]),
            "name": st.sampled_from(["frame-1*", "*", "FRAME-[02].fits", "*.fit?", "nothing"]),
            "role": st.just("image"),
            "purpose": st.sampled_from(["science", "reference"]),
            "step": st.sampled_from(["subtract", "coadd"]),
            "include_excluded": st.booleans(),
            "as_of": st.integers(0, 5).map(lambda seconds: NOON + timedelta(seconds=seconds)),
        },
    ),
).map(lambda pair: pair[0] | pair[1])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(events(), min_size=1, max_size=8), max_size=5),
    st.lists(CONDITIONS, min_size=2, max_size=8),
    st.sampled_from([0.0, 0.25, 1.0]),
)
def test_a_search_gives_what_judging_everything_would_give(
    packs: list[list[tuple[Record, Derivation | None]]],
    queries: list[dict[str, Any]],
    few: float,
) -> None:
    # where that share of the rows fits, all are read: a catalogue so small would have no other way
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "FEW", few)
        bench = Bench(local_store(Path(folder) / "store"))
        for place, pack in enumerate(packs):
            bench.records.append([record for record, _ in pack])
            if place == 2:
                bench.catalog.compact()
            elif place % 2:
                bench.catalog.newest()
        happened = list(itertools.chain.from_iterable(packs))
        made = {one.key: one for _, one in reversed(happened) if one is not None}
        for one in made.values():
            commit(bench, one)
        records = [record for record, _ in happened]
        for conditions in [*queries, {"include_excluded": True}]:
            expect(bench, records, list(made.values()), conditions)


def expect(
    bench: Bench,
    records: Sequence[Record],
    made: Sequence[Derivation],
    conditions: Mapping[str, Any],
) -> None:
    rows = [row for row in judged(records, made, conditions.get("as_of")) if meets(row, conditions)]
    expected = sorted(map(_shown, rows))
    found = find(bench.catalog, Query(**conditions))
    told = [
        (
            number_of(row.content_hash),
            str(row.tier),
            row.name,
            -1 if row.hdu_index is None else row.hdu_index,
            row.purpose or "",
            row.excluded or "",
            row.step or "",
            row.created_at,
        )
        for row in found
    ]
    assert sorted(told) == expected
    assert len(found) == len(expected)
    assert bool(found.why_empty) == (not expected)


def _shown(row: Row) -> tuple[Any, ...]:
    index = row.summary.get("hdu_index")
    return (
        number_of(row.record.content_hash),
        row.record.tier.value,
        row.record.name,
        -1 if index is None else index,
        row.purpose or "",
        row.excluded or "",
        row.step or "",
        row.record.created_at,
    )
