"""What the stores for tests promise."""

import pytest

from astrid_sdk.errors import RateLimitedError, StorageUnavailableError
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Put
from astrid_sdk.testing.stores import (
    CorruptingStore,
    Damage,
    Failure,
    FlakyStore,
    RecordingStore,
    cut_end,
    flip_bit,
    swap_halves,
)

BUCKET = "astrid-storage"
FITS = "application/fits"
GONE = StorageUnavailableError("the store went away", wrote=None, transient=True)


@pytest.fixture
def inner() -> MemoryStorageClient:
    store = MemoryStorageClient()
    store.create_bucket(BUCKET)
    store.upload_file(BUCKET, "old", b"0123456789", FITS)
    return store


def test_a_failure_before_takes_no_effect(inner: MemoryStorageClient) -> None:
    store = FlakyStore(inner, [Failure(GONE, verbs={"put"})])
    with pytest.raises(StorageUnavailableError):
        store.upload_file(BUCKET, "new", b"x", FITS)
    assert inner.list_files(BUCKET, "") == ["old"]
    store.upload_file(BUCKET, "new", b"x", FITS)


def test_a_failure_after_takes_effect(inner: MemoryStorageClient) -> None:
    store = FlakyStore(inner, [Failure(GONE, verbs={"put"}, takes_effect=True)])
    with pytest.raises(StorageUnavailableError):
        store.upload_file(BUCKET, "new", b"x", FITS)
    assert inner.list_files(BUCKET, "") == ["new", "old"]


def test_failures_are_chosen_by_key_and_count(inner: MemoryStorageClient) -> None:
    store = FlakyStore(inner, [Failure(GONE, where="a/", skip=1, times=2)])
    failed: list[str] = []
    for key in ("a/1", "b/1", "a/2", "b/2", "a/3", "a/4"):
        try:
            store.upload_file(BUCKET, key, b"x", FITS)
        except StorageUnavailableError:
            failed.append(key)
    assert failed == ["a/2", "a/3"]


def test_the_error_raised_is_a_copy_with_all_it_says(inner: MemoryStorageClient) -> None:
    error = RateLimitedError("slow down", wrote=None, transient=True, retry_after_s=3)
    store = FlakyStore(inner, [Failure(error, times=None)])
    with pytest.raises(RateLimitedError) as caught:
        store.download_file(BUCKET, "old")
    assert caught.value is not error
    assert (caught.value.message, caught.value.kind) == ("slow down", "rate_limited")
    assert (caught.value.wrote, caught.value.transient) == (None, True)
    assert caught.value.retry_after_s == 3


def test_each_operation_of_a_batch_may_fail(inner: MemoryStorageClient) -> None:
    store = FlakyStore(inner, [Failure(GONE, where="a/3", times=None)])
    puts = [Put(bucket=BUCKET, key=f"a/{n}", data=b"x", content_type=FITS) for n in range(6)]
    outcomes = list(store.perform_many(puts))
    assert [each.operation.where for each in outcomes if each.error] == ["a/3"]


@pytest.mark.parametrize("change", [flip_bit, cut_end, swap_halves])
def test_damaged_reads_bring_other_bytes(inner: MemoryStorageClient, change: object) -> None:
    assert callable(change)
    store = CorruptingStore(inner, [Damage(change, where="old", times=2)])
    buffer_read = store.download_ranges(BUCKET, "old", [(0, 10)])
    assert buffer_read == [change(b"0123456789")] != [b"0123456789"]
    assert store.download_file(BUCKET, "old") != b"0123456789"
    assert store.download_file(BUCKET, "old") == b"0123456789"


def test_what_was_asked_is_remembered_with_the_bytes_it_had(inner: MemoryStorageClient) -> None:
    store = RecordingStore(inner)
    buffer = bytearray(b"first")
    store.upload_file(BUCKET, "new", buffer, FITS)
    buffer[:] = b"other"
    store.list_files(BUCKET, "n")
    put = store.operations[0]
    assert isinstance(put, Put)
    assert put.data == b"first"
    assert store.keys("put") == ["new"]
    assert store.keys() == ["new", "n"]
