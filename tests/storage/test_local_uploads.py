"""What large uploads into a folder promise beyond `ObjectStorage`."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from astrid_sdk.errors import AccessDeniedError, ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.local_uploads import LocalUploads
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListUploads,
    PartialUpload,
    UploadedPart,
    UploadPart,
    Written,
)

BUCKET = "astrid-storage"
PART_BYTES = 4


def left_behind(folder: Path) -> list[str]:
    """Return the temporary files below `folder` but for the lock."""
    files = [path for path in (folder / ".tmp").rglob("*") if path.is_file()]
    return sorted(path.name for path in files if path.name != "lock")


def begun(store: LocalStorageClient) -> PartialUpload:
    begin = BeginUpload(
        bucket=BUCKET, key="night/big", content_type="text/plain", part_bytes=PART_BYTES
    )
    return store.perform(begin)


def sent(store: LocalStorageClient, upload: PartialUpload, *bodies: bytes) -> list[UploadedPart]:
    return [
        store.perform(UploadPart(bucket=BUCKET, upload=upload, number=number, data=body))
        for number, body in enumerate(bodies, 1)
    ]


def complete(
    store: LocalStorageClient,
    upload: PartialUpload,
    parts: list[UploadedPart],
    *,
    create_only: bool = False,
    content_hash: str | None = None,
) -> Written:
    return store.perform(
        CompleteUpload(
            bucket=BUCKET,
            upload=upload,
            parts=tuple(parts),
            create_only=create_only,
            content_hash=content_hash,
        )
    )


def test_one_survives_the_process(store: LocalStorageClient, folder: Path) -> None:
    upload = begun(store)
    parts = sent(store, upload, b"aaaa", b"b")
    later = LocalStorageClient(folder)
    (found,) = later.perform(ListUploads(bucket=BUCKET))
    assert found.upload_id == upload.upload_id
    assert found.part_bytes == 4
    complete(later, found, parts)
    assert store.download_file(BUCKET, "night/big") == b"aaaab"
    assert left_behind(folder) == []


def test_one_given_up_leaves_no_file(store: LocalStorageClient, folder: Path) -> None:
    upload = begun(store)
    sent(store, upload, b"aaaa")
    store.perform(AbortUpload(bucket=BUCKET, upload=upload))
    assert left_behind(folder) == []


@pytest.mark.parametrize(("number", "data"), [(0, b"x"), (1, b""), (1, b"12345")])
def test_a_part_that_does_not_fit_is_refused(
    store: LocalStorageClient, number: int, data: bytes
) -> None:
    upload = begun(store)
    with pytest.raises(InvalidInputError) as caught:
        store.perform(UploadPart(bucket=BUCKET, upload=upload, number=number, data=data))
    assert caught.value.kind == "parts"


@pytest.mark.parametrize("upload_id", ["", "..", "../uploads", "a/b", "f" * 32])
def test_an_unknown_name_is_no_upload(store: LocalStorageClient, upload_id: str) -> None:
    unknown = PartialUpload(BUCKET, "night/big", upload_id, 4)
    with pytest.raises(NotFoundError) as caught:
        sent(store, unknown, b"x")
    assert caught.value.kind == "no_such_upload"
    assert store.perform(AbortUpload(bucket=BUCKET, upload=unknown)) is False


def test_one_of_another_key_is_not_touched(store: LocalStorageClient) -> None:
    upload = begun(store)
    other = dataclasses.replace(upload, key="night/other")
    with pytest.raises(NotFoundError):
        sent(store, other, b"x")
    assert store.perform(AbortUpload(bucket=BUCKET, upload=other)) is False
    assert len(store.perform(ListUploads(bucket=BUCKET))) == 1


def test_a_lost_answer_is_recognised_by_the_hash(store: LocalStorageClient) -> None:
    upload = begun(store)
    parts = sent(store, upload, b"aaaa", b"b")
    complete(store, upload, parts)
    content_hash = hashlib.sha256(b"aaaab").hexdigest()
    assert complete(store, upload, parts, content_hash=content_hash).is_new is False
    store.upload_file(BUCKET, "night/big", b"bbbba", "text/plain")
    with pytest.raises(NotFoundError) as caught:
        complete(store, upload, parts, content_hash=content_hash)
    assert caught.value.kind == "no_such_upload"


def test_a_part_that_comes_late_does_not_change_the_object(
    store: LocalStorageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(store)
    parts = sent(store, upload, b"aaaa")
    with monkeypatch.context() as patch:  # killed before the upload was cleared away
        patch.setattr(LocalUploads, "_clear", lambda *_: None)
        complete(store, upload, parts, create_only=True)
    with pytest.raises(NotFoundError):
        sent(store, upload, b"late")
    assert store.download_file(BUCKET, "night/big") == b"aaaa"


def test_parts_given_up_are_not_filled_with_zeros(store: LocalStorageClient) -> None:
    upload = begun(store)
    parts = sent(store, upload, b"aaaa", b"bbbb", b"c")
    store.upload_file(BUCKET, "night/big", b"theirs", "text/plain")
    with pytest.raises(ConflictError):
        complete(store, upload, parts[:1], create_only=True)
    with pytest.raises(InvalidInputError) as caught:
        complete(store, upload, parts)
    assert caught.value.kind == "parts"
    assert store.download_file(BUCKET, "night/big") == b"theirs"


def test_none_begins_through_a_link(
    store: LocalStorageClient, folder: Path, tmp_path: Path
) -> None:
    (folder / BUCKET / "night").symlink_to(tmp_path)
    with pytest.raises(AccessDeniedError):
        begun(store)
