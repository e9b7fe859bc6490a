"""What storing by hash promises."""

import hashlib
from pathlib import Path

import pytest
from stores import BUCKET, Bench, CrashingStore, WrappedStore, local_store

from astrid_sdk.errors import (
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage, blob_key
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.tiers import Tier

DATA = b"a small sky"
MEDIA = "application/octet-stream"


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
