"""Rows of record packs, read by Arrow or one by one: the same."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from astrid_sdk.catalog import pack_rows
from astrid_sdk.catalog.pack_rows import pack_table
from astrid_sdk.catalog.record_rows import IN_SKY_ORDER, completed, record_table
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

PACK = f"_records/ab/{'ab' * 32}.ndjson"
SUMMARY: dict[str, Any] = {
    "parser_version": 2,
    "hdu_index": 0,
    "role": "image",
    "object_name": 'M 51 "],"summaries":[ \u00e9 \u4e2d \\',
    "ra_deg": 202.46957,
    "dec_deg": 47,
    "radius_deg": 1e-3,
    "footprint": [[202.0, 47.0], [203.0, 47.0], [203.0, 48.0], [202.0, 48.5]],
    "night": "2024-04-05",
    "observation_time": "2024-04-05T03:04:05.123456+00:00",
    "exposure_time_s": None,
    "header": {"OBJECT": "M51", "kind": 3, "summaries": True},
}


def record(number: int, *summaries: dict[str, Any], **more: Any) -> Record:
    plain = Record(
        kind=RecordKind.INGEST,
        content_hash=f"{number:064x}",
        tier=Tier.RAW_OBSERVATIONS,
        size_bytes=2880 * number,
        media_type="application/fits",
        name=f"nights/{number}.fits",
        origin=f"file:///nights/{number}.fits",
        created_at=datetime(2024, 4, 5, 6, number, tzinfo=UTC),
        author="jane",
        summaries=summaries,
    )
    return dataclasses.replace(plain, **more)


MANY: list[list[Record]] = [
    [],
    [record(1, SUMMARY)],
    [record(n, SUMMARY | {"ra_deg": 10.0 * n, "object_name": None}) for n in range(5)],
    [record(1, SUMMARY | {"footprint": None}), record(2, SUMMARY | {"footprint": []})],
    [record(1, SUMMARY), record(2, SUMMARY, SUMMARY | {"hdu_index": 1}), record(3)],
    [record(1), record(2)],
    [record(1), record(2, SUMMARY), record(3), record(4, SUMMARY | {"ra_deg": "unknown"})],
    [record(1, name='x","summaries":[],"tier":"'), record(2, SUMMARY | {"a": {"summaries": []}})],
    [record(1, {}), record(2, {"night": "undated"})],
    [record(1, SUMMARY), record(2, SUMMARY | {"ra_deg": "unknown", "role": 7})],
    [
        record(1, SUMMARY),
        record(2, SUMMARY, kind=RecordKind.DERIVED, details={"role": "mask"}, derivation_key="k"),
        record(3, kind=RecordKind.TAG, details={"tag": "purpose", "value": "reference"}),
        record(4, kind=RecordKind.EXCLUDE, details={"reason": "clouds"}),
    ],
]


@pytest.mark.parametrize("records", MANY)
def test_rows_are_those_of_the_records_one_by_one(records: list[Record]) -> None:
    one_by_one = completed(record_table(PACK, records)).sort_by(IN_SKY_ORDER)
    lines = [each.to_line() for each in records]
    assert _rows(pack_table([(PACK, lines)])) == _rows(one_by_one)


def test_files_that_came_in_are_read_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pack_rows, "record_table")
    telling = [record(number, SUMMARY).to_line() for number in range(5)]
    lines = [*telling, *(record(number).to_line() for number in range(5, 9))]
    assert pack_table([(PACK, lines)]).num_rows == 9


def test_the_summary_is_the_text_that_stands_in_the_record() -> None:
    line = record(1, SUMMARY).to_line()
    (text,) = pack_table([(PACK, [line])])["summary"].to_pylist()
    assert text.encode() in line
    assert json.loads(text) == SUMMARY


@pytest.mark.parametrize("said", [{"format_version": 99}, {"kind": "dreamt"}, {"tier": "attic"}])
def test_what_a_later_release_wrote_is_refused(said: dict[str, Any]) -> None:
    line = json.loads(record(2, SUMMARY).to_line()) | said
    later = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(InvalidInputError, match="later release"):
        pack_table([(PACK, [record(1, SUMMARY).to_line(), later])])


def _rows(table: pa.Table) -> list[str]:
    assert table.schema.names == completed(record_table(PACK, [])).schema.names
    return sorted(map(repr, table.to_pylist()))
