"""Which contents were deleted: what a later writer must know to make one visible again.

A tombstone is a record; beside its pack stands a marker,
``_tombstones/<hash>/<tier>/<record id>.json``, whose name alone tells which content in which tier
it is about. The marker is written first: a marker without its record is harmless, and a restore
that names it too.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Put
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.storage.seen import SeenContents

PREFIX = "_tombstones/"
FRESH_S = 1.0
"""For so long a listing is believed: within it a deletion elsewhere counts as the later event."""

_KEY = re.compile(
    r"_tombstones/(?P<content_hash>[0-9a-f]{64})/(?P<tier>[a-z-]+)/(?P<id>[0-9a-f]{64})\.json"
)
_Listed = Mapping[tuple[str, str], Sequence[str]]


class Tombstones:
    """The markers of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    seen : SeenContents
        What this machine restored before, so that it is not restored with every store.
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        seen: SeenContents,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._seen = seen
        self._place = f"{storage.describe()} {bucket}"
        self._clock = clock
        self._due = float("-inf")
        self._listed: _Listed = {}

    def mark(self, tombstones: Iterable[Record]) -> None:
        """Write the markers of records that are about to be written."""
        self._due = float("-inf")
        for record in tombstones:
            self._storage.perform(
                Put(
                    bucket=self._bucket,
                    key=f"{PREFIX}{record.content_hash}/{record.tier}/{record.record_id}.json",
                    data=record.to_line(),
                    content_type="application/json",
                    create_only=True,
                )
            )

    def restores(self, stored: Iterable[Record]) -> list[Record]:
        """Return what to record of contents that were stored, or made, although deleted before.

        Nothing while the store is away: what is told then is told later than the deletion.

        Parameters
        ----------
        stored : iterable of Record
            That tell of the contents.
        """
        contents = {(record.content_hash, record.tier.value): record for record in stored}
        listed = self._now() if contents else {}
        named = {place: listed[place] for place in contents if place in listed}
        known = self._seen.records(
            self._place, [_done(each) for ids in named.values() for each in ids]
        )
        return [
            restore(contents[place], live)
            for place, ids in named.items()
            if (live := [each for each in ids if _done(each) not in known])
        ]

    def remember(self, restores: Iterable[Record]) -> None:
        """Remember that these were written."""
        named = (_done(each) for record in restores for each in record.details["tombstones"])
        self._seen.remember_records(self._place, named)

    def _now(self) -> _Listed:
        if self._clock() >= self._due:
            try:
                listed = self._storage.list_files(self._bucket, PREFIX)
            except StorageUnavailableError:
                return {}
            self._listed = _by_place(listed)
            self._due = self._clock() + FRESH_S
        return self._listed


def restore(told: Record, tombstones: Sequence[str]) -> Record:
    """Return the record that takes `tombstones` back, of the content that `told` tells of."""
    return Record(
        kind=RecordKind.RESTORE,
        content_hash=told.content_hash,
        tier=told.tier,
        size_bytes=told.size_bytes,
        media_type=told.media_type,
        name=told.name,
        details={"tombstones": sorted(tombstones)},
    )


def _by_place(keys: Iterable[str]) -> _Listed:
    found: dict[tuple[str, str], list[str]] = {}
    for match in filter(None, map(_KEY.fullmatch, keys)):
        found.setdefault((match["content_hash"], match["tier"]), []).append(match["id"])
    return found


def _done(tombstone_id: str) -> str:
    return f"restored {tombstone_id}"
