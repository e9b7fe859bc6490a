"""What a line of the audit says (format version 1): canonical enough to be hashed, one per batch.

Every line is a JSON object with ``kind``, ``seq`` (from 1 without a gap, per writer), ``at`` and
``prev``, the SHA-256 of the line before without its line feed. The kinds:

begin    the writer's first line: its name, ``format_version``, the machine and the process
intent   what is about to be done: ``ops``, each ``[verb, key, size_bytes, content_hash, detail]``;
         who asked, through which face
outcome  what became of the intent ``of``: ``done`` (true, or the places of those that were),
         ``told`` (place to what became of the others), ``requests`` (the server's names)
anchor   the newest lines of other writers, as ``heads``: writer to ``[seq, hash]``

An operation of an intent that no outcome tells of is unknown: it may have been done.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from astrid_sdk import observe
from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage.operations import Operation

FORMAT_VERSION = 1
PREFIX = "_audit/"
ORIGIN = "0" * 64
"""What the first line of a writer follows."""

BEGIN, INTENT, OUTCOME, ANCHOR = "begin", "intent", "outcome", "anchor"
_EVERY = frozenset({"kind", "seq", "prev", "at"})
_NEEDED = {
    BEGIN: frozenset({"writer"}),
    INTENT: frozenset({"who", "face", "bucket", "ops"}),
    OUTCOME: frozenset({"of", "done"}),
    ANCHOR: frozenset({"heads"}),
}
_encoded = json.JSONEncoder(separators=(",", ":")).encode

Planned = Sequence[Any]
"""One operation in an intent: verb, key, size_bytes, content hash or "", detail or ""."""


@dataclass(frozen=True, slots=True)
class Actor:
    """For whom something is done, and by which face it came.

    Attributes
    ----------
    who : str
        The login, or what the face calls its caller.
    face : str
        ``"sdk"``, ``"cli"``, ``"dagster"`` or ``"rest"``.
    call_id : str
        What the face calls the work; "" where it does not.
    """

    who: str
    face: str
    call_id: str = ""

    def told(self) -> dict[str, str]:
        """Return what an intent says of it."""
        call = {"call": self.call_id} if self.call_id else {}
        return {"who": self.who, "face": self.face, **call}


def planned(operation: Operation[Any]) -> Planned:
    """Return what an intent says of `operation`; content is never part of it."""
    key = operation.where
    content_hash = getattr(operation, "content_hash", None) or ""
    return (
        operation.verb,
        observe.redact(key),
        operation.sent_bytes,
        "" if content_hash in key else content_hash,  # a blob's key names it
        observe.redact(getattr(operation, "source_key", "")),
    )


class Chain:
    """Makes lines that follow each other.

    Attributes
    ----------
    seq : int
        Of the last line; 0 before the first.
    head : str
        Its SHA-256.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.head = ORIGIN

    def line(self, kind: str, said: Mapping[str, Any]) -> bytes:
        """Return the next line, with its line feed."""
        self.seq += 1
        now = datetime.now(UTC).isoformat()
        told = {"kind": kind, "seq": self.seq, "prev": self.head, "at": now, **said}
        content = _encoded(told).encode("ascii")
        self.head = sha256_hex(content)
        return content + b"\n"


def read_line(line: bytes, where: str) -> dict[str, Any]:
    """Return what a line says.

    Raises
    ------
    CorruptionError
        It is no line of an audit.
    """
    try:
        said = json.loads(line)
        needed = _EVERY | _NEEDED.get(said["kind"], frozenset())
        is_line = isinstance(said["seq"], int) and needed <= said.keys()
    except (ValueError, KeyError, TypeError):
        is_line, said = False, {}
    if not is_line:
        raise CorruptionError(f"{where} holds a line that is none of an audit", kind="audit")
    return dict(said)


def segment_key(writer: str, first: int) -> str:
    """Return where the lines of `writer` from `first` on stand."""
    return f"{PREFIX}{writer}/{first:012d}.ndjson"
