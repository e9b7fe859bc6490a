"""Which records count no more, because somebody deleted what they tell of.

A tombstone names the records that told of a content when it was deleted. It hides each of them
until a restore names the tombstone, or until the same record is told again later than that.
Nothing depends on the order in which packs arrive.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.storage.records import RecordKind

COLUMNS = ("record_id", "kind", "said", "created_at")
"""The columns that decide; ``said`` holds what a tombstone or a restore names."""


def live_tombstones(rows: pa.Table) -> pa.Table:
    """Return those of `rows`, with `COLUMNS`, that are tombstones which no restore names."""
    stones = _of_kind(rows, RecordKind.TOMBSTONE)
    if not stones.num_rows:
        return stones
    back = [each for _, each in _named(_of_kind(rows, RecordKind.RESTORE))]
    return stones.filter(
        pc.invert(pc.is_in(stones["record_id"], value_set=arrow.column(back, pa.string())))
    )


def hidden_records(rows: pa.Table) -> pa.Array:
    """Return the ids of the records that count no more.

    Parameters
    ----------
    rows : pyarrow.Table
        All rows that tell of the contents in question, each telling of each record, with
        `COLUMNS`.
    """
    until: dict[str, datetime] = {}
    for when, record_id in _named(live_tombstones(rows)):
        until[record_id] = max(when, until.get(record_id, when))
    if not until:
        return arrow.column([], pa.string())
    last = _last_told(
        rows.filter(pc.is_in(rows["record_id"], value_set=arrow.column(until, pa.string())))
    )
    return arrow.column([each for each, when in last.items() if when <= until[each]], pa.string())


def is_one_of(rows: pa.Table, record_ids: pa.Array) -> pa.Array:
    """Return a mask of the rows of these records."""
    if not len(record_ids):
        return arrow.column(np.zeros(rows.num_rows, np.bool_))
    return pc.is_in(rows["record_id"], value_set=record_ids)


def _of_kind(rows: pa.Table, kind: RecordKind) -> pa.Table:
    is_it = arrow.equal(rows["kind"], kind.value)
    return rows.filter(is_it) if pc.any(is_it).as_py() else rows.slice(0, 0)


def _named(rows: pa.Table) -> Iterator[tuple[datetime, str]]:
    """Yield each record that `rows` name, with the time of the naming."""
    pairs: zip[tuple[Any, Any]] = zip(
        arrow.to_list(rows["created_at"]), rows["said"].to_pylist(), strict=True
    )
    return ((when, each) for when, said in pairs for each in (said or "").split())


def _last_told(rows: pa.Table) -> dict[str, datetime]:
    last: dict[str, datetime] = {}
    pairs = zip(rows["record_id"].to_pylist(), arrow.to_list(rows["created_at"]), strict=True)
    for record_id, when in pairs:
        last[record_id] = max(when, last.get(record_id, when))
    return last
