"""What looking for many keys promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import BUCKET

from astrid_sdk.errors import NotFoundError, StorageUnavailableError
from astrid_sdk.storage.looking import look_up
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Put
from astrid_sdk.testing.stores import Failure, FlakyStore, RecordingStore

PREFIX = "temp/sha256/"


def key_of(number: int) -> str:
    return f"{PREFIX}{number:04x}"


def holding(numbers: set[int]) -> RecordingStore:
    memory = MemoryStorageClient()
    memory.create_bucket(BUCKET)
    for number in numbers:
        put = Put(bucket=BUCKET, key=key_of(number), data=b"x" * number, content_type="a/b")
        memory.perform(put)
    return RecordingStore(memory)


numbers = st.sets(st.integers(min_value=0, max_value=60))


@given(numbers, numbers)
def test_exactly_what_is_there_is_found(there: set[int], wanted: set[int]) -> None:
    found = look_up(holding(there), BUCKET, PREFIX, [key_of(number) for number in wanted])
    sizes = {key: stored.size_bytes for key, stored in found.items()}
    assert sizes == {key_of(number): number for number in there & wanted}


def test_two_thousand_are_found_with_two_requests() -> None:
    store = holding(set(range(2_000)))
    found = look_up(store, BUCKET, PREFIX, [key_of(number) for number in range(2_000)])
    assert len(found) == 2_000
    assert [operation.verb for operation in store.operations] == ["list", "list"]


def test_few_keys_among_many_are_asked_for_singly() -> None:
    store = holding(set(range(20_000)))
    wanted = [key_of(number) for number in range(0, 20_000, 2_000)]
    found = look_up(store, BUCKET, PREFIX, wanted)
    assert sorted(found) == wanted
    verbs = [operation.verb for operation in store.operations]
    assert verbs.count("list") == 3
    assert verbs.count("head") == 7


def test_keys_that_stand_together_are_found_however_many_are_before_them() -> None:
    store = holding(set(range(20_000)))
    wanted = [key_of(number) for number in range(15_000, 15_100)]
    assert sorted(look_up(store, BUCKET, PREFIX, wanted)) == wanted
    assert [operation.verb for operation in store.operations] == ["list"]


def test_no_keys_are_no_request() -> None:
    store = holding(set())
    assert look_up(store, BUCKET, PREFIX, []) == {}
    assert store.operations == []


def test_an_outage_is_not_an_empty_answer() -> None:
    for verb in ("list", "head"):
        away = FlakyStore(
            holding(set(range(20_000))), [Failure(StorageUnavailableError("away"), verbs={verb})]
        )
        with pytest.raises(StorageUnavailableError):
            look_up(away, BUCKET, PREFIX, [key_of(number) for number in range(0, 20_000, 2_000)])


def test_a_missing_bucket_is_told_from_missing_keys() -> None:
    with pytest.raises(NotFoundError) as missing:
        look_up(MemoryStorageClient(), BUCKET, PREFIX, [key_of(number) for number in range(9)])
    assert missing.value.kind == "no_such_bucket"
