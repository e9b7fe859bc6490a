"""What fails for a moment is tried again, with patience that ends."""

from collections.abc import Iterator
from typing import Any

import pytest
from clocks import Clock
from typing_extensions import override

from astrid_sdk import observe
from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    CorruptionError,
    InvalidInputError,
    RateLimitedError,
    StorageUnavailableError,
)
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Delete, Get, Operation, Put
from astrid_sdk.storage.retrying import RetryingStorage, RetryPolicy
from astrid_sdk.testing.stores import Failure, FlakyStore, SteppedStore

BUCKET = "astrid-storage"
BUSY = StorageUnavailableError("busy", kind="server_error", wrote=False, transient=True)
LOST = StorageUnavailableError("lost", kind="timeout", wrote=None, transient=True)
GONE = StorageUnavailableError("no route", kind="unreachable", wrote=False, transient=True)
SLOW = RateLimitedError("slow down", wrote=False, transient=True)
BROKEN = CorruptionError("bad digest", kind="checksum", wrote=False, transient=True)
DENIED = AccessDeniedError("not yours", wrote=False)
TIMELESS = RetryPolicy(deadline_s=1e9)


class Counting(SteppedStore):
    """Notes every operation that reaches it, and the number of the try."""

    def __init__(self, failures: list[Failure]) -> None:
        memory = MemoryStorageClient()
        memory.create_bucket(BUCKET)
        super().__init__(FlakyStore(memory, failures))
        self.seen: list[Operation[Any]] = []
        self.numbers: list[int] = []

    @override
    def perform(self, operation: Operation[Any]) -> Any:
        self.seen.append(operation)
        self.numbers.append(observe.attempt.get())
        return self.inner.perform(operation)


def retrying(
    *failures: Failure, policy: RetryPolicy = TIMELESS
) -> tuple[RetryingStorage, Counting, Clock]:
    store, clock = Counting(list(failures)), Clock()
    return RetryingStorage(store, policy, sleep=clock.sleep, clock=clock), store, clock


def put(key: str = "a", data: bytes = b"x") -> Put:
    return Put(bucket=BUCKET, key=key, data=data, content_type="text/plain")


def test_a_transient_failure_is_survived() -> None:
    storage, store, _ = retrying(Failure(BUSY, times=3))
    assert storage.perform(put()).is_new
    assert len(store.seen) == 4
    assert store.numbers == [1, 2, 3, 4]
    assert observe.attempt.get() == 1


def test_what_is_not_transient_is_raised_as_it_came() -> None:
    storage, store, clock = retrying(Failure(DENIED))
    with pytest.raises(AccessDeniedError) as caught:
        storage.perform(put())
    assert (caught.value.message, len(store.seen), clock.slept) == ("not yours", 1, [])


def test_giving_up_says_how_often_it_was_tried_and_keeps_class_kind_and_cause() -> None:
    class Slowing(MemoryStorageClient):
        @override
        def perform(self, operation: Operation[Any]) -> Any:
            raise RateLimitedError("slow down", transient=True) from OSError("wire", operation.verb)

    clock = Clock()
    storage = RetryingStorage(Slowing(), TIMELESS, sleep=clock.sleep, clock=clock)
    with pytest.raises(RateLimitedError, match=r"slow down \(tried 12 times in") as caught:
        storage.perform(put())
    assert caught.value.kind == "rate_limited"
    assert caught.value.wrote is False
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(("error", "tries"), [(BUSY, 12), (SLOW, 12), (GONE, 5), (BROKEN, 3)])
def test_each_kind_of_failure_has_its_patience(error: AstridError, tries: int) -> None:
    storage, store, _ = retrying(Failure(error, times=None))
    with pytest.raises(type(error)):
        storage.perform(put())
    assert len(store.seen) == tries


def test_waits_grow_and_are_spread_evenly_below_their_bound() -> None:
    waits = []
    for seed in range(200):
        storage, _, clock = retrying(
            Failure(BUSY, times=None), policy=RetryPolicy(deadline_s=1e9, seed=seed)
        )
        with pytest.raises(StorageUnavailableError):
            storage.perform(put())
        waits.append(clock.slept)
    for number, column in enumerate(zip(*waits, strict=True)):
        bound = min(10.0, 0.1 * 2**number)
        assert 0 <= min(column) < 0.1 * bound
        assert 0.9 * bound < max(column) <= bound


def test_waits_are_repeatable_by_their_seed() -> None:
    slept = []
    for _ in range(2):
        storage, _, clock = retrying(Failure(BUSY, times=5), policy=RetryPolicy(seed=7))
        storage.perform(put())
        slept.append(clock.slept)
    assert slept[0] == slept[1]


def test_the_wait_the_store_asked_for_is_kept() -> None:
    asked = RateLimitedError("slow down", wrote=False, transient=True, retry_after_s=7.5)
    storage, _, clock = retrying(Failure(asked))
    storage.perform(put())
    assert clock.slept == [7.5]


def test_no_wait_goes_beyond_the_deadline() -> None:
    asked = RateLimitedError("slow down", wrote=False, transient=True, retry_after_s=3600.0)
    storage, store, clock = retrying(Failure(asked, times=None), policy=RetryPolicy(deadline_s=30))
    with pytest.raises(RateLimitedError):
        storage.perform(put())
    assert clock.now == 30.0
    assert len(store.seen) == 2


def test_tries_end_at_the_deadline_however_many_are_left() -> None:
    policy = RetryPolicy(attempts=1000, unreachable_attempts=1000, deadline_s=60.0, seed=1)
    storage, store, clock = retrying(Failure(GONE, times=None), policy=policy)
    with pytest.raises(StorageUnavailableError):
        storage.perform(put())
    assert clock.now == 60.0
    assert len(store.seen) < 60


def test_what_an_earlier_try_may_have_written_is_not_denied() -> None:
    storage, _, _ = retrying(Failure(LOST, takes_effect=True), Failure(DENIED, skip=1))
    with pytest.raises(AccessDeniedError, match="is not known") as caught:
        storage.perform(put())
    assert caught.value.wrote is None


def test_a_deletion_whose_answer_was_lost_says_that_there_was_something() -> None:
    storage, _, _ = retrying(Failure(LOST, verbs={"delete"}, takes_effect=True))
    storage.perform(put())
    assert storage.delete_file(BUCKET, "a")


class TestBatches:
    def test_only_what_failed_is_tried_again(self) -> None:
        storage, store, _ = retrying(Failure(BUSY, where="b/", times=3))
        keys = [f"{letter}/{number}" for letter in "ab" for number in range(10)]
        outcomes = list(storage.perform_many([put(key) for key in keys]))
        assert sorted(outcome.operation.where for outcome in outcomes) == keys
        assert all(outcome.error is None for outcome in outcomes)
        assert len(store.seen) == 23

    def test_each_outcome_names_the_operation_that_was_given(self) -> None:
        storage, _, _ = retrying(Failure(LOST, verbs={"delete"}, times=2, takes_effect=True))
        deletes = [Delete(bucket=BUCKET, key=f"{number}") for number in range(5)]
        for delete in deletes:
            storage.perform(put(delete.key))
        outcomes = list(storage.perform_many(deletes))
        given = {id(delete) for delete in deletes}
        assert {id(outcome.operation) for outcome in outcomes} == given
        assert all(outcome.value() for outcome in outcomes)

    def test_giving_up_says_how_often_each_was_tried(self) -> None:
        storage, _, _ = retrying(Failure(BUSY, where="b", times=None))
        outcomes = list(storage.perform_many([put("a"), put("b")]))
        (error,) = [outcome.error for outcome in outcomes if outcome.error is not None]
        assert "tried 12 times" in error.message

    def test_nothing_is_waited_for_where_nothing_fails(self) -> None:
        storage, _, clock = retrying()
        list(storage.perform_many(put(str(number)) for number in range(100)))
        assert clock.slept == []

    def test_few_bodies_are_kept_to_be_tried_again(self) -> None:
        storage, store, _ = retrying(Failure(GONE, times=None))
        drawn = 0

        def operations() -> Iterator[Put]:
            nonlocal drawn
            for number in range(1000):
                drawn += 1
                yield put(str(number))

        outcomes = storage.perform_many(operations())
        next(outcomes)
        assert drawn < 100
        assert all(outcome.error is not None for outcome in outcomes)
        assert drawn == 1000
        # The first were tried five times; by then the store is known to be away.
        assert len(store.seen) < 1000 + 5 * 64

    def test_patience_returns_with_the_store(self) -> None:
        storage, _, _ = retrying(
            Failure(GONE, where="a", times=None), Failure(BUSY, where="c/90", times=2)
        )
        keys = [f"a/{number}" for number in range(200)] + [f"c/{number}" for number in range(100)]
        outcomes = list(storage.perform_many([put(key) for key in keys]))
        failed = {outcome.operation.where for outcome in outcomes if outcome.error is not None}
        assert failed == {key for key in keys if key.startswith("a")}

    def test_the_number_of_the_try_does_not_leak_to_the_caller(self) -> None:
        storage, _, _ = retrying(Failure(BUSY, times=5))
        for _ in storage.perform_many([put(str(number)) for number in range(20)]):
            assert observe.attempt.get() == 1

    def test_an_error_of_the_source_reaches_the_caller(self) -> None:
        storage, _, _ = retrying()

        def operations() -> Iterator[Get]:
            yield Get(bucket=BUCKET, key="a")
            raise InvalidInputError("the file is gone")

        with pytest.raises(InvalidInputError):
            list(storage.perform_many(operations()))


@pytest.mark.parametrize("changes", [{"attempts": 0}, {"deadline_s": -1.0}, {"base_s": -0.1}])
def test_a_policy_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        RetryPolicy(**changes)
