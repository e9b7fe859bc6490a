"""Rows of record packs for the ``records`` table.

Most lines of most packs are alike: a file came in, and its bytes say one thing, or nothing. Arrow
reads such lines into columns a thousand at a time. What is not plainly so is read as records, one
by one.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from astrid_sdk import arrow
from astrid_sdk.catalog.record_rows import (
    GIVEN,
    IN_SKY_ORDER,
    TOLD,
    completed,
    pack_name,
    record_table,
    times_of,
)
from astrid_sdk.storage.records import FORMAT_VERSION, Record, RecordKind
from astrid_sdk.tiers import Tier

_BEGIN = b'{"author":'
_KIND = f'"details":{{}},"format_version":{FORMAT_VERSION},"kind":"{RecordKind.INGEST}",'.encode()
_SUMMARIES, _ENDS = b',"summaries":[', tuple(f'],"tier":"{tier}"}}'.encode() for tier in Tier)
_MOST_BYTES = 1 << 28
_SILENT = b',"summaries":[],"tier":"'
_WORDS = ("author", "content_hash", "created_at", "derivation_key", "media_type", "name", "origin",
          "record_id", "tier")  # fmt: skip
_SUMMARY = pa.struct([*TOLD, pa.field("footprint", pa.list_(pa.list_(pa.float64())))])
_LINE = pa.schema(
    [
        *(pa.field(word, pa.string()) for word in _WORDS),
        pa.field("size_bytes", pa.int64()),
        pa.field("summaries", pa.list_(_SUMMARY)),
    ]
)
_Given: TypeAlias = Callable[[pa.Table, Sequence[bytes]], dict[str, pa.Array] | None]
_READ = pyarrow.json.ParseOptions(explicit_schema=_LINE, unexpected_field_behavior="ignore")


def pack_table(packs: Iterable[tuple[str, Sequence[bytes]]]) -> pa.Table:
    """Return the rows of `packs`, pairs of a pack's key and its lines, as `RECORDS_SCHEMA` says.

    They are in the order of their place on the sky.

    Raises
    ------
    InvalidInputError
        A later release wrote one of the lines; see `Record.from_line`.
    """
    tables = [table for pack, lines in packs for table in _tables(pack, lines)]
    return completed(pa.concat_tables([arrow.empty(GIVEN), *tables])).sort_by(IN_SKY_ORDER)


def _tables(pack: str, lines: Sequence[bytes]) -> Iterator[pa.Table]:
    telling: list[bytes] = []
    silent: list[bytes] = []
    others: list[bytes] = []
    for line in lines:
        alike = others if not _is_plain(line) else silent if _SILENT in line else telling
        alike.append(line)
    for group, given_by in ((telling, _told), (silent, _silent)):
        table = _plain_table(pack, group, given_by)
        if table is None:
            others += group
        else:
            yield table
    if others:
        yield record_table(pack, map(Record.from_line, others))


def _is_plain(line: bytes) -> bool:
    """Return whether a line is as `Record.to_line` writes it of a file that came in.

    Within texts quotes are escaped: what is looked for is no part of one.
    """
    summaries = line.find(_SUMMARIES)
    return (
        line.startswith(_BEGIN)
        and line.endswith(_ENDS)
        and line.count(_SUMMARIES) == 1
        and line.find(_KIND, 0, summaries) > 0
    )


def _plain_table(pack: str, lines: Sequence[bytes], given_by: _Given) -> pa.Table | None:
    """Return the rows of plain lines of one kind; None where one of them is odd."""
    read = _read(lines)
    if read is None:
        return None
    given = given_by(read, lines)
    if given is None:
        return None
    count = len(lines)
    columns = {
        **{name: read[name] for name in (*_WORDS, "size_bytes")},
        **given,
        "created_at": times_of(read["created_at"]),
        "pack": _repeated(pack_name(pack), count),
        "kind": _repeated(RecordKind.INGEST.value, count),
        "details": _repeated("{}", count),
        "tag": pa.nulls(count, pa.string()),
        "said": pa.nulls(count, pa.string()),
    }
    return pa.table({name: columns[name] for name in GIVEN.names}, GIVEN)


def _told(read: pa.Table, lines: Sequence[bytes]) -> dict[str, pa.Array] | None:
    """Return what the bytes say; None where a line has not one summary."""
    if (arrow.to_numpy(pc.list_value_length(read["summaries"])) != 1).any():
        return None
    told = arrow.whole(pc.list_flatten(read["summaries"]))
    if told.null_count:
        return None
    given = dict(zip(_SUMMARY.names, told.flatten(), strict=True))
    given["summary"] = arrow.column([_summary_text(line) for line in lines], pa.string())
    given["footprint_deg"] = _flat(given["footprint"])
    return given


def _silent(_read: pa.Table, lines: Sequence[bytes]) -> dict[str, pa.Array]:
    """Return what the bytes say where they say nothing."""
    given = {field.name: pa.nulls(len(lines), field.type) for field in TOLD}
    given["summary"] = _repeated("{}", len(lines))
    given["footprint_deg"] = pa.nulls(len(lines), GIVEN.field("footprint_deg").type)
    return given


def _read(lines: Sequence[bytes]) -> pa.Table | None:
    content = b"\n".join(lines)
    if not 0 < len(content) < _MOST_BYTES:
        return None
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(content) + 1)
    try:
        return pyarrow.json.read_json(io.BytesIO(content), options, _READ)
    except pa.ArrowInvalid:  # a value that another release wrote in another form
        return None


def _summary_text(line: bytes) -> str:
    """Return the one summary as it stands, which is canonical JSON."""
    start = line.index(_SUMMARIES) + len(_SUMMARIES)
    return line[start : line.rindex(_ENDS[0][:9])].decode("ascii")


def _repeated(text: str, count: int) -> pa.Array:
    return pa.repeat(arrow.scalar(text, pa.string()), count)


def _flat(corners: pa.ListArray) -> pa.Array:
    """Return lists of ra, dec, ra, dec, … of lists of pairs; null where there is none."""
    pairs = corners.values
    ends = arrow.to_numpy(pairs.offsets)[arrow.to_numpy(corners.offsets)]
    is_none = arrow.to_numpy(arrow.filled(pc.list_value_length(corners), 0)) == 0
    return pa.ListArray.from_arrays(
        arrow.column(ends, pa.int32()), pairs.values, mask=arrow.column(is_none)
    )
