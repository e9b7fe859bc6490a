"""The audit as events: one per operation, what was intended and what became of it together."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from astrid_sdk.storage.audit.lines import INTENT, OUTCOME
from astrid_sdk.storage.audit.segments import Line
from astrid_sdk.storage.audit.trail import DONE, UNKNOWN
from astrid_sdk.storage.logged import tier_of
from astrid_sdk.storage.read_cache import hash_named_by


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change of the store.

    Attributes
    ----------
    at : datetime
        When it was intended, aware UTC.
    who, face, call_id : str
        For whom it was done, by which face, and what that calls the work.
    verb : str
        Such as ``"put"``, ``"delete"``, ``"delete-content"``.
    bucket, key, tier, content_hash : str
        What it was about; "" where that says nothing.
    size_bytes : int
    detail : str
        Such as the reason of a deletion.
    outcome : str
        ``"done"``, ``"spooled"``, ``"unknown"``, or the `kind` of the error.
    request_id : str
        The server's name of the request, where it gave one.
    finished_at : datetime, optional
        When the outcome was written down.
    writer, seq : str, int
        Where it stands in the audit.
    """

    at: datetime
    who: str
    face: str
    verb: str
    bucket: str
    key: str
    tier: str
    content_hash: str
    size_bytes: int
    detail: str
    outcome: str
    call_id: str
    request_id: str
    finished_at: datetime | None
    writer: str
    seq: int

    def as_fields(self) -> dict[str, Any]:
        """Return the event as JSON values."""
        times = {"at": self.at.isoformat(), "finished_at": None}
        if self.finished_at is not None:
            times["finished_at"] = self.finished_at.isoformat()
        return {**asdict(self), **times}


def events_of(writer: str, lines: Iterator[Line]) -> Iterator[AuditEvent]:
    """Yield the events that the lines of one writer tell of, in the order of their outcomes.

    Intents wait for their outcome: as many as were under way at a time.
    """
    waiting: dict[int, Mapping[str, Any]] = {}
    for line in lines:
        if line.said["kind"] == INTENT:
            waiting[line.seq] = line.said
        elif line.said["kind"] == OUTCOME and line.said["of"] in waiting:
            yield from _events(writer, waiting.pop(line.said["of"]), line.said)
    for intent in waiting.values():
        yield from _events(writer, intent, {})


def _events(
    writer: str, intent: Mapping[str, Any], outcome: Mapping[str, Any]
) -> Iterator[AuditEvent]:
    done = outcome.get("done", ())
    told, requests = outcome.get("told", {}), outcome.get("requests", {})
    finished_at = datetime.fromisoformat(outcome["at"]) if outcome else None
    places = range(len(intent["ops"])) if done is True else done
    is_done = frozenset(places)
    for place, (verb, key, size_bytes, content_hash, detail) in enumerate(intent["ops"]):
        yield AuditEvent(
            at=datetime.fromisoformat(intent["at"]),
            who=intent["who"],
            face=intent["face"],
            verb=verb,
            bucket=intent["bucket"],
            key=key,
            tier=tier_of(key),
            content_hash=content_hash or hash_named_by(key) or "",
            size_bytes=size_bytes,
            detail=detail,
            outcome=DONE if place in is_done else told.get(str(place), UNKNOWN),
            call_id=intent.get("call", ""),
            request_id=requests.get(str(place), ""),
            finished_at=finished_at,
            writer=writer,
            seq=intent["seq"],
        )
