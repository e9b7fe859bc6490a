"""Every try of every operation as an event; see `astrid_sdk.observe`."""

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from typing_extensions import override

from astrid_sdk import observe
from astrid_sdk.errors import AstridError, ConflictError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Fetched, Get, Operation, Outcome
from astrid_sdk.storage.wrapping import WrapperStorage
from astrid_sdk.tiers import Tier

_TIERS = frozenset(tier.value for tier in Tier)
_ANSWERS = (NotFoundError, ConflictError)  # the store worked: they are no trouble

ResultT = TypeVar("ResultT")


class LoggedStorage(WrapperStorage):
    """Emits one event per operation that passes; inside retrying that is one per try.

    Where nobody listens no event is made.

    Parameters
    ----------
    inner : ObjectStorage
    clock : callable, optional
        Seconds, for durations.
    """

    def __init__(
        self, inner: ObjectStorage, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        super().__init__(inner)
        self._clock = clock

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        began = self._clock()
        token = observe.last_request_id.set("")
        try:
            result = self.inner.perform(operation)
        except AstridError as error:
            failed = Outcome(operation, error=error, request_id=observe.last_request_id.get())
            self._say(failed, began, observe.attempt.get(), observe.call_id.get())
            raise
        else:
            done = Outcome(operation, result, request_id=observe.last_request_id.get())
            self._say(done, began, observe.attempt.get(), observe.call_id.get())
            return result
        finally:
            observe.answered_request_id.set(observe.last_request_id.get())
            observe.last_request_id.reset(token)

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        # The number of the try is that of the call, not of whoever draws the outcomes later.
        return self._said(operations, observe.attempt.get())

    def _said(
        self, operations: Iterable[Operation[ResultT]], attempt: int
    ) -> Iterator[Outcome[ResultT]]:
        begun: dict[int, tuple[float, str]] = {}
        start = self._clock(), observe.call_id.get()

        def timed() -> Iterator[Operation[ResultT]]:
            for operation in operations:  # whoever hands it in says whom it is for
                begun[id(operation)] = self._clock(), observe.call_id.get()
                yield operation

        for outcome in self.inner.perform_many(timed()):
            began, call_id = begun.pop(id(outcome.operation), start)
            self._say(outcome, began, attempt, call_id)
            yield outcome

    def _say(self, outcome: Outcome[Any], began: float, attempt: int, call_id: str) -> None:
        level = _level(outcome.error)
        if not observe.is_heard(level):
            return
        operation = outcome.operation
        event = observe.Event(
            verb=operation.verb,
            tier=tier_of(operation.where),
            bucket=operation.bucket,
            key=observe.redact(operation.where),
            size_bytes=_size_bytes(outcome),
            duration_s=self._clock() - began,
            attempts=attempt,
            outcome=observe.OK if outcome.error is None else outcome.error.kind,
            request_id=outcome.request_id,
            at=dt.datetime.now(dt.UTC),
            call_id=call_id,
        )
        observe.emit(event, level)


def tier_of(key: str) -> str:
    """Return the tier that `key` belongs to, or "" where its first part is none."""
    first = key.partition("/")[0]
    return first if first in _TIERS else ""


def _level(error: AstridError | None) -> int:
    if error is None:
        return logging.DEBUG
    return logging.INFO if isinstance(error, _ANSWERS) else logging.WARNING


def _size_bytes(outcome: Outcome[Any]) -> int:
    if not isinstance(outcome.result, Fetched):
        return outcome.operation.sent_bytes
    asked = outcome.operation
    if not outcome.result.data and isinstance(asked, Get) and asked.into is not None:
        return len(asked.into)
    return len(outcome.result.data)
