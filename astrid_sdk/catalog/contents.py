"""Contents: what is stored, each content once, with what people said of it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.deleted import is_one_of
from astrid_sdk.catalog.record_rows import EXCLUDED
from astrid_sdk.storage.records import RecordKind
from astrid_sdk.tiers import Tier

PURPOSES = ("science", "reference")
"""What a raw frame is for; the first is meant where nobody said."""

JUDGED = (
    "record_id",
    "kind",
    "content_hash",
    "tier",
    "hdu_index",
    "created_at",
    "name",
    "derivation_key",
    "tag",
    "said",
)
"""The columns of records that decide what is a content."""

_IDENTITY = ["content_hash", "tier", "hdu_index"]
_PURPOSE = "purpose"


def unique_records(rows: pa.Table) -> pa.Table:
    """Return `rows` of the ``records`` table, each record once (its earliest telling), by time.

    A record stands there twice when it happened twice, or when two processes indexed its pack at
    the same moment.
    """
    ordered = rows.sort_by([(name, "ascending") for name in ("created_at", "name", "record_id")])
    return ordered.filter(_first_of_each(ordered, ["record_id", "hdu_index"]))


def unique_derivations(rows: pa.Table) -> pa.Table:
    """Return `rows` of the ``derivations`` table, each derivation once, by time."""
    ordered = rows.sort_by([("created_at", "ascending"), ("key", "ascending")])
    return ordered.filter(_first_of_each(ordered, ["key"]))


def telling(records: pa.Table, derivations: pa.Table) -> pa.Table:
    """Return those of `records` that a content comes of, deleted or not."""
    ingested = arrow.equal(records["kind"], RecordKind.INGEST.value)
    return records.filter(pc.or_(ingested, _is_committed(records, derivations)))


def contents_of(
    records: pa.Table, derivations: pa.Table, hidden: pa.Array | None = None
) -> pa.Table:
    """Return the contents that `records` tell of, one row per content, tier and HDU.

    The columns ``purpose``, ``excluded`` and ``step`` are added. A derived content counts only
    once its derivation is committed with it: what a stopped run or the loser of a race left
    behind is no content. All records of a content must be among `records`, or none.

    Parameters
    ----------
    records : pyarrow.Table
        As from `unique_records`, with the columns of `JUDGED`.
    derivations : pyarrow.Table
        With the columns ``key``, ``step`` and ``outputs``.
    hidden : pyarrow.Array, optional
        Ids of the records that count no more: what nothing else tells of is no content.
    """
    content = telling(records, derivations)
    if hidden is not None and len(hidden):
        content = content.filter(pc.invert(is_one_of(content, hidden)))
    content = content.filter(_first_of_each(content, _IDENTITY))
    for tag in (_PURPOSE, EXCLUDED):
        content = content.append_column(tag, _latest(content, records, tag))
    steps = _looked_up(content["derivation_key"], derivations["key"], derivations["step"])
    return _with_default_purpose(content).append_column("step", steps)


def _with_default_purpose(content: pa.Table) -> pa.Table:
    """Return `content` with raw images that nobody spoke of as science."""
    is_raw = arrow.equal(content["tier"], Tier.RAW_OBSERVATIONS.value)
    unsaid = pc.and_(is_raw, pc.is_null(content[_PURPOSE]))
    purposes = pc.if_else(unsaid, arrow.scalar(PURPOSES[0], pa.string()), content[_PURPOSE])
    return content.set_column(content.schema.get_field_index(_PURPOSE), _PURPOSE, purposes)


def _first_of_each(rows: pa.Table, columns: list[str]) -> pa.Array:
    """Return a mask of the rows that are the first with their values in `columns`."""
    group = arrow.groups(rows, columns)
    mask = np.zeros(rows.num_rows, np.bool_)
    mask[_last_of_each(group[::-1], rows.num_rows - 1, -1)] = True
    return arrow.column(mask)


def _last_of_each(group: NDArray[np.int64], start: int = 0, step: int = 1) -> NDArray[np.int64]:
    """Return where each group stands last, of places that begin at `start`."""
    last = np.zeros(group.max(initial=-1) + 1, np.int64)
    last[group] = start + step * np.arange(len(group))  # of several values the last one stays
    return last


def _is_committed(records: pa.Table, derivations: pa.Table) -> pa.ChunkedArray:
    """Return which records are of a derivation that lists their content among its outputs."""
    parents = pc.list_parent_indices(derivations["outputs"])
    keys = derivations["key"].take(parents)
    committed = _joined(keys, pc.list_flatten(derivations["outputs"]))
    derived = arrow.equal(records["kind"], RecordKind.DERIVED.value)
    told = _joined(records["derivation_key"], records["content_hash"])
    return pc.and_(derived, pc.is_in(told, value_set=arrow.whole(committed)))


def _joined(keys: pa.ChunkedArray, hashes: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(keys, hashes, arrow.scalar(" ", pa.string()))


def _latest(content: pa.Table, records: pa.Table, tag: str) -> pa.ChunkedArray:
    """Return per row of `content` what the last statement about `tag` says, null where none."""
    rows = records.filter(arrow.filled(arrow.equal(records["tag"], tag), False))
    last = rows.take(arrow.column(_last_of_each(arrow.groups(rows, ["content_hash"]))))
    return _looked_up(content["content_hash"], last["content_hash"], last["said"])


def _looked_up(
    wanted: pa.ChunkedArray, keys: pa.ChunkedArray, values: pa.ChunkedArray
) -> pa.ChunkedArray:
    places = pc.index_in(wanted, value_set=arrow.whole(keys))
    return pa.chunked_array([arrow.whole(values).take(arrow.whole(places))])
