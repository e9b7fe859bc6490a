"""The catalogue's tables: Delta Lake under ``_catalog/``, an index that can be deleted.

Two tables: ``records`` (a row per record and per thing its bytes say: a file with three images is
three rows) and ``derivations``. What is true stands in the record packs and derivation objects;
`Catalog.refresh` indexes those it has not seen, whoever wrote them, in one commit per table.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from astrid_sdk.catalog.derivations import Derivation, Derivations
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.records import Record, RecordLog

_SUMMARY_FIELDS = [
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
    pa.field("exposure_time_s", pa.float64()),
    pa.field("pixel_scale_arcsec", pa.float64()),
]
RECORDS_SCHEMA = pa.schema(
    [
        pa.field("pack", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("content_hash", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("size_bytes", pa.int64()),
        pa.field("media_type", pa.string()),
        pa.field("name", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("derivation_key", pa.string()),
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
        pa.field("author", pa.string()),
        pa.field("details", pa.string()),
        pa.field("summary", pa.string()),
        *_SUMMARY_FIELDS,
    ]
)
DERIVATIONS_SCHEMA = pa.schema(
    [pa.field(name, pa.string()) for name in ("key", "step", "refusal", "object")]
)


class Catalog:
    """An index over the records and derivations of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    records : RecordLog
    derivations : Derivations
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        records: RecordLog,
        derivations: Derivations,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._log = records
        self._derivations = derivations

    def refresh(self) -> None:
        """Index the packs and derivations that were not seen yet, wherever they were written."""
        self._index("records", RECORDS_SCHEMA, "pack", self._log.packs, self._record_rows)
        self._index(
            "derivations", DERIVATIONS_SCHEMA, "key", self._derivations.keys, self._derivation_rows
        )

    def records(self) -> pa.Table:
        """Return every row of the ``records`` table, each record once, after a refresh.

        A pack that two processes indexed at the same moment stands in the table twice.
        """
        self.refresh()
        rows = self._read("records", RECORDS_SCHEMA)
        seen: set[tuple[str, int | None]] = set()
        keep = []
        pairs = zip(rows["record_id"].to_pylist(), rows["hdu_index"].to_pylist(), strict=True)
        for pair in pairs:
            keep.append(pair not in seen)
            seen.add(pair)
        return rows.filter(pa.array(keep, pa.bool_()))

    def derivations(self) -> list[Derivation]:
        """Return every derivation, oldest first, after a refresh."""
        self.refresh()
        rows = self._read("derivations", DERIVATIONS_SCHEMA)
        found = dict(zip(rows["key"].to_pylist(), rows["object"].to_pylist(), strict=True))
        known = [Derivation.from_bytes(text.encode(), reused=True) for text in found.values()]
        return sorted(known, key=lambda derivation: (derivation.created_at, derivation.key))

    def resolve(self, prefix: str) -> str:
        """Return the content hash that starts with `prefix`, of at least eight digits.

        Raises
        ------
        InvalidInputError
            `prefix` is too short, or several hashes start with it.
        NotFoundError
            No stored content starts with it.
        """
        short = prefix.rpartition("@")[2].lower()  # tables show name@hash8
        if len(short) < 8:
            raise InvalidInputError(f"{prefix!r} is too short: give at least 8 digits of the hash")
        known = set(self.records()["content_hash"].to_pylist())
        found = sorted(content_hash for content_hash in known if content_hash.startswith(short))
        if not found:
            raise NotFoundError(f"nothing stored has a hash that starts with {short!r}")
        if len(found) > 1:
            raise InvalidInputError(f"{len(found)} hashes start with {short!r}: give more digits")
        return found[0]

    def _index(
        self,
        table: str,
        schema: pa.Schema,
        column: str,
        listing: Callable[[], list[str]],
        rows_of: Callable[[str], Iterable[Mapping[str, Any]]],
    ) -> None:
        present = listing()
        seen = set(self._read(table, schema, [column])[column].to_pylist()) if present else set()
        new = [row for name in present if name not in seen for row in rows_of(name)]
        if new:
            self._append(table, pa.Table.from_pylist(new, schema=schema))

    def _record_rows(self, pack: str) -> list[dict[str, Any]]:
        return [row for record in self._log.read(pack) for row in _rows(pack, record)]

    def _derivation_rows(self, key: str) -> list[dict[str, Any]]:
        found = self._derivations.find(key)
        if found is None:  # deleted between the listing and now
            return []
        return [
            {
                "key": key,
                "step": found.step,
                "refusal": found.refusal,
                "object": found.to_bytes().decode(),
            }
        ]

    def _read(self, table: str, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
        location = self._storage.table_location(self._bucket, table)
        try:
            delta = DeltaTable(location.uri, storage_options=location.reveal_options())
        except TableNotFoundError:
            wanted = schema if columns is None else pa.schema([schema.field(c) for c in columns])
            return wanted.empty_table()
        return pa.table(delta.to_pyarrow_table(columns=columns))

    def _append(self, table: str, rows: pa.Table) -> None:
        location = self._storage.table_location(self._bucket, table)
        try:
            write_deltalake(
                location.uri, rows, mode="append", storage_options=location.reveal_options()
            )
        except CommitFailedError:  # two processes created the table at once: now it is there
            write_deltalake(
                location.uri, rows, mode="append", storage_options=location.reveal_options()
            )


def _rows(pack: str, record: Record) -> Iterable[dict[str, Any]]:
    """Yield a row per thing that the record's bytes say, or one row where they say nothing."""
    shared = {
        "pack": pack,
        "record_id": record.record_id,
        "kind": record.kind.value,
        "content_hash": record.content_hash,
        "tier": record.tier.value,
        "size_bytes": record.size_bytes,
        "media_type": record.media_type,
        "name": record.name,
        "origin": record.origin,
        "derivation_key": record.derivation_key,
        "created_at": record.created_at,
        "author": record.author,
        "details": json.dumps(dict(record.details), sort_keys=True),
    }
    for summary in record.summaries or [{}]:
        told = {field.name: summary.get(field.name) for field in _SUMMARY_FIELDS}
        role = record.details.get("role") or told["role"]
        yield {**shared, "summary": json.dumps(dict(summary)), **told, "role": role}
