"""Every change of a store written down, before and after; see `astrid_sdk.storage.audit`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from typing_extensions import override

from astrid_sdk import observe
from astrid_sdk.errors import AstridError, StorageUnavailableError
from astrid_sdk.storage.audit.lines import Actor, Planned, planned
from astrid_sdk.storage.audit.trail import DONE, SPOOLED, UNKNOWN, AuditTrail, Batch
from astrid_sdk.storage.base import CATALOG_PREFIX, ObjectStorage
from astrid_sdk.storage.batches import sifted
from astrid_sdk.storage.operations import (
    AbortUpload,
    CompleteUpload,
    Copy,
    CreateBucket,
    Delete,
    Operation,
    Outcome,
    Put,
    Written,
)
from astrid_sdk.storage.restarting import RestartingStorage
from astrid_sdk.tiers import Tier

CHANGES = (Put, Copy, Delete, CompleteUpload, AbortUpload, CreateBucket)
"""What changes what can be read. The parts of an upload change nothing until it is completed."""

_MADE_AGAIN = (f"{Tier.TEMP.value}/", f"{CATALOG_PREFIX}/")
_MOST_TOGETHER = 256
_MOST_BYTES_TOGETHER = 4 << 20

ResultT = TypeVar("ResultT")


class AuditedStorage(RestartingStorage):
    """Writes down who changes what before it is done, and what became of it.

    Before an object is deleted the intent is in the store; of anything else it is on this machine.
    What can be made again (temporary objects, the catalogue) is deleted without that wait.

    Parameters
    ----------
    inner : ObjectStorage
    trail : AuditTrail
    """

    def __init__(self, inner: ObjectStorage, trail: AuditTrail) -> None:
        super().__init__(inner)
        self.trail = trail

    @contextmanager
    def intending(self, verb: str, where: str, content_hash: str, detail: str) -> Iterator[None]:
        """Write down, in the store, what the work within is for, and what became of it."""
        op = (verb, where, 0, content_hash, observe.redact(detail))
        with self._told(self.trail.bucket, op, is_shipped_first=True):
            yield

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        if not _is_change(operation):
            return self.inner.perform(operation)
        first = _is_for_good(operation)
        with self._told(operation.bucket, planned(operation), is_shipped_first=first) as batch:
            result = self.inner.perform(operation)
            batch.note(0, self._word(result), observe.answered_request_id.get())
        return result

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        # The actor is that of the call, not of whoever draws the outcomes later.
        return _Passing(self, self.trail.actor()).outcomes(operations)

    @override
    def presign_put(
        self, bucket: str, key: str, *, content_type: str, expires_s: int = 3600
    ) -> str:
        with self._administering("presign-put", bucket, key):
            return self.inner.presign_put(
                bucket, key, content_type=content_type, expires_s=expires_s
            )

    @override
    def set_lifecycle(
        self, bucket: str, *, expire_days: Mapping[str, int], abort_uploads_days: int = 7
    ) -> None:
        with self._administering("set-lifecycle", bucket, ""):
            self.inner.set_lifecycle(
                bucket, expire_days=expire_days, abort_uploads_days=abort_uploads_days
            )

    @override
    def set_cors(self, bucket: str, origins: Sequence[str]) -> None:
        with self._administering("set-cors", bucket, ""):
            self.inner.set_cors(bucket, origins)

    @override
    def close(self) -> None:
        self.trail.close()
        super().close()

    @contextmanager
    def _administering(self, verb: str, bucket: str, key: str) -> Iterator[None]:
        with self._told(bucket, (verb, observe.redact(key), 0, "", "")):
            yield

    @contextmanager
    def _told(self, bucket: str, op: Planned, *, is_shipped_first: bool = False) -> Iterator[Batch]:
        """Write down a batch of one, and what became of it; nothing where not even that is known.

        Who is within may note it; where nobody did and nothing was raised it was done.
        """
        batch = self.trail.intend(bucket, [op], self.trail.actor())
        observe.answered_request_id.set("")
        try:
            if is_shipped_first:
                self.ship()
            observe.answered_request_id.set("")
            yield batch
            if batch.left:
                batch.note(0, DONE)
        except AstridError as error:
            batch.note(0, self.failed(error), observe.answered_request_id.get())
            raise
        finally:
            if not batch.left:
                self.trail.conclude(batch)

    def ship(self) -> None:
        """Bring the intent into the store; where that fails nothing was asked of it."""
        try:
            self.trail.ship()
        except AstridError as error:
            raise error.saying(error.message) from error

    def failed(self, error: AstridError) -> str:
        """Return what to write down of an operation that failed."""
        if isinstance(error, StorageUnavailableError):
            self.trail.store_is_away()
        return UNKNOWN if error.wrote is None else error.kind

    def _word(self, result: object) -> str:
        if not isinstance(result, Written) or not result.is_spooled:
            self.trail.store_is_back()
            return DONE
        self.trail.store_is_away()
        return SPOOLED

    def word_of(self, outcome: Outcome[Any]) -> str:
        """Return what to write down of an operation of many."""
        return self._word(outcome.result) if outcome.error is None else self.failed(outcome.error)


class _Passing:
    """Many operations on their way: intents as they are drawn, outcomes as they come."""

    def __init__(self, audited: AuditedStorage, actor: Actor) -> None:
        self._audited = audited
        self._trail = audited.trail
        self._actor = actor
        self._under_way: dict[int, tuple[Batch, int]] = {}
        self._refused: dict[int, AstridError] = {}

    def outcomes(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        intended = self._intended(operations)
        try:
            yield from sifted(self._audited.inner, intended, self._answered, self._settled)
        finally:
            for batch in {id(batch): batch for batch, _ in self._under_way.values()}.values():
                self._trail.conclude(batch)

    def _intended(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Operation[ResultT]]:
        for together in _together(operations):
            if _is_change(together[0]):
                self._intend(together)
            yield from together

    def _intend(self, operations: Sequence[Operation[Any]]) -> None:
        plans = [planned(operation) for operation in operations]
        batch = self._trail.intend(operations[0].bucket, plans, self._actor)
        for place, operation in enumerate(operations):
            self._under_way[id(operation)] = (batch, place)
        for_good = [operation for operation in operations if _is_for_good(operation)]
        if for_good:
            try:
                self._audited.ship()
            except AstridError as error:
                self._refused.update((id(operation), error) for operation in for_good)

    def _answered(self, operation: Operation[ResultT]) -> Outcome[ResultT] | None:
        error = self._refused.pop(id(operation), None)
        return None if error is None else self._settled(Outcome(operation, error=error))

    def _settled(self, outcome: Outcome[ResultT]) -> Outcome[ResultT]:
        found = self._under_way.pop(id(outcome.operation), None)
        if found is not None:
            batch, place = found
            if batch.note(place, self._audited.word_of(outcome), outcome.request_id):
                self._trail.conclude(batch)
        return outcome


def _is_change(operation: Operation[Any]) -> bool:
    return isinstance(operation, CHANGES)


def _is_for_good(operation: Operation[Any]) -> bool:
    return isinstance(operation, Delete) and not operation.key.startswith(_MADE_AGAIN)


def _together(
    operations: Iterable[Operation[ResultT]],
) -> Iterator[list[Operation[ResultT]]]:
    """Yield operations with those that one intent tells of; what changes nothing goes alone."""
    taken: list[Operation[ResultT]] = []
    size_bytes = 0
    for operation in operations:
        is_change = _is_change(operation)
        if taken and not (is_change and operation.bucket == taken[0].bucket):
            yield taken
            taken, size_bytes = [], 0
        if not is_change:
            yield [operation]
            continue
        taken.append(operation)
        size_bytes += operation.sent_bytes
        if len(taken) == _MOST_TOGETHER or size_bytes >= _MOST_BYTES_TOGETHER:
            yield taken
            taken, size_bytes = [], 0
    if taken:
        yield taken
