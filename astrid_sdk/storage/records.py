"""Records: what happened to which content, one immutable JSON line each, written in packs.

A pack is an object ``_records/<hash[:2]>/<hash>.ndjson`` of at most 1,000 lines, named by the
SHA-256 of its own bytes, created once and never changed (format version 1). Everything the
catalogue knows about stored content can be rebuilt from the packs.
"""

import enum
import getpass
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import TYPE_CHECKING, Any

from astrid_sdk.canonical import JsonValue, WrittenArray, canonical_json, json_hash, sha256_hex
from astrid_sdk.errors import CorruptionError, InvalidInputError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Get, ListPage, Put, Written
from astrid_sdk.storage.parallel import batched
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.storage.tombstones import Tombstones

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
    LABEL = "label"  # somebody's answer to `details["question"]` is `details["value"]`, null: none
    TOMBSTONE = "tombstone"  # somebody deleted it: the records `details["records"]` count no more
    RESTORE = "restore"  # and back: the tombstones `details["tombstones"]` count no more


STATEMENTS = frozenset(RecordKind) - {RecordKind.INGEST, RecordKind.DERIVED}


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
        What a statement says: a tag and its value, an exclusion and its reason, a label.
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
    _id: str = field(default="", init=False, repr=False, compare=False)

    @property
    def record_id(self) -> str:
        """SHA-256 of what makes the event this event: the same event twice is one record.

        Statements of people (all kinds but the first two) count author, content and time too.
        """
        if not self._id:
            object.__setattr__(self, "_id", self._found_id())
        return self._id

    def _found_id(self) -> str:
        if self.kind in STATEMENTS:
            said: list[Any] = [self.author, dict(self.details), _utc_text(self.created_at)]
            return json_hash([*self._identity, *said])
        return sha256_hex(f"[{','.join(map(_quoted, self._identity))}]".encode("ascii"))

    @property
    def _identity(self) -> tuple[str, str, str, str]:
        named = self.origin or self.derivation_key
        return self.kind.value, self.content_hash, self.tier.value, named

    def to_line(self) -> bytes:
        """Return the record as one line of canonical JSON, without the line feed."""
        return self.line_with(self.record_id)

    def line_with(self, record_id: str) -> bytes:
        """Return the line where the record's id is known; see `to_line`.

        It is `canonical_json` written out, because a batch makes thousands of them.
        """
        return (
            f'{{"author":{_quoted(self.author)},'
            f'"content_hash":{_quoted(self.content_hash)},'
            f'"created_at":"{_utc_text(self.created_at)}",'
            f'"derivation_key":{_quoted(self.derivation_key)},'
            f'"details":{_text(dict(self.details))},'
            f'"format_version":{FORMAT_VERSION},'
            f'"kind":"{self.kind.value}",'
            f'"media_type":{_quoted(self.media_type)},'
            f'"name":{_quoted(self.name)},'
            f'"origin":{_quoted(self.origin)},'
            f'"record_id":"{record_id}",'
            f'"size_bytes":{self.size_bytes},'
            f'"summaries":{_array_text(self.summaries)},'
            f'"tier":"{self.tier.value}"}}'
        ).encode("ascii")

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
    tombstones : Tombstones, optional
        What writers look into, so that a content that is stored again is visible again.
    """

    def __init__(
        self, storage: ObjectStorage, bucket: str, tombstones: "Tombstones | None" = None
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self.tombstones = tombstones

    def append(self, records: Iterable[Record]) -> list[str]:
        """Write `records` as packs, in order, and return the packs' keys."""
        return [written.key for written in self.write(records)]

    def write(self, records: Iterable[Record]) -> list[Written]:
        """Write `records` as packs and return, in order, what became of each pack.

        Several packs are sent side by side. When one fails, the first failure is raised and the
        others may be written or not: a record that is written twice counts once.
        """
        return self.write_lines(record.to_line() for record in records)

    def restore(self, told: Iterable[Record]) -> bool:
        """Make contents visible again that were deleted, and that `told` says were stored since.

        Returns
        -------
        bool
            Whether what was recorded waits in the outbox of this machine.
        """
        if self.tombstones is None:
            return False
        restores = self.tombstones.restores(told)
        if not restores:
            return False
        is_spooled = any(written.is_spooled for written in self.write(restores))
        if not is_spooled:
            self.tombstones.remember(restores)
        return is_spooled

    def write_lines(self, lines: Iterable[bytes]) -> list[Written]:
        """Write lines of `Record.to_line` as packs; see `write`."""
        puts = [self._put(pack) for pack in batched(lines, PACK_LINES)]
        if len(puts) == 1:
            return [self._storage.perform(puts[0])]
        outcomes = list(self._storage.perform_many(puts))
        done = {outcome.operation.where: outcome.value() for outcome in outcomes}
        return [done[put.key] for put in puts]

    def packs(self) -> list[str]:
        """Return the keys of all packs, in byte order; what a file manager left there is none.

        Where they are more than a page, those of each first digit are listed side by side.
        """
        page = self._storage.perform(ListPage(bucket=self._bucket, prefix=PREFIX))
        listed = [found.key for found in page.objects]
        if page.next_token is not None:
            listed = self._listed_side_by_side()
        return [key for key in listed if _PACK_KEY.fullmatch(key)]

    def _listed_side_by_side(self) -> list[str]:
        found: list[str] = []
        waiting = [ListPage(bucket=self._bucket, prefix=f"{PREFIX}{n:x}") for n in range(16)]
        while waiting:
            outcomes = list(self._storage.perform_many(waiting))
            pages = [(outcome.operation, outcome.value()) for outcome in outcomes]
            found.extend(listed.key for _, page in pages for listed in page.objects)
            waiting = [
                replace(request, token=page.next_token)
                for request, page in pages
                if isinstance(request, ListPage) and page.next_token is not None
            ]
        return sorted(found)

    def read(self, pack: str) -> list[Record]:
        """Return the records of the pack at key `pack`; see `lines`."""
        return [Record.from_line(line) for line in self.lines(pack)]

    def lines(self, pack: str) -> list[bytes]:
        """Return the lines of the pack at key `pack`, without line feeds.

        Raises
        ------
        CorruptionError
            The pack's bytes are not the ones its name says.
        """
        content = self._storage.perform(Get(bucket=self._bucket, key=pack)).data
        if pack != _key_of(sha256_hex(content)):
            raise CorruptionError(
                f"record pack {pack} does not hold the bytes its name says: restore it from a "
                "copy of the bucket; nothing was read from it"
            )
        return content.splitlines()

    def _put(self, lines: Sequence[bytes]) -> Put:
        content = b"\n".join((*lines, b""))
        digest = sha256_hex(content)
        return Put(
            bucket=self._bucket,
            key=_key_of(digest),
            data=content,
            content_type="application/x-ndjson",
            create_only=True,
            content_hash=digest,
        )


def _text(value: JsonValue) -> str:
    return canonical_json(value).decode("ascii") if value else str(value)


def _array_text(summaries: Sequence[Mapping[str, Any]]) -> str:
    if isinstance(summaries, WrittenArray):
        return summaries.text
    return _text([dict(summary) for summary in summaries])


def _utc_text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat()


def _key_of(digest: str) -> str:
    return f"{PREFIX}{digest[:2]}/{digest}.ndjson"
