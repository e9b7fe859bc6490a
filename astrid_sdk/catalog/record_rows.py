"""Rows of the ``records`` table: what a record says, and each thing its bytes say, in columns."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.cells import cells_of
from astrid_sdk.catalog.lookup import codes_of
from astrid_sdk.sky.footprint import separation_deg
from astrid_sdk.storage.records import Record, RecordKind

_TIME = pa.timestamp("us", tz="UTC")
_LEAST_CORNERS = 3
_PACK_DIGITS = 32
_NAMING = {RecordKind.TOMBSTONE: "records", RecordKind.RESTORE: "tombstones"}
_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

TOLD = [  # of the summary, under the same name
    pa.field("hdu_index", pa.int32()),
    pa.field("role", pa.string()),
    pa.field("object_name", pa.string()),
    pa.field("ra_deg", pa.float64()),
    pa.field("dec_deg", pa.float64()),
    pa.field("radius_deg", pa.float64()),
    pa.field("night", pa.string()),
    pa.field("night_source", pa.string()),
    pa.field("observation_time", pa.string()),
    pa.field("midpoint_mjd_tai", pa.float64()),
    pa.field("filter_band", pa.string()),
    pa.field("instrument", pa.string()),
    pa.field("detector", pa.string()),
    pa.field("survey", pa.string()),
    pa.field("observation_id", pa.string()),
    pa.field("exposure_time_s", pa.float64()),
    pa.field("pixel_scale_arcsec", pa.float64()),
    pa.field("seeing_arcsec", pa.float64()),
    pa.field("parser_version", pa.int32()),
]
SAID = [  # of the record
    pa.field("pack", pa.string()),  # see `pack_name`
    pa.field("record_id", pa.string()),
    pa.field("kind", pa.string()),
    pa.field("content_hash", pa.string()),
    pa.field("tier", pa.string()),
    pa.field("size_bytes", pa.int64()),
    pa.field("media_type", pa.string()),
    pa.field("name", pa.string()),
    pa.field("origin", pa.string()),
    pa.field("derivation_key", pa.string()),
    pa.field("created_at", _TIME),
    pa.field("author", pa.string()),
    pa.field("details", pa.string()),
    pa.field("tag", pa.string()),  # what a statement is about: a tag's name, or "excluded"
    pa.field("said", pa.string()),  # and what it says of it, or which records a deletion names
    pa.field("summary", pa.string()),
    pa.field("footprint_deg", pa.list_(pa.float64())),  # ra, dec, ra, dec, … of the corners
]
_WORKED_OUT = [
    pa.field("code", pa.int64()),  # of the content hash, see `codes_of`
    pa.field("cell", pa.int32()),  # of the sky, see `cells_of`
    pa.field("reach_deg", pa.float64()),  # from the position to the furthest corner
    pa.field("observed_at", _TIME),  # `observation_time` as a time
]
GIVEN = pa.schema([*SAID, *TOLD])
RECORDS_SCHEMA = pa.schema([*SAID, *TOLD, *_WORKED_OUT])
"""Columns of the ``records`` table: a row per record and per thing its bytes say."""

EXCLUDED = "excluded"
"""The tag of an exclusion; what it says is the reason."""

IN_SKY_ORDER = [("cell", "ascending"), ("created_at", "ascending")]


def pack_name(key: str) -> str:
    """Return what the column ``pack`` calls the record pack at `key`: half its hash, 128 bits."""
    return key.rpartition("/")[2][:_PACK_DIGITS]


def label_tag(question: str) -> str:
    """Return the tag of the labels that answer `question`: no other statement has it."""
    return f"label:{question}"


def record_table(pack: str, records: Iterable[Record]) -> pa.Table:
    """Return the rows of the records in `pack`, but for the columns that are worked out."""
    given: dict[str, list[Any]] = {field.name: [] for field in GIVEN}
    columns = list(given.values())
    for record in records:
        for row in _rows(pack_name(pack), record):
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    return pa.table({field.name: _array(given[field.name], field.type) for field in GIVEN})


def _rows(pack: str, record: Record) -> Iterator[tuple[Any, ...]]:
    """Yield a row per thing that the record's bytes say, or one where they say nothing."""
    tag, said = _statement(record)
    shared = (
        pack,
        record.record_id,
        record.kind.value,
        record.content_hash,
        record.tier.value,
        record.size_bytes,
        record.media_type,
        record.name,
        record.origin,
        record.derivation_key,
        record.created_at,
        record.author,
        _text(record.details),
        tag,
        said,
    )
    for summary in record.summaries or [{}]:
        told = [summary.get(field.name) for field in TOLD]
        told[1] = record.details.get("role") or told[1]
        yield (*shared, _text(summary), _flat(summary.get("footprint")), *told)


def _statement(record: Record) -> tuple[str | None, str | None]:
    if record.kind == RecordKind.EXCLUDE:
        return EXCLUDED, record.details["reason"]
    if record.kind == RecordKind.TAG:
        return record.details["tag"], record.details["value"]
    if record.kind == RecordKind.LABEL:
        return label_tag(record.details["question"]), record.details["value"]
    if record.kind in _NAMING:
        return None, " ".join(record.details[_NAMING[record.kind]])
    return None, None


def _text(values: Mapping[str, Any]) -> str:
    """Return canonical JSON, in which the value of a header card can be found."""
    return _encoded(dict(values)) if values else "{}"


def _flat(corners: Sequence[Sequence[float]] | None) -> list[float] | None:
    return [angle for corner in corners for angle in corner] if corners else None


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return `values` as a column; one that another release wrote in another form is unknown."""
    try:
        return arrow.column(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return arrow.column([_fitting(value, kind) for value in values], kind)


def _fitting(value: object, kind: pa.DataType) -> object:
    try:
        return arrow.to_list(arrow.column([value], kind))[0]
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None


def completed(told: pa.Table) -> pa.Table:
    """Return the columns of `RECORDS_SCHEMA`: those given, and those worked out of them."""
    ra, dec = (np.asarray(arrow.to_numpy(told[name]), float) for name in ("ra_deg", "dec_deg"))
    reach = _reach(told, ra, dec)
    worked_out = {
        "code": arrow.column(codes_of(told["content_hash"])),
        "cell": arrow.column(cells_of(ra, dec, reach)),
        "reach_deg": arrow.column(reach),
        "observed_at": times_of(told["observation_time"]),
    }
    for name, values in worked_out.items():
        told = told.append_column(name, values)
    return told.select(RECORDS_SCHEMA.names).cast(RECORDS_SCHEMA)


def _reach(told: pa.Table, ra: NDArray[Any], dec: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far each row reaches from its position: what is told, or more by its corners."""
    reach = np.nan_to_num(arrow.to_numpy(told["radius_deg"]))
    for rows, corners in footprints_of(told["footprint_deg"]):
        centre = (ra[rows, np.newaxis], dec[rows, np.newaxis])
        furthest = separation_deg(corners[..., 0], corners[..., 1], *centre).max(axis=1)
        reach[rows] = np.fmax(reach[rows], furthest)
    return np.asarray(reach, np.float64)


def footprints_of(
    column: pa.ChunkedArray,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield the rows that have a footprint, those of as many corners together.

    Yields
    ------
    rows : ndarray, shape (n,)
    corners : ndarray, shape (n, k, 2)
    """
    lengths = arrow.to_numpy(arrow.filled(pc.list_value_length(column), 0))
    for length in np.unique(lengths[lengths >= 2 * _LEAST_CORNERS]):
        rows = np.flatnonzero(lengths == length)
        angles = arrow.to_numpy(pc.list_flatten(column.take(arrow.column(rows))))
        yield rows, np.asarray(angles, float).reshape(len(rows), -1, 2)


def times_of(texts: pa.ChunkedArray) -> pa.Array:
    """Return ISO texts as times; what is no time is unknown."""
    distinct = pc.unique(texts)
    times = arrow.column([_time(text) for text in distinct.to_pylist()], _TIME)
    return times.take(arrow.whole(pc.index_in(texts, value_set=distinct)))


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
