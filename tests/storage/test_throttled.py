"""The store is asked no faster than it likes."""

import threading
from typing import Any

import pytest
from clocks import Clock
from typing_extensions import override

from astrid_sdk.errors import InvalidInputError, RateLimitedError
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Head, Operation
from astrid_sdk.storage.throttled import Pace, ThrottledStorage
from astrid_sdk.testing.stores import Failure, FlakyStore

BUCKET = "astrid-storage"
SLOW = RateLimitedError("slow down", transient=True)


def paced(per_s: float | None) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(per_s, sleep=clock.sleep, clock=clock), clock


class TestPace:
    def test_turns_come_at_the_rate_that_was_set(self) -> None:
        pace, clock = paced(50.0)
        for _ in range(500):
            pace.take()
        assert clock.now == pytest.approx(10.0, abs=0.2)

    def test_what_was_not_used_is_not_saved_up(self) -> None:
        pace, clock = paced(10.0)
        clock.now = 100.0
        for _ in range(100):
            pace.take()
        assert clock.now == pytest.approx(110.0, abs=0.3)

    def test_without_a_limit_nothing_waits(self) -> None:
        pace, clock = paced(None)
        for _ in range(1000):
            pace.take()
        assert clock.slept == []
        assert pace.per_s is None

    def test_it_is_halved_when_the_store_asks(self) -> None:
        pace, _ = paced(40.0)
        pace.slow_down()
        assert pace.per_s == 20.0

    def test_many_askings_of_one_moment_halve_it_once(self) -> None:
        pace, clock = paced(40.0)
        for _ in range(20):
            pace.slow_down()
        assert pace.per_s == 20.0
        clock.now += 1.0
        pace.slow_down()
        assert pace.per_s == 10.0

    def test_it_never_stands_still(self) -> None:
        pace, clock = paced(4.0)
        for _ in range(50):
            pace.slow_down()
            clock.now += 1.0
        assert pace.per_s == 1.0

    def test_it_recovers_slowly_and_no_further_than_was_set(self) -> None:
        pace, clock = paced(40.0)
        pace.slow_down()
        seen = []
        for _ in range(10):
            clock.now += 1.0
            pace.went_well()
            seen.append(pace.per_s)
        assert seen == [24.0, 28.0, 32.0, 36.0, *[40.0] * 6]

    def test_without_a_limit_it_halves_what_it_measured_and_then_forgets_it(self) -> None:
        pace, clock = paced(None)
        for _ in range(300):
            pace.take()
            clock.now += 0.01
        pace.slow_down()
        assert pace.per_s == pytest.approx(50.0, rel=0.1)
        for _ in range(10):
            clock.now += 1.0
            pace.went_well()
        assert pace.per_s is None

    def test_a_rate_of_nothing_is_refused(self) -> None:
        with pytest.raises(InvalidInputError):
            Pace(0.0)


class TestThrottledStorage:
    def test_a_refusal_of_the_store_slows_it_down(self) -> None:
        pace, _ = paced(40.0)
        flaky = FlakyStore(MemoryStorageClient(), [Failure(SLOW)])
        storage = ThrottledStorage(flaky, pace=pace)
        with pytest.raises(RateLimitedError):
            storage.exists(BUCKET, "a")
        assert pace.per_s == 20.0

    def test_a_refusal_within_a_batch_slows_it_down(self) -> None:
        pace, _ = paced(40.0)
        flaky = FlakyStore(MemoryStorageClient(), [Failure(SLOW, where="7")])
        heads = [Head(bucket=BUCKET, key=str(number)) for number in range(10)]
        outcomes = list(ThrottledStorage(flaky, pace=pace).perform_many(heads))
        assert len(outcomes) == 10
        assert pace.per_s == 20.0

    def test_a_batch_keeps_the_pace(self) -> None:
        pace, clock = paced(100.0)
        heads = [Head(bucket=BUCKET, key=str(number)) for number in range(500)]
        list(ThrottledStorage(MemoryStorageClient(), pace=pace).perform_many(heads))
        assert clock.now == pytest.approx(5.0, abs=0.2)

    def test_no_more_are_under_way_than_allowed(self) -> None:
        storage = ThrottledStorage(store := Crowded(), concurrency=3)
        threads = [
            threading.Thread(target=storage.exists, args=(BUCKET, str(number)))
            for number in range(12)
        ]
        for thread in threads:
            thread.start()
        for _ in range(4):
            store.gate.wait()
        for thread in threads:
            thread.join()
        assert store.most == 3

    def test_a_bound_of_nothing_is_refused(self) -> None:
        with pytest.raises(InvalidInputError):
            ThrottledStorage(MemoryStorageClient(), concurrency=0)


class Crowded(MemoryStorageClient):
    """Holds its callers until three are in, and notes the most there ever were."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Barrier(4, timeout=30)
        self.most = 0
        self._inside = 0
        self._count = threading.Lock()

    @override
    def perform(self, operation: Operation[Any]) -> Any:
        with self._count:
            self._inside += 1
            self.most = max(self.most, self._inside)
        self.gate.wait()
        with self._count:
            self._inside -= 1
        return super().perform(operation)
