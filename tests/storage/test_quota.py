"""A tier holds no more than it may, and what is refused was not sent."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from clocks import Clock

from astrid_sdk.errors import InvalidInputError, QuotaExceededError, StorageUnavailableError
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    Put,
    UploadPart,
)
from astrid_sdk.storage.quota import Quota, QuotaStorage, quotas_of
from astrid_sdk.testing.stores import Failure, FlakyStore, RecordingStore
from astrid_sdk.tiers import Tier

BUCKET = "astrid-storage"
AWAY = StorageUnavailableError("away", kind="timeout", wrote=None, transient=True)


@pytest.fixture
def memory() -> MemoryStorageClient:
    store = MemoryStorageClient()
    store.create_bucket(BUCKET)
    return store


def limited(
    store: MemoryStorageClient | FlakyStore | RecordingStore,
    size_bytes: int | None = None,
    objects: int | None = None,
    clock: Clock | None = None,
) -> QuotaStorage:
    return QuotaStorage(store, {Tier.TEMP: Quota(size_bytes, objects)}, clock=clock or Clock())


def put(key: str, size_bytes: int = 10, *, create_only: bool = False) -> Put:
    data = b"x" * size_bytes
    return Put(bucket=BUCKET, key=key, data=data, content_type="a/b", create_only=create_only)


def fills(storage: QuotaStorage, keys: Iterator[str], size_bytes: int = 10) -> int:
    """Return how many objects fit."""
    count = 0
    while True:
        try:
            storage.perform(put(next(keys), size_bytes))
        except QuotaExceededError:
            return count
        count += 1


def names() -> Iterator[str]:
    yield from (f"temp/{number}" for number in range(10_000))


class TestQuota:
    @pytest.mark.parametrize(
        ("text", "quota"),
        [
            ("10", Quota(10)),
            ("10B", Quota(10)),
            ("2kB", Quota(2000)),
            ("2KiB", Quota(2048)),
            ("1.5 GiB", Quota(3 << 29)),
            ("2TiB:500000", Quota(2 << 40, 500_000)),
            (":7", Quota(None, 7)),
            ("1PB : 8", Quota(10**15, 8)),
        ],
    )
    def test_it_is_read_from_text(self, text: str, quota: Quota) -> None:
        assert Quota.parse(text) == quota

    @pytest.mark.parametrize("text", ["", " ", "ten", "10XB", "-1", "10GiB:many", "1:2:3", "GiB"])
    def test_other_text_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInputError, match="is no quota"):
            Quota.parse(text)

    def test_an_unknown_tier_is_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="no tier is called"):
            quotas_of({"tmp": "10GiB"})

    def test_it_says_its_limits(self) -> None:
        assert str(Quota(10, 3)) == "10 bytes and 3 objects"
        assert str(Quota()) == "no limit"


def test_what_fits_is_written_and_what_does_not_is_not_sent(memory: MemoryStorageClient) -> None:
    recording = RecordingStore(memory)
    storage = limited(recording, size_bytes=35)
    assert fills(storage, names()) == 3
    assert storage.list_files(BUCKET, "temp/") == ["temp/0", "temp/1", "temp/2"]
    assert len(recording.keys("put")) == 3


def test_objects_are_counted_too(memory: MemoryStorageClient) -> None:
    assert fills(limited(memory, objects=4), names(), size_bytes=0) == 4


def test_the_refusal_names_tier_limit_use_and_what_was_asked(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=25)
    storage.perform(put("temp/a", 20))
    with pytest.raises(QuotaExceededError) as caught:
        storage.perform(put("temp/b", 6))
    for said in ("temp", "25 bytes", "20 bytes", "6 bytes", "ASTRID_QUOTAS"):
        assert said in caught.value.message
    assert (caught.value.kind, caught.value.wrote) == ("quota", False)


def test_other_tiers_and_keys_outside_the_tiers_are_free(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=5)
    for key in ("models/a", "_records/a", "temporary", "elsewhere/temp/a"):
        storage.perform(put(key))


def test_what_was_there_before_counts(memory: MemoryStorageClient) -> None:
    for number in range(3):
        memory.perform(put(f"temp/before-{number}"))
    assert fills(limited(memory, size_bytes=50), names()) == 2


def test_the_same_bytes_again_count_once(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=30)
    for _ in range(10):
        storage.perform(put("temp/a", create_only=True))
    assert fills(storage, names()) == 2


def test_a_full_tier_still_takes_what_it_has(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=10, objects=1)
    storage.perform(put("temp/a", create_only=True))
    assert not storage.perform(put("temp/a", create_only=True)).is_new
    assert storage.perform(put("temp/a")).is_new
    with pytest.raises(QuotaExceededError):
        storage.perform(put("temp/a", 11))


def test_a_failed_write_takes_no_room(memory: MemoryStorageClient) -> None:
    refused = StorageUnavailableError("busy", wrote=False, transient=True)
    storage = limited(FlakyStore(memory, [Failure(refused, verbs={"put"}, times=5)]), size_bytes=10)
    for _ in range(5):
        with pytest.raises(StorageUnavailableError):
            storage.perform(put("temp/a"))
    storage.perform(put("temp/a"))


def test_a_write_with_an_unknown_end_is_counted_as_it_turns_out(
    memory: MemoryStorageClient,
) -> None:
    failures = [
        Failure(AWAY, verbs={"put"}),
        Failure(AWAY, verbs={"put"}, skip=1, takes_effect=True),
    ]
    storage = limited(FlakyStore(memory, failures), size_bytes=20)
    for key in ("temp/lost", "temp/landed"):
        with pytest.raises(StorageUnavailableError):
            storage.perform(put(key))
    storage.perform(put("temp/a"))
    with pytest.raises(QuotaExceededError):
        storage.perform(put("temp/b"))


def test_room_that_is_made_can_be_used(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=30)
    fills(storage, names())
    storage.delete_file(BUCKET, "temp/1")
    storage.perform(put("temp/new"))


def test_room_that_others_made_is_found(memory: MemoryStorageClient) -> None:
    clock = Clock()
    storage = limited(memory, size_bytes=30, clock=clock)
    fills(storage, names())
    memory.delete_file(BUCKET, "temp/1")
    clock.now += 60.0
    storage.perform(put("temp/new"))


def test_what_others_wrote_is_found_after_some_minutes(memory: MemoryStorageClient) -> None:
    clock = Clock()
    storage = limited(memory, size_bytes=30, clock=clock)
    storage.perform(put("temp/a"))
    memory.perform(put("temp/of-others", 20))
    clock.now += 3600.0
    with pytest.raises(QuotaExceededError):
        storage.perform(put("temp/b"))


def test_it_is_listed_once_while_there_is_room(memory: MemoryStorageClient) -> None:
    recording = RecordingStore(memory)
    storage = limited(recording, size_bytes=10_000)
    for number in range(50):
        storage.perform(put(f"temp/{number}"))
    assert len(recording.keys("list")) == 1


def test_a_full_tier_is_not_listed_for_every_refusal(memory: MemoryStorageClient) -> None:
    recording = RecordingStore(memory)
    storage = limited(recording, size_bytes=30)
    for _ in range(20):
        fills(storage, names())
    assert len(recording.keys("list")) <= 3


def test_a_copy_counts(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=25)
    storage.perform(put("temp/a"))
    storage.copy_file(BUCKET, "temp/a", "temp/b")
    with pytest.raises(QuotaExceededError):
        storage.copy_file(BUCKET, "temp/a", "temp/c")


def test_a_batch_writes_what_fits_and_refuses_the_rest(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=350)
    outcomes = list(storage.perform_many(put(key) for key in list(names())[:200]))
    refused = [outcome for outcome in outcomes if outcome.error is not None]
    assert len(outcomes) == 200
    assert len(refused) == 165
    assert len(memory.list_files(BUCKET, "temp/")) == 35


def test_a_batch_that_is_left_gives_its_room_back(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=400)
    outcomes = storage.perform_many(put(key) for key in list(names())[:30])
    next(outcomes)
    del outcomes
    landed = len(memory.list_files(BUCKET, "temp/"))
    assert fills(storage, (f"temp/more-{number}" for number in range(100))) == 40 - landed


def test_threads_together_write_no_more_than_fits(memory: MemoryStorageClient) -> None:
    storage = limited(memory, size_bytes=200)
    threads = [
        threading.Thread(
            target=fills, args=(storage, (f"temp/{name}-{number}" for number in range(50)))
        )
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory.list_files(BUCKET, "temp/")) == 20


def test_an_unreachable_listing_refuses_nothing(memory: MemoryStorageClient) -> None:
    storage = limited(FlakyStore(memory, [Failure(AWAY, verbs={"list"}, times=2)]), size_bytes=30)
    storage.perform(put("temp/a"))
    assert fills(storage, names()) == 2


class TestLargeUploads:
    def begin(self) -> BeginUpload:
        return BeginUpload(bucket=BUCKET, key="temp/large", content_type="a/b", part_bytes=10)

    def test_parts_count_as_they_are_sent(self, memory: MemoryStorageClient) -> None:
        storage = limited(memory, size_bytes=33)
        upload = storage.perform(self.begin())
        for number in (1, 2, 2, 3):
            part = UploadPart(bucket=BUCKET, upload=upload, number=number, data=b"x" * 8)
            storage.perform(part)
        with pytest.raises(QuotaExceededError):
            storage.perform(UploadPart(bucket=BUCKET, upload=upload, number=4, data=b"x" * 10))

    def test_an_aborted_upload_gives_its_room_back(self, memory: MemoryStorageClient) -> None:
        storage = limited(memory, size_bytes=30, objects=3)
        upload = storage.perform(self.begin())
        storage.perform(UploadPart(bucket=BUCKET, upload=upload, number=1, data=b"x" * 10))
        storage.perform(AbortUpload(bucket=BUCKET, upload=upload))
        assert fills(storage, names()) == 3

    def test_a_completed_upload_is_counted_once(self, memory: MemoryStorageClient) -> None:
        storage = limited(memory, size_bytes=40)
        upload = storage.perform(self.begin())
        parts = tuple(
            storage.perform(UploadPart(bucket=BUCKET, upload=upload, number=number, data=b"x" * 10))
            for number in (1, 2)
        )
        storage.perform(CompleteUpload(bucket=BUCKET, upload=upload, parts=parts))
        assert fills(storage, names()) == 2

    def test_a_file_that_does_not_fit_leaves_nothing_behind(
        self, memory: MemoryStorageClient, tmp_path: Path
    ) -> None:
        source = tmp_path / "large"
        source.write_bytes(bytes(40 << 20))
        storage = limited(memory, size_bytes=30 << 20)
        with pytest.raises(QuotaExceededError):
            storage.upload_source(BUCKET, "temp/large", source, "a/b")
        assert memory.list_files(BUCKET, "") == []
        assert memory.sweep_uploads(BUCKET, older_than_s=-1) == 0
        storage.perform(put("temp/other", 30 << 20))
