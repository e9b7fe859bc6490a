"""The catalogue's tables: Delta Lake under ``_catalog/``, an index that can be deleted.

Two tables: ``records`` (a row per record and per thing its bytes say: a file with three images is
three rows) and ``derivations``. What is true stands in the record packs and derivation objects.
"""

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk.catalog.contents import contents_of, unique_derivations, unique_records
from astrid_sdk.catalog.derivations import Derivation, Derivations
from astrid_sdk.catalog.index_table import IndexTable
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.records import Record, RecordLog

SHORTEST_PREFIX = 8
"""Digits of a content hash that a person must give at least."""

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
        pa.field("footprint_deg", pa.list_(pa.float64())),  # ra, dec, ra, dec, … of the corners
        *_SUMMARY_FIELDS,
    ]
)
DERIVATIONS_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("step", pa.string()),
        pa.field("refusal", pa.string()),
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
        pa.field("outputs", pa.list_(pa.string())),
        pa.field("object", pa.string()),
    ]
)


class Catalog:
    """An index over the records and derivations of one bucket.

    Every answer counts what is stored at that moment, whoever stored it: the packs and derivation
    objects are listed, and those not seen yet are indexed in one commit per table.

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
        self._log = records
        self._derivations = derivations
        self._record_table = IndexTable(storage, bucket, "records", RECORDS_SCHEMA)
        self._derivation_table = IndexTable(storage, bucket, "derivations", DERIVATIONS_SCHEMA)
        self._view: _View | None = None

    def refresh(self) -> None:
        """Index the packs and derivations that were not seen yet, wherever they were written."""
        self._current()

    def records(self) -> pa.Table:
        """Return every row of the ``records`` table, each record once, oldest first."""
        return self._current().records

    def contents(self) -> pa.Table:
        """Return what is stored, a row per content, tier and HDU; see `contents_of`."""
        return self._current().contents

    def derivations(self) -> list[Derivation]:
        """Return every derivation, oldest first."""
        rows = self._current().derivations
        objects = rows["object"].to_pylist()
        return [Derivation.from_bytes(text.encode(), reused=True) for text in objects]

    def derivation_objects(self) -> dict[str, str]:
        """Return the derivation objects as text, by key: to read some of very many."""
        rows = self._current().derivations
        return dict(zip(rows["key"].to_pylist(), rows["object"].to_pylist(), strict=True))

    def resolve(self, prefix: str) -> str:
        """Return the content hash that starts with `prefix`, of at least eight digits.

        Parameters
        ----------
        prefix : str
            Tables show ``name@hash8``: that will do.

        Raises
        ------
        InvalidInputError
            `prefix` is too short, or several hashes start with it.
        NotFoundError
            No stored content starts with it.
        """
        short = prefix.rpartition("@")[2].strip().lower()
        if len(short) < SHORTEST_PREFIX:
            raise InvalidInputError(
                f"{prefix!r} is too short: give at least {SHORTEST_PREFIX} digits of the hash",
                kind="short_prefix",
            )
        known = pc.unique(self.contents()["content_hash"])
        found = known.filter(pc.starts_with(known, pattern=short)).to_pylist()
        if not found:
            raise NotFoundError(f"nothing stored has a hash that starts with {short!r}")
        if len(found) > 1:
            raise InvalidInputError(
                f"{len(found)} hashes start with {short!r}: give more digits", kind="ambiguous"
            )
        return str(found[0])

    def _current(self) -> "_View":
        # Packs are listed before derivations: a record is written before what commits it.
        records = self._record_table.rows(self._log.packs(), self._record_rows)
        keys = self._derivations.keys()
        derivations = self._derivation_table.rows(keys, self._derivation_rows)
        view = self._view
        if view is None or not view.shows(records, derivations):
            view = self._view = _View(records, derivations)
        return view

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
                "created_at": found.created_at,
                "outputs": [output.content_hash for output in found.outputs],
                "object": found.to_bytes().decode(),
            }
        ]


class _View:
    """What the rows of both tables say, each part worked out when it is first asked for."""

    def __init__(self, record_rows: pa.Table, derivation_rows: pa.Table) -> None:
        self._record_rows = record_rows
        self._derivation_rows = derivation_rows

    def shows(self, record_rows: pa.Table, derivation_rows: pa.Table) -> bool:
        return self._record_rows is record_rows and self._derivation_rows is derivation_rows

    @cached_property
    def records(self) -> pa.Table:
        return unique_records(self._record_rows)

    @cached_property
    def derivations(self) -> pa.Table:
        return unique_derivations(self._derivation_rows)

    @cached_property
    def contents(self) -> pa.Table:
        return contents_of(self.records, self.derivations)


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
        told["role"] = record.details.get("role") or told["role"]
        corners = summary.get("footprint")
        flat = [angle for corner in corners for angle in corner] if corners else None
        yield {**shared, "summary": json.dumps(dict(summary)), "footprint_deg": flat, **told}
