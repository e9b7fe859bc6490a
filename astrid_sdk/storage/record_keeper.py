"""Records that are written once: those known to be written are not written again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from astrid_sdk.storage.blobs import ContentHash
from astrid_sdk.storage.records import Record, RecordKind, RecordLog
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.tiers import Tier

Summaries: TypeAlias = Sequence[Mapping[str, Any]]
"""What the bytes of a content say; see `Record`."""


class RecordKeeper:
    """Writes records of stored blobs, but for those that this machine saw written.

    Parameters
    ----------
    log : RecordLog
    seen : SeenContents
    place : str
        Which bucket of which store it is, in the words of `seen`.
    """

    def __init__(self, log: RecordLog, seen: SeenContents, place: str) -> None:
        self._log = log
        self._seen = seen
        self._place = place

    def keep(self, records: Iterable[tuple[Record, bool]], *, may_be_deleted: bool = False) -> bool:
        """Write records; return whether they wait in the outbox of this machine.

        What was deleted before is visible again: a blob that was there by a restore, one that had
        to be written by its record, which tells of it later than the deletion.

        Parameters
        ----------
        records : iterable of (Record, bool)
            Each with whether its blob had to be written: then nothing known before counts.
        may_be_deleted : bool
            Look whether they were deleted, also those that say their blobs had to be written.
        """
        told = {record.record_id: (record, is_new) for record, is_new in records}
        was_there = [record for record, is_new in told.values() if may_be_deleted or not is_new]
        return self._write(told) | self._log.restore(was_there)

    def _write(self, told: Mapping[str, tuple[Record, bool]]) -> bool:
        known = self._seen.records(self._place, told)
        wanted = {
            key: record for key, (record, is_new) in told.items() if is_new or key not in known
        }
        if not wanted:
            return False
        lines = [record.line_with(record_id) for record_id, record in wanted.items()]
        is_spooled = any(written.is_spooled for written in self._log.write_lines(lines))
        if not is_spooled:
            self._seen.remember_records(self._place, wanted)
        return is_spooled

    def keep_ingest(
        self,
        stored: ContentHash,
        size_bytes: int,
        media_type: str,
        tier: Tier,
        name: str | None,
        summaries: Summaries = (),
    ) -> ContentHash:
        """Write that a content was stored, and return what to tell the caller of it.

        Where it has no name it is called by the first digits of its hash.
        """
        called = name or stored[:8]
        record = Record(
            kind=RecordKind.INGEST,
            content_hash=str(stored),
            tier=tier,
            size_bytes=size_bytes,
            media_type=media_type,
            name=called,
            origin=f"data:{called}",
            summaries=summaries,
        )
        is_spooled = self.keep([(record, stored.is_new)])
        return ContentHash(stored, is_new=stored.is_new, is_spooled=stored.is_spooled or is_spooled)
