"""What storing by hash promises."""

import hashlib
import io
import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from stores import BUCKET, Bench, CrashingStore, WrappedStore, local_store
from typing_extensions import override

from astrid_sdk.errors import (
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage, blob_key
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Operation, Put, UploadPart, Written
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.source_files import FileMark
from astrid_sdk.testing.stores import (
    RecordingStore,
    SteppedStore,
)
from astrid_sdk.tiers import Tier

DATA = b"a small sky"
MEDIA = "application/octet-stream"


def large(length: int = 9_000_000) -> bytes:
    return hashlib.shake_256(b"a deep sky").digest(length)


class Spooling(SteppedStore):
    """Keeps every body for later, as the outbox does when the store is away."""

    @override
    def perform(self, operation: Operation[Any]) -> Any:
        if isinstance(operation, Put):
            return Written(operation.key, None, is_spooled=True)
        return self.inner.perform(operation)


def memory_store() -> MemoryStorageClient:
    memory = MemoryStorageClient()
    memory.create_bucket(BUCKET)
    return memory


@pytest.fixture
def store(tmp_path: Path) -> WrappedStore:
    return WrappedStore(local_store(tmp_path / "store"))


@pytest.fixture
def cas(store: WrappedStore) -> ContentAddressedStorage:
    return ContentAddressedStorage(store, BUCKET)


def blobs(store: WrappedStore) -> list[str]:
    return [key for key in store.written if "/sha256/" in key]


def blob_file(folder: Path, content_hash: str, tier: Tier) -> Path:
    return folder / "store" / BUCKET / blob_key(content_hash, tier)


def flip(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[3] ^= 1
    path.write_bytes(damaged)


def test_content_is_named_as_plain_sha256sum_names_it(cas: ContentAddressedStorage) -> None:
    expected = hashlib.sha256(DATA).hexdigest()
    assert cas.get_content_hash(DATA) == expected
    assert cas.store_data(DATA, MEDIA) == expected


def test_what_was_stored_comes_back(cas: ContentAddressedStorage) -> None:
    assert cas.retrieve_data(cas.store_data(DATA, MEDIA)) == DATA
    assert cas.retrieve_data(cas.store_data(b"", MEDIA)) == b""


def test_a_blob_is_a_plain_file_below_its_tier(
    cas: ContentAddressedStorage, tmp_path: Path
) -> None:
    content_hash = cas.store_data(DATA, MEDIA, tier="models")
    path = tmp_path / "store" / BUCKET / "models" / "sha256" / content_hash[:2] / content_hash
    assert path.read_bytes() == DATA


def test_a_flipped_bit_is_never_handed_out(cas: ContentAddressedStorage, tmp_path: Path) -> None:
    content_hash = cas.store_data(DATA, MEDIA)
    flip(blob_file(tmp_path, content_hash, Tier.ARTIFACTS))
    with pytest.raises(CorruptionError, match=content_hash):
        cas.retrieve_data(content_hash)


def test_a_damaged_copy_is_passed_over_for_a_sound_one_in_another_tier(
    cas: ContentAddressedStorage, tmp_path: Path
) -> None:
    content_hash = cas.store_data(DATA, MEDIA, tier=Tier.RAW_OBSERVATIONS)
    cas.store_data(DATA, MEDIA, tier=Tier.DATASETS)
    flip(blob_file(tmp_path, content_hash, Tier.RAW_OBSERVATIONS))
    assert cas.retrieve_data(content_hash) == DATA


def test_storing_again_uploads_no_blob(cas: ContentAddressedStorage, store: WrappedStore) -> None:
    cas.store_data(DATA, MEDIA)
    cas.store_data(DATA, MEDIA, name="under another name")
    assert len(blobs(store)) == 1


def test_each_tier_holds_its_own_copy(cas: ContentAddressedStorage, store: WrappedStore) -> None:
    for tier in (Tier.MODELS, Tier.DATASETS):
        cas.store_data(DATA, MEDIA, tier=tier)
    assert len(blobs(store)) == 2


def test_without_deduplication_every_store_uploads_the_body(store: WrappedStore) -> None:
    cas = ContentAddressedStorage(store, BUCKET, deduplicate=False)
    cas.store_data(DATA, MEDIA)
    cas.store_data(DATA, MEDIA)
    assert len(blobs(store)) == 2


def test_a_blob_of_the_wrong_size_is_healed_by_storing_again(
    cas: ContentAddressedStorage, tmp_path: Path
) -> None:
    content_hash = cas.store_data(DATA, MEDIA)
    blob_file(tmp_path, content_hash, Tier.ARTIFACTS).write_bytes(DATA[:4])
    cas.store_data(DATA, MEDIA)
    assert cas.retrieve_data(content_hash) == DATA


def test_damage_that_keeps_the_size_is_healed_by_storing_again(
    cas: ContentAddressedStorage, tmp_path: Path
) -> None:
    content_hash = cas.store_data(DATA, MEDIA)
    flip(blob_file(tmp_path, content_hash, Tier.ARTIFACTS))
    assert cas.store_data(DATA, MEDIA).is_new
    assert cas.retrieve_data(content_hash) == DATA


def test_a_blob_that_was_deleted_is_stored_again_though_it_was_seen(
    cas: ContentAddressedStorage, store: WrappedStore
) -> None:
    content_hash = cas.store_data(DATA, MEDIA)
    store.delete_file(BUCKET, blob_key(content_hash, Tier.ARTIFACTS))
    assert cas.store_data(DATA, MEDIA).is_new
    assert cas.retrieve_data(content_hash) == DATA


@pytest.mark.parametrize("length", [len(DATA), 400_000, 9_000_000])
def test_other_bytes_are_healed_whatever_their_metadata_claim(length: int) -> None:
    data = (DATA * length)[:length]
    lying = data[:-1] + b"!"
    content_hash = hashlib.sha256(data).hexdigest()
    key = blob_key(content_hash, Tier.ARTIFACTS)
    memory = memory_store()
    memory.upload_file(BUCKET, key, lying, MEDIA, content_hash=content_hash)
    cas = ContentAddressedStorage(memory, BUCKET)
    assert cas.store_data(data, MEDIA).is_new
    assert memory.download_file(BUCKET, key) == data


@pytest.mark.parametrize("length", [len(DATA), 400_000, 9_000_000])
def test_what_another_tool_put_there_is_read_before_it_is_trusted(
    tmp_path: Path, length: int
) -> None:
    data = (DATA * length)[:length]
    store = RecordingStore(local_store(tmp_path / "store"))
    content_hash = hashlib.sha256(data).hexdigest()
    store.upload_file(BUCKET, blob_key(content_hash, Tier.ARTIFACTS), data, MEDIA)
    store.operations.clear()
    stored = ContentAddressedStorage(store, BUCKET).store_data(data, MEDIA)
    assert not stored.is_new
    assert [key for key in store.keys("complete") if "/sha256/" in key] == []


def test_a_blob_that_was_seen_is_one_look(tmp_path: Path) -> None:
    store = RecordingStore(local_store(tmp_path / "store"))
    cas = ContentAddressedStorage(store, BUCKET)
    cas.store_data(DATA, MEDIA, name="frame")
    store.operations.clear()
    again = cas.store_data(DATA, MEDIA, name="frame")
    assert not again.is_new
    assert [operation.verb for operation in store.operations] == ["head"]


def test_the_record_of_one_event_is_written_once_and_again_with_its_blob(
    cas: ContentAddressedStorage, store: WrappedStore, tmp_path: Path
) -> None:
    content_hash = cas.store_data(DATA, MEDIA)
    cas.store_data(DATA, MEDIA)
    assert len([key for key in store.written if key.startswith("_records/")]) == 1
    flip(blob_file(tmp_path, content_hash, Tier.ARTIFACTS))
    cas.store_data(DATA, MEDIA)
    assert len([key for key in store.written if key.startswith("_records/")]) == 2


def test_what_waits_in_the_outbox_is_said_to_wait() -> None:
    stored = ContentAddressedStorage(Spooling(memory_store()), BUCKET).store_data(DATA, MEDIA)
    assert stored.is_spooled
    assert stored == hashlib.sha256(DATA).hexdigest()


def test_a_content_hash_is_a_plain_string(cas: ContentAddressedStorage) -> None:
    stored = cas.store_data(DATA, MEDIA)
    assert repr(stored) == repr(hashlib.sha256(DATA).hexdigest())
    assert pickle.loads(pickle.dumps(stored)).is_new  # noqa: S301 - our own


def test_the_tier_that_is_hinted_is_read_first(
    cas: ContentAddressedStorage, store: WrappedStore
) -> None:
    content_hash = cas.store_data(DATA, MEDIA, tier=Tier.TEMP)
    store.read.clear()
    assert cas.retrieve_data(content_hash, tier="temp") == DATA
    assert store.read == [blob_key(content_hash, Tier.TEMP)]


def test_a_wrong_hint_only_costs_time(cas: ContentAddressedStorage) -> None:
    content_hash = cas.store_data(DATA, MEDIA, tier=Tier.TEMP)
    assert cas.retrieve_data(content_hash, tier=Tier.MODELS) == DATA
    assert cas.locate(content_hash, tier=Tier.MODELS) == Tier.TEMP


def test_what_no_tier_holds_is_not_found(cas: ContentAddressedStorage) -> None:
    absent = hashlib.sha256(b"never stored").hexdigest()
    with pytest.raises(NotFoundError, match=absent):
        cas.retrieve_data(absent)
    with pytest.raises(NotFoundError, match=absent):
        cas.locate(absent)


def test_a_missing_bucket_is_not_taken_for_missing_content(tmp_path: Path) -> None:
    cas = ContentAddressedStorage(LocalStorageClient(tmp_path / "store"), BUCKET)
    with pytest.raises(NotFoundError) as missing:
        cas.retrieve_data(hashlib.sha256(DATA).hexdigest())
    assert missing.value.kind == "no_such_bucket"


@pytest.mark.parametrize("name", ["", "abc", "AB" * 32, "../../etc/passwd", "g" * 64])
def test_what_is_no_content_hash_is_refused(cas: ContentAddressedStorage, name: str) -> None:
    with pytest.raises(InvalidInputError):
        cas.retrieve_data(name)


def test_an_unknown_tier_is_refused_before_anything_is_written(
    cas: ContentAddressedStorage, store: WrappedStore
) -> None:
    with pytest.raises(InvalidInputError, match="raw-observations"):
        cas.store_data(DATA, MEDIA, tier="raw")
    assert store.written == []


def test_a_file_is_stored_under_its_name(cas: ContentAddressedStorage, tmp_path: Path) -> None:
    path = tmp_path / "my frame é.bin"
    path.write_bytes(DATA)
    content_hash = cas.store_file(path, MEDIA)
    rows = Bench(local_store(tmp_path / "store")).catalog.contents()
    assert rows.select(["content_hash", "name", "size_bytes"]).to_pylist() == [
        {"content_hash": content_hash, "name": "my frame é.bin", "size_bytes": len(DATA)}
    ]


def test_a_file_that_is_not_there_is_bad_input(
    cas: ContentAddressedStorage, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="No such file"):
        cas.store_file(tmp_path / "absent.bin", MEDIA)


@pytest.mark.parametrize("writes", [0, 1])
def test_a_store_that_dies_between_blob_and_record_acknowledges_nothing(
    tmp_path: Path, writes: int
) -> None:
    inner = local_store(tmp_path / "store")
    with pytest.raises(StorageUnavailableError):
        ContentAddressedStorage(CrashingStore(inner, writes), BUCKET).store_data(DATA, MEDIA)
    after = Bench(inner)
    assert after.catalog.contents().num_rows == 0
    content_hash = after.cas.store_data(DATA, MEDIA)
    assert after.cas.retrieve_data(content_hash) == DATA
    assert after.catalog.contents()["content_hash"].to_pylist() == [content_hash]


def test_a_large_file_comes_and_goes_in_parts(tmp_path: Path) -> None:
    data = large(33_000_000)
    (tmp_path / "frame.fits").write_bytes(data)
    store = RecordingStore(local_store(tmp_path / "store"))
    cas = ContentAddressedStorage(store, BUCKET)
    told: list[int] = []
    stored = cas.store_file(tmp_path / "frame.fits", MEDIA, progress=told.append)
    assert len(store.keys("part")) == 4
    assert told == sorted(told)
    assert told[-1] == len(data)
    assert cas.retrieve_file(stored, tmp_path / "again.fits").read_bytes() == data
    assert b"".join(cas.retrieve_stream(stored)) == data


def test_a_stream_is_stored_whatever_kind_it_is(cas: ContentAddressedStorage) -> None:
    data = large()
    pieces = (data[at : at + 1_000_000] for at in range(0, len(data), 1_000_000))
    of_pieces = cas.store_stream(pieces, MEDIA)
    of_file = cas.store_stream(io.BytesIO(data), MEDIA)
    assert of_pieces == of_file == hashlib.sha256(data).hexdigest()
    assert of_pieces.is_new
    assert not of_file.is_new


def test_an_unchanged_file_is_one_look_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "frame.fits"
    path.write_bytes(DATA)
    seen = SeenContents()
    store = RecordingStore(local_store(tmp_path / "store"))
    stored = ContentAddressedStorage(store, BUCKET, seen=seen).store_file(path, MEDIA)
    # as if it had been hashed long after it was written
    mark = FileMark.of(path.stat())
    seen.remember_files([(path, mark, stored)], hashed_at_ns=time.time_ns() + 10**10)
    store.operations.clear()
    again = ContentAddressedStorage(store, BUCKET, seen=seen).store_file(path, MEDIA)
    assert again == stored
    assert not again.is_new
    assert [operation.verb for operation in store.operations] == ["head"]


def test_an_unchanged_file_whose_blob_was_damaged_is_stored_again(tmp_path: Path) -> None:
    path = tmp_path / "frame.fits"
    path.write_bytes(DATA)
    seen = SeenContents()
    cas = ContentAddressedStorage(local_store(tmp_path / "store"), BUCKET, seen=seen)
    stored = cas.store_file(path, MEDIA)
    mark = FileMark.of(path.stat())
    seen.remember_files([(path, mark, stored)], hashed_at_ns=time.time_ns() + 10**10)
    flip(blob_file(tmp_path, stored, Tier.ARTIFACTS))
    assert cas.store_file(path, MEDIA).is_new
    assert cas.retrieve_data(stored) == DATA


def test_a_file_that_changes_while_it_is_sent_is_not_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "frame.fits"
    path.write_bytes(large())

    class Meddling(RecordingStore):
        @override
        def perform(self, operation: Operation[Any]) -> Any:
            if isinstance(operation, UploadPart):
                os.utime(path, (1, 1))
            return super().perform(operation)

    store = Meddling(memory_store())
    with pytest.raises(InvalidInputError) as refused:
        ContentAddressedStorage(store, BUCKET).store_file(path, MEDIA)
    assert refused.value.kind == "changed_file"
    assert store.list_files(BUCKET, "") == []
