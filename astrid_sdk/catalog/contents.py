"""Contents: what is stored, each content once, with what people said of it."""

import json

import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk.storage.records import RecordKind
from astrid_sdk.tiers import Tier

PURPOSES = ("science", "reference")
"""What a raw frame is for; the first is meant where nobody said."""

_IDENTITY = ["content_hash", "tier", "hdu_index"]


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


def contents_of(records: pa.Table, derivations: pa.Table) -> pa.Table:
    """Return the contents that `records` tell of, one row per content, tier and HDU.

    The columns ``purpose`` and ``excluded`` are added. A derived content counts only once its
    derivation is committed with it: what a stopped run or the loser of a race left behind is no
    content.

    Parameters
    ----------
    records : pyarrow.Table
        As from `unique_records`.
    derivations : pyarrow.Table
        With the columns ``key`` and ``outputs``.
    """
    ingested = pc.equal(records["kind"], RecordKind.INGEST.value)
    content = records.filter(pc.or_(ingested, _is_committed(records, derivations)))
    content = content.filter(_first_of_each(content, _IDENTITY))
    for column, kind in (("purpose", RecordKind.TAG), ("excluded", RecordKind.EXCLUDE)):
        said = _latest(records, kind)
        place = pc.index_in(content["content_hash"], value_set=pa.array(said, pa.string()))
        values = pa.array(said.values(), pa.string())
        content = content.append_column(column, values.take(place.combine_chunks()))
    return _with_default_purpose(content)


def _with_default_purpose(content: pa.Table) -> pa.Table:
    """Return `content` with raw images that nobody spoke of as science."""
    is_raw = pc.equal(content["tier"], Tier.RAW_OBSERVATIONS.value)
    unsaid = pc.and_(is_raw, pc.is_null(content["purpose"]))
    purposes = pc.if_else(unsaid, PURPOSES[0], content["purpose"])
    return content.set_column(content.schema.get_field_index("purpose"), "purpose", purposes)


def _first_of_each(rows: pa.Table, columns: list[str]) -> pa.Array:
    places = pa.array(range(rows.num_rows), pa.int64())
    numbered = rows.select(columns).append_column("place", places)
    first = numbered.group_by(columns).aggregate([("place", "min")])["place_min"]
    return pc.is_in(places, value_set=first)


def _is_committed(records: pa.Table, derivations: pa.Table) -> pa.Array:
    parents = pc.list_parent_indices(derivations["outputs"])
    keys = derivations["key"].take(parents)
    committed = _joined(keys, pc.list_flatten(derivations["outputs"]))
    told = _joined(records["derivation_key"], records["content_hash"])
    return pc.is_in(told, value_set=committed)


def _joined(keys: pa.ChunkedArray, hashes: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(keys, hashes, " ")


def _latest(records: pa.Table, kind: RecordKind) -> dict[str, str | None]:
    """Return per content hash what the last statement of `kind` says: a purpose, or a reason."""
    rows = records.filter(pc.equal(records["kind"], kind.value))
    said: dict[str, str | None] = {}
    pairs = zip(rows["content_hash"].to_pylist(), rows["details"].to_pylist(), strict=True)
    for content_hash, text in pairs:
        details = json.loads(text)
        if kind == RecordKind.EXCLUDE:
            said[content_hash] = details["reason"]
        elif details["tag"] == "purpose":
            said[content_hash] = details["value"]
    return said
