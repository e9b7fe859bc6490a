"""What the store in memory promises beyond `ObjectStorage`."""

import hashlib

import pytest

from astrid_sdk.errors import CorruptionError, NotFoundError
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import (
    BeginUpload,
    CompleteUpload,
    PartialUpload,
    UploadedPart,
    UploadPart,
)

BUCKET = "astrid-storage"
FITS = "application/fits"


@pytest.fixture
def store() -> MemoryStorageClient:
    client = MemoryStorageClient()
    client.create_bucket(BUCKET)
    return client


def test_each_client_is_a_store_of_its_own(store: MemoryStorageClient) -> None:
    store.upload_file(BUCKET, "a", b"x", FITS)
    other = MemoryStorageClient()
    assert other.head(BUCKET, "a") is None
    assert other.describe() != store.describe()
    with pytest.raises(NotFoundError):
        other.list_files(BUCKET, "")


def test_buckets_hold_their_own_objects(store: MemoryStorageClient) -> None:
    store.create_bucket("another-bucket")
    store.upload_file(BUCKET, "a", b"x", FITS)
    assert store.list_files("another-bucket", "") == []


def test_the_mark_is_the_md5_sum_as_with_s3(store: MemoryStorageClient) -> None:
    store.upload_file(BUCKET, "a", b"hello", FITS)
    found = store.head(BUCKET, "a")
    assert found is not None
    assert found.etag == "5d41402abc4b2a76b9719d911017c592"


def test_the_mark_of_parts_is_the_one_s3_makes(store: MemoryStorageClient) -> None:
    upload, part = _sent(store)
    complete = CompleteUpload(bucket=BUCKET, upload=upload, parts=(part,))
    digest = hashlib.md5(b"hello", usedforsecurity=False).digest()
    expected = hashlib.md5(digest, usedforsecurity=False).hexdigest()
    assert store.perform(complete).etag == f"{expected}-1"


def test_a_hash_that_was_not_the_bodys_is_found_when_it_is_read(
    store: MemoryStorageClient,
) -> None:
    wrong = hashlib.sha256(b"other").hexdigest()
    store.upload_file(BUCKET, "a", b"hello", FITS, content_hash=wrong)
    with pytest.raises(CorruptionError):
        store.download_file(BUCKET, "a")
    assert store.download_range(BUCKET, "a", 0, 2) == b"he"


def test_what_is_handed_out_cannot_change_what_is_stored(store: MemoryStorageClient) -> None:
    given = {"note": "first"}
    store.upload_file(BUCKET, "a", b"x", FITS, user_metadata=given)
    given["note"] = "other"
    found = store.head(BUCKET, "a")
    assert found is not None
    assert dict(found.user_metadata) == {"note": "first"}
    with pytest.raises(TypeError):
        found.user_metadata["note"] = "other"  # type: ignore[index]


def test_a_listing_is_right_after_each_change(store: MemoryStorageClient) -> None:
    for key in ("b", "a"):
        store.upload_file(BUCKET, key, b"x", FITS)
        store.list_files(BUCKET, "")
    store.copy_file(BUCKET, "a", "aa")
    assert store.list_files(BUCKET, "") == ["a", "aa", "b"]
    store.delete_file(BUCKET, "a")
    assert store.list_files(BUCKET, "") == ["aa", "b"]


def test_an_upload_is_of_one_key(store: MemoryStorageClient) -> None:
    upload, part = _sent(store)
    other = PartialUpload(BUCKET, "b", upload.upload_id, upload.part_bytes)
    with pytest.raises(NotFoundError) as caught:
        store.perform(CompleteUpload(bucket=BUCKET, upload=other, parts=(part,)))
    assert caught.value.kind == "no_such_upload"


def test_it_says_how_much_it_holds_and_not_what(store: MemoryStorageClient) -> None:
    assert repr(store) == "<MemoryStorageClient with 1 buckets>"


def _sent(store: MemoryStorageClient) -> tuple[PartialUpload, UploadedPart]:
    begin = BeginUpload(bucket=BUCKET, key="a", content_type=FITS, part_bytes=8)
    upload = store.perform(begin)
    part = UploadPart(bucket=BUCKET, upload=upload, number=1, data=b"hello")
    return upload, store.perform(part)
