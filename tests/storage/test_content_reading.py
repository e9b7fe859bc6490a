"""What reading by hash promises: ranges, streams and open files, all verified."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from stores import BUCKET, WrappedStore, local_store

from astrid_sdk.errors import CorruptionError, InvalidInputError, StorageUnavailableError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage, blob_key
from astrid_sdk.storage.hashing import LEAF_BYTES
from astrid_sdk.storage.leaves import leaves_key
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Get
from astrid_sdk.testing.stores import (
    CorruptingStore,
    Damage,
    Failure,
    FlakyStore,
    RecordingStore,
    flip_bit,
)
from astrid_sdk.tiers import Tier

DATA = b"a small sky"
MEDIA = "application/octet-stream"


def large(length: int = 9_000_000) -> bytes:
    return hashlib.shake_256(b"a deep sky").digest(length)


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


def blob_file(folder: Path, content_hash: str, tier: Tier) -> Path:
    return folder / "store" / BUCKET / blob_key(content_hash, tier)


def flip(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[3] ^= 1
    path.write_bytes(damaged)


def test_a_range_is_verified_without_the_rest(tmp_path: Path) -> None:
    store = RecordingStore(local_store(tmp_path / "store"))
    stored = ContentAddressedStorage(store, BUCKET).store_data(large(), MEDIA)
    cas = ContentAddressedStorage(store, BUCKET)
    store.operations.clear()
    assert (
        cas.read_range(stored, 5_000_000, 5_000_100, tier="artifacts")
        == (large()[5_000_000:5_000_100])
    )
    gets = [operation for operation in store.operations if isinstance(operation, Get)]
    assert [get.key for get in gets] == [leaves_key(stored), blob_key(stored, Tier.ARTIFACTS)]
    assert gets[1].stop is not None
    assert gets[1].stop - gets[1].start == LEAF_BYTES
    assert len(store.operations) == 2


def test_the_rows_of_a_stamp_cost_little_more_than_unverified() -> None:
    row_bytes, rows = 64 * 1024, 512
    data = large(row_bytes * rows)
    memory = memory_store()
    stored = ContentAddressedStorage(memory, BUCKET).store_data(data, MEDIA)
    counted = RecordingStore(memory)
    first = 100
    wanted = [(row * row_bytes + 1000, row * row_bytes + 2024) for row in range(first, first + 256)]
    cas = ContentAddressedStorage(counted, BUCKET)
    assert cas.read_ranges(stored, wanted, tier="artifacts") == [
        data[start:stop] for start, stop in wanted
    ]
    gets = [operation for operation in counted.operations if isinstance(operation, Get)]
    leaves = counted.head(BUCKET, leaves_key(stored))
    assert leaves is not None
    fetched = leaves.size_bytes + sum((get.stop or 0) - get.start for get in gets if get.stop)
    assert fetched <= 1.1 * (wanted[-1][1] - wanted[0][0])
    assert all((get.stop or 0) - get.start <= 4 * 1024 * 1024 for get in gets)


def test_a_damaged_leaf_is_named_and_another_tier_is_read_instead(tmp_path: Path) -> None:
    cas = ContentAddressedStorage(local_store(tmp_path / "store"), BUCKET)
    stored = cas.store_data(large(), MEDIA, tier=Tier.MODELS)
    flip(blob_file(tmp_path, stored, Tier.MODELS))
    assert (
        cas.read_range(stored, LEAF_BYTES, LEAF_BYTES + 9, tier=Tier.MODELS)
        == (large()[LEAF_BYTES : LEAF_BYTES + 9])
    )
    with pytest.raises(CorruptionError, match=stored) as damaged:
        cas.read_range(stored, 0, 10, tier=Tier.MODELS)
    assert "leaf 0" in str(damaged.value.__cause__)
    cas.store_data(large(), MEDIA, tier=Tier.DATASETS)
    assert cas.read_range(stored, 0, 10, tier=Tier.MODELS) == large()[:10]


@pytest.mark.parametrize("become", ["missing", "damaged"])
def test_without_leaf_digests_the_whole_is_verified(tmp_path: Path, become: str) -> None:
    store = local_store(tmp_path / "store")
    stored = ContentAddressedStorage(store, BUCKET).store_data(large(), MEDIA)
    if become == "missing":
        store.delete_file(BUCKET, leaves_key(stored))
    else:
        flip(tmp_path / "store" / BUCKET / leaves_key(stored))
    cas = ContentAddressedStorage(store, BUCKET)
    assert cas.read_range(stored, 10, 20) == large()[10:20]
    assert b"".join(cas.retrieve_stream(stored)) == large()
    with cas.open(stored) as file:
        assert file.read() == large()
    flip(blob_file(tmp_path, stored, Tier.ARTIFACTS))
    with pytest.raises(CorruptionError):
        cas.read_range(stored, 10, 20)


def test_leaf_digests_that_are_missing_are_written_by_storing_again(tmp_path: Path) -> None:
    store = local_store(tmp_path / "store")
    stored = ContentAddressedStorage(store, BUCKET).store_data(large(), MEDIA)
    store.delete_file(BUCKET, leaves_key(stored))
    assert not ContentAddressedStorage(store, BUCKET).store_data(large(), MEDIA).is_new
    assert store.exists(BUCKET, leaves_key(stored))


def test_a_range_ends_as_a_slice_does_and_a_wrong_one_is_refused(
    cas: ContentAddressedStorage,
) -> None:
    for data in (DATA, large()):
        stored = cas.store_data(data, MEDIA)
        assert cas.read_range(stored, len(data) - 2, len(data) + 5) == data[-2:]
        assert cas.read_range(stored, len(data) + 5, len(data) + 9) == b""
        with pytest.raises(InvalidInputError):
            cas.read_range(stored, 5, 4)


@pytest.mark.parametrize("data", [DATA, large()])
def test_damage_on_the_way_is_read_again(data: bytes, tmp_path: Path) -> None:
    memory = memory_store()
    stored = ContentAddressedStorage(memory, BUCKET).store_data(data, MEDIA)
    tier = "artifacts"

    def damaged() -> ContentAddressedStorage:
        rule = Damage(flip_bit, where=tier, times=1)
        return ContentAddressedStorage(CorruptingStore(memory, [rule]), BUCKET)

    assert damaged().retrieve_data(stored) == data
    assert damaged().read_range(stored, 0, 100) == data[:100]
    assert b"".join(damaged().retrieve_stream(stored)) == data
    assert damaged().retrieve_file(stored, tmp_path / "whole").read_bytes() == data
    assert damaged().retrieve_files([stored], tmp_path)[0].read_bytes() == data


@pytest.mark.parametrize("data", [DATA, large()])
def test_damage_that_stays_is_never_handed_out(data: bytes, tmp_path: Path) -> None:
    memory = memory_store()
    stored = ContentAddressedStorage(memory, BUCKET).store_data(data, MEDIA)
    rule = Damage(flip_bit, where="artifacts", times=None)
    cas = ContentAddressedStorage(CorruptingStore(memory, [rule]), BUCKET)
    target = tmp_path / "kept"
    target.write_bytes(b"what was there")
    for read in (
        lambda: cas.retrieve_data(stored),
        lambda: cas.read_range(stored, 0, len(data)),
        lambda: list(cas.retrieve_stream(stored)),
        lambda: cas.open(stored).read(),
        lambda: cas.retrieve_file(stored, target),
        lambda: cas.retrieve_files([(stored, "kept")], tmp_path),
    ):
        with pytest.raises(CorruptionError):
            read()
    assert target.read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_an_image_can_be_opened_in_place(cas: ContentAddressedStorage) -> None:
    pixels = np.arange(1500 * 1500, dtype=np.float32).reshape(1500, 1500)
    content = io.BytesIO()
    fits.PrimaryHDU(pixels).writeto(content)
    stored = cas.store_data(content.getvalue(), "application/fits")
    with cas.open(stored) as file, fits.open(file) as hdus:
        assert np.array_equal(hdus[0].section[700:710, 3:9], pixels[700:710, 3:9])


def test_an_open_content_is_read_and_sought_as_a_file_is(cas: ContentAddressedStorage) -> None:
    with cas.open(cas.store_data(large(), MEDIA)) as file:
        assert file.seek(-4, os.SEEK_END) == len(large()) - 4
        assert file.read() == large()[-4:]
        assert file.read() == b""
        file.seek(3_000_000)
        assert file.read(10) == large()[3_000_000:3_000_010]
        assert file.seek(5, os.SEEK_CUR) == 3_000_015
        with pytest.raises(OSError, match="write"):
            file.write(b"no")
        with pytest.raises(ValueError, match="before the start"):
            file.raw.seek(-1, os.SEEK_SET)


@pytest.mark.parametrize("kind", ["folder", "memory"])
@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0, 4 << 20),
        (0, 9_000_000),
        (LEAF_BYTES, 9_000_000 - LEAF_BYTES),
        (LEAF_BYTES, 2 << 20),
        (5, 4 << 20),
        (LEAF_BYTES, (2 << 20) + 5),
        (7_000_001, 1_999_999),
        (8_999_990, 10),
    ],
)
def test_memory_of_the_caller_is_filled_with_what_stands_there(
    tmp_path: Path, start: int, length: int, kind: str
) -> None:
    store = local_store(tmp_path / "store") if kind == "folder" else memory_store()
    cas = ContentAddressedStorage(store, BUCKET)
    room = bytearray(length)
    with cas.open(cas.store_data(large(), MEDIA)) as file:
        file.seek(start)
        assert file.readinto(room) == length
        assert file.tell() == start + length
    assert room == large()[start : start + length]


def test_whole_leaves_are_read_to_where_they_belong(tmp_path: Path) -> None:
    store = RecordingStore(local_store(tmp_path / "store"))
    cas = ContentAddressedStorage(store, BUCKET)
    stored = cas.store_data(large(), MEDIA)
    room = bytearray(4 << 20)
    with cas.open(stored) as file:
        store.operations.clear()
        assert file.readinto(room) == len(room)
    (get,) = store.operations
    assert isinstance(get, Get)
    assert get.into is not None
    get.into[:4] = b"here"
    assert room[:4] == b"here"


def test_memory_is_filled_from_the_tier_whose_copy_is_sound(tmp_path: Path) -> None:
    cas = ContentAddressedStorage(local_store(tmp_path / "store"), BUCKET)
    stored = cas.store_data(large(), MEDIA, tier=Tier.MODELS)
    flip(blob_file(tmp_path, stored, Tier.MODELS))
    room = bytearray(4 << 20)
    with (
        cas.open(stored, tier=Tier.MODELS) as file,
        pytest.raises(CorruptionError, match=stored),
    ):
        file.readinto(room)
    cas.store_data(large(), MEDIA, tier=Tier.DATASETS)
    with cas.open(stored, tier=Tier.MODELS) as file:
        assert file.readinto(room) == len(room)
    assert room == large()[: len(room)]


def test_many_small_contents_come_with_their_places(tmp_path: Path) -> None:
    store = local_store(tmp_path / "store")
    cas = ContentAddressedStorage(store, BUCKET)
    stored = [cas.store_data(f"{n}".encode(), MEDIA, tier=Tier.MODELS) for n in range(5)]
    flip_all = blob_file(tmp_path, stored[2], Tier.MODELS)
    flip_all.write_bytes(b"x")
    asked = [*((each, Tier.MODELS) for each in stored), ("ab" * 32, None), (stored[0], "models")]
    found = dict(ContentAddressedStorage(store, BUCKET).retrieve_each(asked))
    assert found == {0: b"0", 1: b"1", 3: b"3", 4: b"4", 6: b"0"}


def test_exists_says_yes_no_or_that_it_is_not_known(store: WrappedStore) -> None:
    cas = ContentAddressedStorage(store, BUCKET)
    stored = cas.store_data(DATA, MEDIA, tier=Tier.TEMP)
    assert cas.exists(stored)
    assert cas.exists(stored, tier="temp")
    assert not cas.exists(stored, tier="models")
    assert not cas.exists("ab" * 32)
    away = FlakyStore(store, [Failure(StorageUnavailableError("away"), times=None)])
    with pytest.raises(StorageUnavailableError):
        ContentAddressedStorage(away, BUCKET).exists(stored)


def test_a_content_that_was_seen_is_found_without_asking_every_tier(tmp_path: Path) -> None:
    store = RecordingStore(local_store(tmp_path / "store"))
    cas = ContentAddressedStorage(store, BUCKET)
    stored = cas.store_data(DATA, MEDIA, tier=Tier.TEMP)
    store.operations.clear()
    assert cas.retrieve_data(stored) == DATA
    assert [operation.verb for operation in store.operations] == ["get"]
