"""What the catalogue knew of contents when a run began: what it need not be told again."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.catalog.contents import unique_records
from astrid_sdk.catalog.deleted import hidden_records, is_one_of
from astrid_sdk.catalog.lookup import codes_of
from astrid_sdk.catalog.rows import Rows
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.records import RecordKind
from astrid_sdk.tiers import Tier

_COLUMNS = ["record_id", "kind", "content_hash", "tier", "media_type", "tag", "said", "hdu_index",
            "created_at", "name", "parser_version"]  # fmt: skip


@dataclass(slots=True)
class KnownContent:
    """What is known of one content.

    Attributes
    ----------
    record_ids : set of str
        Of the records that say where it was ingested from.
    media_type : str
    places : list of int
        The rows in which the first of these records tells what its bytes say.
    parser_versions : set of (int or None)
        By which that was found out.
    purpose : str or None
        What somebody said it is for.
    """

    record_ids: set[str] = field(default_factory=set)
    media_type: str = ""
    places: list[int] = field(default_factory=list)
    parser_versions: set[int | None] = field(default_factory=set)
    purpose: str | None = None


class KnownContents:
    """The contents of one tier at one moment.

    Parameters
    ----------
    rows : Rows
        Of the ``records`` table.
    tier : Tier
    """

    def __init__(self, rows: Rows, tier: Tier) -> None:
        self._rows = rows
        self._tier = tier

    @classmethod
    def of(cls, catalog: Catalog, tier: Tier) -> "KnownContents | None":
        """Return what `catalog` knows now; None where the store is away and nobody can tell."""
        try:
            return cls(catalog.answer(lambda: catalog.snapshot().record_rows), tier)
        except StorageUnavailableError:
            return None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known at all."""
        return not self._rows.num_rows

    def about(self, hashes: Collection[str]) -> dict[str, KnownContent]:
        """Return what is known of those of the contents that were ingested into the tier.

        Nothing where the catalogue went away meanwhile: what is told twice counts once.
        """
        try:
            return self._about(hashes) if hashes and not self.is_empty else {}
        except StorageUnavailableError:
            return {}

    def _about(self, hashes: Collection[str]) -> dict[str, KnownContent]:
        asked = arrow.column(set(hashes), pa.string())
        places = self._rows.with_code(codes_of(asked))
        rows = self._rows.take(places, _COLUMNS).append_column("place", arrow.column(places))
        rows = rows.filter(pc.is_in(rows["content_hash"], value_set=asked))
        hidden = hidden_records(rows)  # they are to be told again
        rows = unique_records(rows.filter(pc.invert(is_one_of(rows, hidden))))
        found: dict[str, KnownContent] = {}
        purposes: dict[str, str] = {}
        for row in arrow.to_rows(rows):
            if row["kind"] == RecordKind.INGEST and row["tier"] == self._tier:
                _note(found.setdefault(row["content_hash"], KnownContent()), row)
            elif row["kind"] == RecordKind.TAG and row["tag"] == "purpose":
                purposes[row["content_hash"]] = row["said"]
        for content_hash, content in found.items():
            content.purpose = purposes.get(content_hash)
        return found

    def summaries(self, contents: Collection[KnownContent]) -> list[list[Mapping[str, Any]]]:
        """Return what the bytes of each of the contents say.

        Raises
        ------
        StorageUnavailableError
            The catalogue went away meanwhile.
        """
        places = [place for content in contents for place in content.places]
        told: dict[int, Mapping[str, Any]] = {}
        for some in self._rows.by_block(np.array(places, np.int64)):
            texts = self._rows.take(some, ["summary"])["summary"].to_pylist()
            told |= zip(some.tolist(), map(json.loads, texts), strict=True)
        return [[told[place] for place in content.places] for content in contents]


def _note(content: KnownContent, row: Mapping[str, Any]) -> None:
    """Add a row of an ingest record to what is known: a record has a row per summary."""
    is_first = content.record_ids <= {row["record_id"]}
    content.record_ids.add(row["record_id"])
    if is_first:
        content.media_type = row["media_type"]
        content.places.append(row["place"])
        content.parser_versions.add(row["parser_version"])
