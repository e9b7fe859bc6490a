"""What large uploads promise when something changes or fails in the middle."""

import hashlib
from pathlib import Path

import pytest
from typing_extensions import override

from astrid_sdk.config import StorageConfig
from astrid_sdk.errors import AccessDeniedError, CorruptionError, InvalidInputError
from astrid_sdk.storage.http_message import HttpAnswer
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import (
    AbortUpload,
    CompleteUpload,
    ListUploads,
    Operation,
    PartialUpload,
    Put,
    UploadedPart,
    UploadPart,
)
from astrid_sdk.storage.s3_plans import S3Plans
from astrid_sdk.storage.s3_requests import S3Requests
from astrid_sdk.storage.s3_sameness import EtagKind
from astrid_sdk.storage.transfers import upload_hashed
from astrid_sdk.storage.wrapping import ResultT, WrapperStorage

BUCKET = "astrid-storage"
PART = 7
CONTENT = b"a small sky!!!"  # two parts


@pytest.fixture
def store() -> MemoryStorageClient:
    made = MemoryStorageClient()
    made.create_bucket(BUCKET)
    return made


def put_of(content: bytes) -> Put:
    named = hashlib.sha256(content).hexdigest()
    return Put(bucket=BUCKET, key="a", data=b"", content_type="a/b", content_hash=named)


def parts_of(content: bytes) -> list[str]:
    pieces = [content[at : at + PART] for at in range(0, len(content), PART)]
    return [hashlib.sha256(piece).hexdigest() for piece in pieces]


@pytest.mark.parametrize("now", [CONTENT + b"more of it", CONTENT[:9]])
def test_a_file_that_grew_or_shrank_since_it_was_hashed_is_not_stored(
    store: MemoryStorageClient, tmp_path: Path, now: bytes
) -> None:
    path = tmp_path / "frame"
    path.write_bytes(now)
    with pytest.raises(InvalidInputError) as caught:
        upload_hashed(store, put_of(CONTENT), path, parts_of(CONTENT), PART, len(CONTENT))
    assert caught.value.kind == "changed_file"
    assert store.list_files(BUCKET, "") == []
    assert list(store.perform(ListUploads(bucket=BUCKET))) == []


class Refusing(WrapperStorage):
    """A store whose token may begin an upload, and neither go on nor give up."""

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        if isinstance(operation, UploadPart | AbortUpload):
            raise AccessDeniedError(f"may not {operation.verb}")
        return self.inner.perform(operation)


def test_an_upload_that_cannot_be_given_up_says_why_it_failed(
    store: MemoryStorageClient, tmp_path: Path
) -> None:
    path = tmp_path / "frame"
    path.write_bytes(CONTENT)
    with pytest.raises(AccessDeniedError, match="may not part"):
        upload_hashed(Refusing(store), put_of(CONTENT), path, parts_of(CONTENT), PART, len(CONTENT))


def test_what_the_beginning_recorded_is_no_proof_of_what_arrived() -> None:
    config = StorageConfig("account", "key-id", "hidden", BUCKET)
    plans = S3Plans(S3Requests(config), "a store", EtagKind())
    named = hashlib.sha256(CONTENT).hexdigest()
    sizes = [PART, PART]
    parts = tuple(
        UploadedPart(number, "opaque", size, digest)
        for number, (size, digest) in enumerate(zip(sizes, parts_of(CONTENT), strict=True), 1)
    )
    upload = PartialUpload(BUCKET, "a", "upload-1", PART)
    plan = plans.plan(CompleteUpload(bucket=BUCKET, upload=upload, parts=parts, content_hash=named))
    standing = HttpAnswer(
        200,
        {"content-length": str(len(CONTENT)), "etag": '"e"', "x-amz-meta-astrid-sha256": named},
    )
    gone = HttpAnswer(404, {}, b"<Error><Code>NoSuchUpload</Code></Error>")
    other = HttpAnswer(206, {"content-range": f"bytes 0-{PART - 1}/14"}, b"b small")
    assert next(plan).method == "POST"
    assert plan.send(gone).method == "HEAD"  # an earlier try landed, of other bytes
    assert plan.send(standing).method == "GET"
    assert plan.send(other).method == "HEAD"
    assert plan.send(standing).method == "DELETE"
    with pytest.raises(CorruptionError):
        plan.send(HttpAnswer(204, {}))
