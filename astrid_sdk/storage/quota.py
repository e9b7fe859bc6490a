"""How much a tier may hold: the wrapper that refuses what would be too much."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from typing_extensions import override

from astrid_sdk.errors import AstridError, StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.batches import sifted
from astrid_sdk.storage.ledger import Amount, Ledger, Quota, Reservation
from astrid_sdk.storage.operations import (
    BeginUpload,
    Copy,
    Operation,
    Outcome,
    Put,
    UploadPart,
)
from astrid_sdk.storage.wrapping import WrapperStorage
from astrid_sdk.tiers import Tier

__all__ = ["Quota", "QuotaStorage", "quotas_of"]

ResultT = TypeVar("ResultT")


def quotas_of(texts: Mapping[str, str]) -> dict[Tier, Quota]:
    """Return the quotas that a configuration names, by tier; see `Quota.parse`.

    Raises
    ------
    InvalidInputError
        A tier is not known, or a quota cannot be read.
    """
    return {Tier.parse(name): Quota.parse(text) for name, text in texts.items()}


class QuotaStorage(WrapperStorage):
    """Refuses, before anything is sent, what would fill a tier beyond its quota.

    What a tier holds is listed once and kept up to date from then on; it is listed again when
    that is some minutes ago, and before a refusal, because others may have made room. While the
    store cannot be listed nothing is refused for what is not known. Writers of other processes
    are seen at the next listing: together they may overshoot by what they write meanwhile.

    Parameters
    ----------
    inner : ObjectStorage
    quotas : Mapping[Tier, Quota]
        Tiers that it does not name have no limit.
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(
        self,
        inner: ObjectStorage,
        quotas: Mapping[Tier, Quota],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self.quotas = dict(quotas)
        self._by_name = {tier.value: quota for tier, quota in quotas.items()}
        self._clock = clock
        self._lock = threading.Lock()
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._reserved: dict[int, list[Reservation]] = {}  # by the operation's identity

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        refusal = self._answered(operation)
        if refusal is not None:
            return refusal.value()
        try:
            result = self.inner.perform(operation)
        except AstridError as error:
            self._settled(Outcome(operation, error=error))
            raise
        self._settled(Outcome(operation, result))
        return result

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        return sifted(self.inner, operations, self._answered, self._settled, self._dropped)

    def _answered(self, operation: Operation[ResultT]) -> Outcome[ResultT] | None:
        """Reserve what `operation` will take; return the refusal when there is no room."""
        ledger = self._ledger(operation)
        if ledger is None:
            return None
        try:
            reservation = ledger.reserve(self._asked(operation), operation)
        except AstridError as error:
            return Outcome(operation, error=error)
        with self._lock:
            self._reserved.setdefault(id(operation), []).append(reservation)
        return None

    def _settled(self, outcome: Outcome[ResultT]) -> Outcome[ResultT]:
        """Book what became of a reservation."""
        ledger = self._ledger(outcome.operation)
        if ledger is not None:
            ledger.settle(self._unreserved(outcome.operation), outcome)
        return outcome

    def _dropped(self, operation: Operation[Any]) -> None:
        unknown = StorageUnavailableError("the batch was left before its end", wrote=None)
        self._settled(Outcome(operation, error=unknown))

    def _ledger(self, operation: Operation[Any]) -> Ledger | None:
        tier = operation.where.partition("/")[0]
        quota = self._by_name.get(tier) if operation.writes else None
        if quota is None:
            return None
        place = (operation.bucket, tier)
        with self._lock:
            if place not in self._ledgers:
                self._ledgers[place] = Ledger(self.inner, *place, quota, self._clock)
            return self._ledgers[place]

    def _unreserved(self, operation: Operation[Any]) -> Reservation:
        with self._lock:
            kept = self._reserved[id(operation)]
            reservation = kept.pop()
            if not kept:
                del self._reserved[id(operation)]
        return reservation

    def _asked(self, operation: Operation[Any]) -> Amount:
        if isinstance(operation, Put):
            return Amount(operation.sent_bytes, 1)
        if isinstance(operation, UploadPart):
            return Amount(operation.sent_bytes)
        if isinstance(operation, BeginUpload):
            return Amount(objects=1)
        if isinstance(operation, Copy):
            source = self.inner.head(operation.bucket, operation.source_key)
            return Amount(source.size_bytes if source else 0, 1)
        return Amount()
