"""What a caller may see of a content: the catalogue's rows in the tiers that are open to them.

Bytes are handed out only by a reference. What is known is answered from memory, which is at most
some seconds behind other processes; what is not known is looked for in the store before it is
called unknown. A content that may not be seen goes the way of one that is not there.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from astrid_sdk.api.access import Caller, Verb, unseen
from astrid_sdk.catalog.search.finding import Found, FoundTable, find_each
from astrid_sdk.catalog.snapshot import Snapshot
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError, NotFoundError, StorageUnavailableError

_COLUMNS = ("tier", "name", "size_bytes", "media_type", "created_at")
_MOST_KNOWN = 10_000
_TOGETHER = 1_000


@dataclass(frozen=True, slots=True)
class Reference:
    """One row that tells of a content."""

    tier: str
    name: str
    size_bytes: int
    media_type: str
    created_at: datetime


class References:
    """Finds references, and remembers them as long as the catalogue does not change.

    Parameters
    ----------
    catalog : Catalog
    freshness_s : float
        How long what other processes did may go unnoticed.
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(
        self, catalog: Catalog, freshness_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog = catalog
        self._freshness_s = freshness_s
        self._clock = clock
        self._lock = threading.Lock()
        self._due = float("-inf")
        self._snapshot: Snapshot | None = None
        self._known: dict[str, Sequence[Reference]] = {}

    def of(self, content_hash: str, caller: Caller) -> Sequence[Reference]:
        """Return the references to a content that `caller` may read; at least one.

        Raises
        ------
        NotFoundError
            There is none, or none that this caller may see.
        StorageUnavailableError
            The store is away, and the content is not known from before.
        """
        self._catch_up()
        found = self.known(content_hash)
        seen = [each for each in found if caller.allows(each.tier, Verb.READ)]
        if not seen:
            raise unseen()
        return seen

    def known(self, content_hash: str) -> Sequence[Reference]:
        """Return all references to a content, whoever may see them; perhaps none."""
        return self._recalled(content_hash) or _references(self._asked(content_hash))

    def rows(self, content_hash: str, caller: Caller) -> Sequence[Found]:
        """Return all the catalogue says of a content that `caller` may read.

        Raises
        ------
        NotFoundError, StorageUnavailableError
            As `of`.
        """
        self._catch_up()
        rows = list(self._in_snapshot(content_hash)) or self._asked(content_hash)
        seen = [row for row in rows if caller.allows(row.tier, Verb.READ)]
        if not seen:
            raise unseen()
        return seen

    def _catch_up(self) -> None:
        """Have the catalogue look for what is new, if it is time and the store is there."""
        with self._lock:
            now = self._clock()
            if now < self._due:
                return
            self._due = now + self._freshness_s  # others go on meanwhile with what is known
        with suppress(StorageUnavailableError):  # what is known may still be read
            self._catalog.refresh()

    def _recalled(self, content_hash: str) -> Sequence[Reference]:
        snapshot = self._catalog.snapshot(refresh=False)
        with self._lock:
            if snapshot is not self._snapshot or len(self._known) > _MOST_KNOWN:
                self._snapshot, self._known = snapshot, {}
            known = self._known
        found = known.get(content_hash)
        if found is None:
            known |= self._looked_up(snapshot, content_hash)
            found = known.setdefault(content_hash, [])
        return found

    def _looked_up(
        self, snapshot: Snapshot, content_hash: str
    ) -> Mapping[str, Sequence[Reference]]:
        """Return the references to a content, and to its neighbours where that costs no more."""
        letters = _shared_letters(snapshot.record_rows.num_rows)
        rows = self._in_snapshot(content_hash[:letters])
        found: dict[str, list[Reference]] = {}
        for row in rows.to_arrow(("content_hash", *_COLUMNS)).to_pylist() if rows.total else ():
            found.setdefault(row.pop("content_hash"), []).append(Reference(**row))
        return found

    def _in_snapshot(self, content_hash: str) -> FoundTable:
        snapshot = self._catalog.snapshot(refresh=False)
        judged = snapshot.contents_with(content_hash)
        return FoundTable(snapshot.record_rows, judged, self._catalog.reopened)

    def _asked(self, content_hash: str) -> Sequence[Found]:
        try:
            return find_each(self._catalog, content_hash)
        except (NotFoundError, InvalidInputError) as error:
            if error.kind == "no_such_bucket":
                raise
            return ()


def _shared_letters(rows: int) -> int | None:
    """Return by how many letters of a hash about `_TOGETHER` rows are picked; None for all 64.

    Judging one row takes as long as judging hundreds. Rows of a large catalogue lie far apart.
    """
    if rows > _MOST_KNOWN:
        return None
    letters = 0
    while rows > _TOGETHER * 16**letters:
        letters += 1
    return letters


def _references(rows: Sequence[Found]) -> Sequence[Reference]:
    return [Reference(*(getattr(row, name) for name in _COLUMNS)) for row in rows]
