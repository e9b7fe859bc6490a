"""Asking no faster than the store likes: a pace that adapts, and the wrapper that keeps it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from typing_extensions import override

from astrid_sdk.errors import AstridError, InvalidInputError, RateLimitedError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Operation, Outcome
from astrid_sdk.storage.wrapping import WrapperStorage

_BURST_S = 0.1  # what was not used within this time may be caught up with
_SLOWEST_PER_S = 1.0
_CHANGE_S = 1.0  # the many answers of one moment change the pace once
_MEASURED_S = 5.0
_STEP = 0.1  # of the pace before the cut, per change

ResultT = TypeVar("ResultT")


class Pace:
    """Turns, so many a second; fewer after the store asked for it, then slowly more again.

    The pace is halved when the store asks to slow down, and grows by a tenth of what it was
    each second in which it does not (additive increase, multiplicative decrease).

    Parameters
    ----------
    most_per_s : float or None
        None: as many as come, until the store asks to slow down.
    sleep, clock : callable, optional
        Time, for tests that do not wait.
    """

    def __init__(
        self,
        most_per_s: float | None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if most_per_s is not None and most_per_s <= 0:
            raise InvalidInputError(
                f"{most_per_s} requests per second would never end; give more than 0, or none "
                "for no limit",
                kind="config",
            )
        self._most_per_s = most_per_s
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._per_s = most_per_s
        self._before_cut = most_per_s
        self._next_turn = self._measured_from = clock()
        self._changed_at = float("-inf")
        self._taken = 0

    @property
    def per_s(self) -> float | None:
        """Turns a second at present; None for no limit."""
        return self._per_s

    def take(self) -> None:
        """Wait for the next turn."""
        with self._lock:
            now = self._clock()
            self._measure(now)
            if self._per_s is None:
                return
            turn = max(self._next_turn, now - _BURST_S)
            self._next_turn = turn + 1 / self._per_s
        if turn > now:
            self._sleep(turn - now)

    def slow_down(self) -> None:
        """Halve the pace: the store asked for it."""
        with self._lock:
            now = self._clock()
            if now - self._changed_at < _CHANGE_S:
                return
            self._changed_at = now
            pace = self._per_s
            if pace is None:
                pace = self._taken / max(now - self._measured_from, _BURST_S)
            if self._per_s == self._most_per_s:
                self._before_cut = pace
            self._per_s = max(pace / 2, min(pace, _SLOWEST_PER_S))
            self._next_turn = now + 1 / self._per_s

    def went_well(self) -> None:
        """Quicken the pace a little, if it was cut: the store answered."""
        if self._per_s == self._most_per_s:
            return
        with self._lock:
            now = self._clock()
            if now - self._changed_at < _CHANGE_S or self._per_s is None:
                return
            self._changed_at = now
            before = self._before_cut or self._per_s
            quicker = self._per_s + max(_STEP * before, _STEP)
            self._per_s = self._most_per_s if quicker >= before else quicker

    def _measure(self, now: float) -> None:
        if now - self._measured_from > _MEASURED_S:
            self._taken = int(self._taken * _BURST_S / _MEASURED_S)
            self._measured_from = now - _BURST_S
        self._taken += 1


class ThrottledStorage(WrapperStorage):
    """Keeps a pace, and a bound on how many operations are under way.

    A batch takes a turn for each operation as it is drawn; how many of it are under way is the
    store's own bound (`ObjectStorage.most_at_once`).

    Parameters
    ----------
    inner : ObjectStorage
    requests_per_s : float, optional
        None: as many as come, until the store asks to slow down.
    concurrency : int, optional
        Single operations under way at a time, of all threads.
    pace : Pace, optional
        Instead of one of `requests_per_s`.
    """

    def __init__(
        self,
        inner: ObjectStorage,
        requests_per_s: float | None = None,
        concurrency: int = 32,
        *,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(inner)
        if concurrency < 1:
            raise InvalidInputError(
                f"with {concurrency} operations at a time nothing would run; give at least 1",
                kind="config",
            )
        self.pace = pace or Pace(requests_per_s)
        self._free = threading.BoundedSemaphore(concurrency)

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        with self._free:
            self.pace.take()
            try:
                result = self.inner.perform(operation)
            except AstridError as error:
                self._heed(error)
                raise
        self._heed(None)
        return result

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        return self._heeded(self.inner.perform_many(self._paced(operations)))

    def _paced(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Operation[ResultT]]:
        for operation in operations:
            self.pace.take()
            yield operation

    def _heeded(self, outcomes: Iterator[Outcome[ResultT]]) -> Iterator[Outcome[ResultT]]:
        for outcome in outcomes:
            self._heed(outcome.error)
            yield outcome

    def _heed(self, error: AstridError | None) -> None:
        if error is None:
            self.pace.went_well()
        elif isinstance(error, RateLimitedError) or error.kind == "throttled":
            self.pace.slow_down()
