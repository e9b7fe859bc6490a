"""Going on while the store is away: reads from this machine, writes into its outbox."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from astrid_sdk.errors import (
    AstridError,
    ConflictError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.batches import sifted
from astrid_sdk.storage.draining import drain
from astrid_sdk.storage.operations import (
    CONTENT_HASH_METADATA,
    AbortUpload,
    BeginUpload,
    CreateBucket,
    Delete,
    Fetched,
    Get,
    Head,
    ListPage,
    Operation,
    Outcome,
    Put,
    StoredObject,
    UploadPart,
)
from astrid_sdk.storage.outbox import Entry, Outbox, told_of_disk
from astrid_sdk.storage.read_cache import CACHE_BYTES, ReadCache, hash_named_by
from astrid_sdk.storage.restarting import RestartingStorage
from astrid_sdk.storage.spool import Spool, may_wait

_AGAIN_S = 5.0  # after a drain failed, unless something succeeds earlier

ResultT = TypeVar("ResultT")


class SpoolingStorage(RestartingStorage):
    """Serves what it can while the store inside is away.

    Contents and record packs, whose keys name their hash, are read from a verified cache. Writes
    wait in a durable outbox where waiting changes nothing: those without a condition, and
    create-only ones of keys that name their hash. Their `Written.is_spooled` is True. Everything
    else raises what the store raised. While writes wait, others queue behind them, reads see
    them, and what must come after them (a conditional write, a deletion, a listing that they are
    part of) is done only when they are in the store. They are brought there by `sync`, or by the
    next operation once the store answers: in order, each once, by one process at a time.

    Parameters
    ----------
    inner : ObjectStorage
    folder : Path
        On this machine, for this user: what waits lies there in plain.
    cache_bytes : int, optional
        What the read cache may hold.
    clock : callable, optional
        Seconds, for tests that do not wait.
    drained_into : ObjectStorage, optional
        What brings waiting writes into the store, where that is more than `inner`.
    """

    def __init__(
        self,
        inner: ObjectStorage,
        folder: Path,
        *,
        cache_bytes: int = CACHE_BYTES,
        clock: Callable[[], float] = time.monotonic,
        drained_into: ObjectStorage | None = None,
    ) -> None:
        super().__init__(inner)
        self._drained_into = drained_into or inner
        self._folder = folder
        self._outbox = Outbox(folder / "outbox")
        self._cache = ReadCache(folder / "cache", cache_bytes)
        self._spool = Spool(self._outbox)
        self._clock = clock
        self._due = float("-inf")

    @property
    def pending(self) -> int:
        """How many writes wait."""
        return len(self._outbox.entries())

    @property
    def refused(self) -> list[Entry]:
        """The writes that the store refused for good, each with its reason."""
        return self._outbox.refused()

    def sync(self, *, retry_refused: bool = False) -> int:
        """Bring the writes that wait into the store; return how many this call brought.

        Parameters
        ----------
        retry_refused : bool, optional
            Also try again those that were refused, after what was wrong has been mended.

        Raises
        ------
        StorageUnavailableError
            It is still away; what waits is kept.
        ConflictError
            ``kind="refused"``: all others were brought, but the store refused some for good.
        """
        with told_of_disk():
            if retry_refused:
                self._outbox.requeue()
            brought = self._drain(wait=True)
            refused = self.refused
        if refused:
            raise ConflictError(
                f"{self.describe()} refused {len(refused)} of the writes that waited, first "
                f"{refused[0].key!r} ({refused[0].reason}); they are kept in "
                f"{self._outbox.folder / 'refused'}: mend the cause and call "
                "sync(retry_refused=True), or remove them there",
                kind="refused",
                wrote=None,
            )
        return brought

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        outcome = self._answered(operation)
        if outcome is not None:
            return outcome.value()
        try:
            outcome = Outcome(operation, self.inner.perform(operation))
        except AstridError as error:
            outcome = Outcome(operation, error=error)
        return self._settled(outcome).value()

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        return sifted(self.inner, operations, self._answered, self._settled)

    @override
    def close(self) -> None:
        self._cache.close()
        super().close()

    # Before the store is asked.

    def _answered(self, operation: Operation[ResultT]) -> Outcome[ResultT] | None:
        """Return what becomes of an operation without the store; None to ask it."""
        try:
            with told_of_disk():
                return self._before(operation)
        except AstridError as error:
            return Outcome(operation, error=error)

    def _before(self, operation: Operation[Any]) -> Outcome[Any] | None:
        if self._spool.has(operation):
            return Outcome(operation, self._spool.perform(operation))
        if not self._outbox.entries():
            return self._while_away(operation)
        self._drain_if_due()
        return self._behind_waiting(operation) if self._outbox.entries() else None

    def _while_away(self, operation: Operation[Any]) -> Outcome[Any] | None:
        """Answer from the cache at once while an outage is fresh: patience was spent on it."""
        if not isinstance(operation, Get) or self._clock() >= self._due:
            return None
        cached = self._cached(operation)
        return None if cached is None else Outcome(operation, cached)

    def _behind_waiting(self, operation: Operation[Any]) -> Outcome[Any] | None:
        if isinstance(operation, Get | Head):
            return self._read_waiting(operation)
        if isinstance(operation, BeginUpload):
            return Outcome(operation, self._spool.begin(operation))
        if isinstance(operation, Put) and may_wait(operation):
            return Outcome(operation, self._spool.queue(operation))
        if self._must_follow(operation):
            self._drain(wait=True)
        return None

    def _read_waiting(self, operation: Get | Head) -> Outcome[Any] | None:
        entry = self._outbox.waiting(operation.bucket, operation.key)
        if entry is None:
            return None
        stored = _as_stored(entry)
        if isinstance(operation, Head):
            return Outcome(operation, stored)
        if operation.etag is not None and hash_named_by(operation.key) is None:
            raise ConflictError(
                f"{operation.key!r} was written since and waits to be stored; read it anew",
                kind="changed",
            )
        try:
            data = entry.body.read_bytes()
        except FileNotFoundError:  # it has just been brought into the store
            return None
        return Outcome(operation, Fetched(_cut(data, operation), stored))

    def _must_follow(self, operation: Operation[Any]) -> bool:
        """Return whether an operation would be wrong before what waits is in the store."""
        if isinstance(operation, ListPage):
            return any(
                each.bucket == operation.bucket and each.key.startswith(operation.prefix)
                for each in self._outbox.entries()
            )
        return operation.writes and not isinstance(
            operation, CreateBucket | UploadPart | AbortUpload
        )

    # After it was.

    def _settled(self, outcome: Outcome[ResultT]) -> Outcome[ResultT]:
        if outcome.error is None:
            self._due = float("-inf")
            self._keep(outcome)
            return outcome
        if isinstance(outcome.error, StorageUnavailableError):
            return self._without_store(outcome, outcome.error)
        if isinstance(outcome.operation, Get) and isinstance(outcome.error, NotFoundError):
            self._cache.drop(outcome.operation.bucket, outcome.operation.key)
        return outcome

    def _keep(self, outcome: Outcome[Any]) -> None:
        """Fill the cache from what passes."""
        operation = outcome.operation
        if hash_named_by(operation.where) is None:
            return
        if isinstance(operation, Put):
            self._cache.put(operation.bucket, operation.key, operation.data)
        elif isinstance(operation, Get) and operation.is_whole and operation.into is None:
            self._cache.put(operation.bucket, operation.key, outcome.value().data)
        elif isinstance(operation, Delete):
            self._cache.drop(operation.bucket, operation.key)

    def _without_store(self, outcome: Outcome[Any], away: StorageUnavailableError) -> Outcome[Any]:
        operation = outcome.operation
        self._due = self._clock() + _AGAIN_S
        try:
            if isinstance(operation, Get):
                fetched = self._cached(operation)
                return outcome if fetched is None else Outcome(operation, fetched)
            if isinstance(operation, BeginUpload):
                return Outcome(operation, self._spool.begin(operation))
            if isinstance(operation, Put) and may_wait(operation):
                return Outcome(operation, self._spool.queue(operation))
        except StorageUnavailableError as error:  # the disk takes no more
            error.__cause__ = away
            return Outcome(operation, error=error)
        except AstridError as error:
            return Outcome(operation, error=error)
        return outcome

    def _cached(self, get: Get) -> Fetched | None:
        if hash_named_by(get.key) is None:
            return None
        data = self._cache.get(get.bucket, get.key)
        if data is None:
            return None
        return Fetched(_cut(data, get), StoredObject(get.key, len(data), etag=get.etag))

    # Bringing it there.

    def _drain_if_due(self) -> None:
        if self._clock() < self._due:
            return
        # What waits is kept, and the operation behind it waits as well.
        with contextlib.suppress(StorageUnavailableError):
            self._drain(wait=False)

    def _drain(self, *, wait: bool) -> int:
        try:
            return drain(self._outbox, self._drained_into, wait=wait)
        except StorageUnavailableError:
            self._due = self._clock() + _AGAIN_S
            raise


def _as_stored(entry: Entry) -> StoredObject:
    metadata = {**entry.user_metadata, CONTENT_HASH_METADATA: entry.content_hash}
    return StoredObject(
        entry.key, entry.size_bytes, media_type=entry.content_type, user_metadata=metadata
    )


def _cut(data: bytes, get: Get) -> bytes:
    return data if get.is_whole else data[get.start : get.stop]
