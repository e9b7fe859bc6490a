"""Records: what happened to which content, one immutable JSON line each, written in packs.

A pack is an object ``_records/<hash[:2]>/<hash>.ndjson`` of at most 1,000 lines, named by the
SHA-256 of its own bytes, created once and never changed (format version 1). Everything the
catalogue knows about stored content can be rebuilt from the packs.
"""

import enum
import getpass
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from astrid_sdk.canonical import canonical_json, json_hash, sha256_hex
from astrid_sdk.errors import CorruptionError, InvalidInputError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
PACK_LINES = 1_000
PREFIX = "_records/"
_PACK_KEY = re.compile(r"_records/[0-9a-f]{2}/[0-9a-f]{64}\.ndjson")


class RecordKind(enum.StrEnum):
    """What a record says happened."""

    INGEST = "ingest"  # content came from outside: `origin` says from where
    DERIVED = "derived"  # content was computed: `derivation_key` says how
    TAG = "tag"  # somebody said that the content's `details["tag"]` is `details["value"]`
    EXCLUDE = "exclude"  # somebody excluded it for `details["reason"]`, or took that back with null


STATEMENTS = frozenset({RecordKind.TAG, RecordKind.EXCLUDE})


def current_author() -> str:
    """Return the login name, or "unknown" where the machine has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


@dataclass(frozen=True, slots=True)
class Record:
    """One event in the life of one content.

    Attributes
    ----------
    kind : RecordKind
    content_hash : str
        64 lower-case hex digits.
    tier : Tier
    size_bytes : int
    media_type : str
    name : str
        What people call it; a relative path is welcome.
    origin : str
        Where it was ingested from, "" for derived content.
    derivation_key : str
        The derivation that made it, "" for ingested content.
    created_at : datetime
        Aware UTC time of the event.
    author : str
        Who did it.
    details : mapping
        What a statement says: a tag and its value, an exclusion and its reason.
    summaries : sequence of mappings
        What the bytes say (`astrid_sdk.sky.summary`): re-computable, never part of the identity.
    """

    kind: RecordKind
    content_hash: str
    tier: Tier
    size_bytes: int
    media_type: str
    name: str
    origin: str = ""
    derivation_key: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    author: str = field(default_factory=current_author)
    details: Mapping[str, Any] = field(default_factory=dict)
    summaries: Sequence[Mapping[str, Any]] = ()

    @property
    def record_id(self) -> str:
        """SHA-256 of what makes the event this event: the same event twice is one record.

        Statements of people (tag, exclude) count author, content and time too.
        """
        identity: list[Any] = [
            self.kind.value,
            self.content_hash,
            self.tier.value,
            self.origin or self.derivation_key,
        ]
        if self.kind in STATEMENTS:
            identity += [self.author, dict(self.details), _utc_text(self.created_at)]
        return json_hash(identity)

    def to_line(self) -> bytes:
        """Return the record as one line of canonical JSON, without the line feed."""
        return canonical_json(
            {
                "format_version": FORMAT_VERSION,
                "record_id": self.record_id,
                "kind": self.kind.value,
                "content_hash": self.content_hash,
                "tier": self.tier.value,
                "size_bytes": self.size_bytes,
                "media_type": self.media_type,
                "name": self.name,
                "origin": self.origin,
                "derivation_key": self.derivation_key,
                "created_at": _utc_text(self.created_at),
                "author": self.author,
                "details": dict(self.details),
                "summaries": [dict(summary) for summary in self.summaries],
            }
        )

    @classmethod
    def from_line(cls, line: bytes) -> "Record":
        """Return the record that `to_line` wrote.

        Raises
        ------
        InvalidInputError
            The line is of a later format version, or of a kind or tier that this release does
            not know (``kind="format_version"``).
        """
        value = json.loads(line)
        known = value["kind"] in set(RecordKind) and value["tier"] in set(Tier)
        if value["format_version"] != FORMAT_VERSION or not known:
            raise InvalidInputError(
                f"a record of format version {value['format_version']}, kind {value['kind']} was "
                "written by a later release: upgrade astrid-sdk to read it",
                kind="format_version",
            )
        return cls(
            kind=RecordKind(value["kind"]),
            content_hash=value["content_hash"],
            tier=Tier(value["tier"]),
            size_bytes=value["size_bytes"],
            media_type=value["media_type"],
            name=value["name"],
            origin=value["origin"],
            derivation_key=value["derivation_key"],
            created_at=datetime.fromisoformat(value["created_at"]),
            author=value["author"],
            details=value["details"],
            summaries=tuple(value["summaries"]),
        )


class RecordLog:
    """The packs of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def append(self, records: Iterable[Record]) -> list[str]:
        """Write `records` as packs, in order, and return the packs' keys."""
        return [self._write(pack) for pack in _batched(records, PACK_LINES)]

    def packs(self) -> list[str]:
        """Return the keys of all packs, in byte order; what a file manager left there is none."""
        listed = self._storage.list_files(self._bucket, PREFIX)
        return [key for key in listed if _PACK_KEY.fullmatch(key)]

    def read(self, pack: str) -> list[Record]:
        """Return the records of the pack at key `pack`.

        Raises
        ------
        CorruptionError
            The pack's bytes are not the ones its name says.
        """
        content = self._storage.download_file(self._bucket, pack)
        if pack != _key(content):
            raise CorruptionError(
                f"record pack {pack} does not hold the bytes its name says: restore it from a "
                "copy of the bucket; nothing was read from it"
            )
        return [Record.from_line(line) for line in content.splitlines()]

    def _write(self, records: Sequence[Record]) -> str:
        content = b"".join(record.to_line() + b"\n" for record in records)
        return self._storage.upload_file(
            self._bucket, _key(content), content, "application/x-ndjson", create_only=True
        )


def _batched(records: Iterable[Record], size: int) -> Iterator[tuple[Record, ...]]:
    remaining = iter(records)
    while batch := tuple(islice(remaining, size)):
        yield batch


def _utc_text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat()


def _key(content: bytes) -> str:
    digest = sha256_hex(content)
    return f"{PREFIX}{digest[:2]}/{digest}.ndjson"
