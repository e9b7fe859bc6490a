"""Records that are written once: those known to be written are not written again."""

from collections.abc import Iterable

from astrid_sdk.storage.records import Record, RecordLog
from astrid_sdk.storage.seen import SeenContents


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

    def keep(self, records: Iterable[tuple[Record, bool]]) -> bool:
        """Write records; return whether they wait in the outbox of this machine.

        Parameters
        ----------
        records : iterable of (Record, bool)
            Each with whether its blob had to be written: then nothing known before counts.
        """
        told = {record.record_id: (record, is_new) for record, is_new in records}
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
