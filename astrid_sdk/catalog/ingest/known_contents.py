"""What the catalogue knew of contents when a run began: what it need not be told again."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.records import RecordKind
from astrid_sdk.tiers import Tier

_COLUMNS = ["record_id", "kind", "content_hash", "tier", "media_type", "details", "summary"]


@dataclass(slots=True)
class KnownContent:
    """What is known of one content.

    Attributes
    ----------
    record_ids : set of str
        Of the records that say where it was ingested from.
    media_type : str
    summaries : list of mappings
        What its bytes say, as the first of these records tells it.
    purpose : str or None
        What somebody said it is for.
    """

    record_ids: set[str] = field(default_factory=set)
    media_type: str = ""
    summaries: list[Mapping[str, Any]] = field(default_factory=list)
    purpose: str | None = None


class KnownContents:
    """The contents of one tier at one moment.

    Parameters
    ----------
    records : pyarrow.Table
        As `Catalog.records` returns them.
    tier : Tier
    """

    def __init__(self, records: pa.Table, tier: Tier) -> None:
        self._records = records.select(_COLUMNS)
        self._tier = tier

    @classmethod
    def of(cls, catalog: Catalog, tier: Tier) -> "KnownContents | None":
        """Return what `catalog` knows now; None where the store is away and nobody can tell."""
        try:
            return cls(catalog.records(), tier)
        except StorageUnavailableError:
            return None

    def about(self, hashes: Collection[str]) -> dict[str, KnownContent]:
        """Return what is known of those of the contents that were ingested into the tier."""
        asked = pa.array(set(hashes), pa.string())
        rows = self._records.filter(pc.is_in(self._records["content_hash"], value_set=asked))
        found: dict[str, KnownContent] = {}
        purposes: dict[str, str] = {}
        for row in rows.to_pylist():
            if row["kind"] == RecordKind.INGEST and row["tier"] == self._tier:
                _note(found.setdefault(row["content_hash"], KnownContent()), row)
            elif row["kind"] == RecordKind.TAG:
                said = json.loads(row["details"])
                if said["tag"] == "purpose":
                    purposes[row["content_hash"]] = said["value"]
        for content_hash, content in found.items():
            content.purpose = purposes.get(content_hash)
        return found


def _note(content: KnownContent, row: Mapping[str, Any]) -> None:
    """Add a row of an ingest record to what is known: a record has a row per summary."""
    is_first = content.record_ids <= {row["record_id"]}
    content.record_ids.add(row["record_id"])
    if is_first:
        content.media_type = row["media_type"]
        summary = json.loads(row["summary"])
        if summary:
            content.summaries.append(summary)
