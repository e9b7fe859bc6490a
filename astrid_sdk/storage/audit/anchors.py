"""The newest lines of other writers: who anchors them makes a cut or a rewriting provable."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import CorruptionError, NotFoundError
from astrid_sdk.storage.audit.lines import PREFIX, read_line
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Get, StoredObject

MOST_ANCHORED = 8
"""Of the writers, those that shipped last: whatever is shipped next anchors each of them."""
_RECENT = timedelta(days=2)
_EARLIEST = datetime.min.replace(tzinfo=UTC)

Head = tuple[int, str]


class Anchors:
    """Finds the newest lines of the writers that shipped last.

    Parameters
    ----------
    store : ObjectStorage
    bucket : str
    """

    def __init__(self, store: ObjectStorage, bucket: str) -> None:
        self._store = store
        self._bucket = bucket
        self._told: dict[str, str] = {}  # of each writer the segment whose end was told

    def heads(self, own: str) -> Mapping[str, Head]:
        """Return the number and hash of the newest line of each writer but `own`.

        Those that this object has told before are left out.

        Raises
        ------
        AstridError
            The store cannot be read.
        """
        newest = sorted(self._newest(own).values(), key=_when, reverse=True)[:MOST_ANCHORED]
        found: dict[str, Head] = {}
        for segment in newest:
            writer = _writer(segment.key)
            if self._told.get(writer) == segment.key:  # a segment never changes
                continue
            head = self._head(segment.key)
            if head is not None:
                found[writer] = head
                self._told[writer] = segment.key
        return found

    def _newest(self, own: str) -> Mapping[str, StoredObject]:
        since = datetime.now(UTC) - _RECENT
        listed = self._store.list_objects(
            self._bucket, PREFIX, start_after=f"{PREFIX}{since:%Y%m%dT%H%M%S}"
        )
        in_order = {_writer(found.key): found for found in listed}
        return {writer: found for writer, found in in_order.items() if writer != own}

    def _head(self, key: str) -> Head | None:
        """Return the last line of a segment; None of one that cannot be believed."""
        try:
            content = self._store.perform(Get(bucket=self._bucket, key=key)).data
            line = content.rstrip(b"\n").rpartition(b"\n")[2]
            return read_line(line, key)["seq"], sha256_hex(line)
        except (CorruptionError, NotFoundError):
            return None


def _writer(key: str) -> str:
    return key.removeprefix(PREFIX).partition("/")[0]


def _when(found: StoredObject) -> datetime:
    return found.last_modified or _EARLIEST
