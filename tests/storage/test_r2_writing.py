"""How writes meet servers that lie, and other writers."""

import hashlib
from collections.abc import Mapping, Sequence

import pytest
from scripted import BODY, BODY_ETAG, BUCKET, Answer, head_of, put, scripted
from servers import MotoServer

from astrid_sdk.errors import (
    AstridError,
    ConflictError,
    CorruptionError,
    StorageUnavailableError,
)
from astrid_sdk.storage.operations import (
    CONTENT_HASH_METADATA,
    CompleteUpload,
    PartialUpload,
    Put,
    UploadedPart,
)
from astrid_sdk.storage.r2_client import R2StorageClient

OTHER = {"x_amz_meta_astrid_sha256": hashlib.sha256(b"another").hexdigest()}
OURS = {"x_amz_meta_astrid_sha256": hashlib.sha256(BODY).hexdigest()}
TAKEN = Answer(200, headers={"ETag": BODY_ETAG})
THEIRS = head_of(7, ETag='"2"', **OTHER)
NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code></Error>"


class TestWriting:
    def test_an_etag_that_is_no_md5_is_settled_by_reading_back(self) -> None:
        odd = {"ETag": '"opaque"'}
        answers = {
            "PUT": Answer(200, headers=odd),
            "HEAD": head_of(len(BODY), ETag='"opaque"'),
            "GET": Answer(200, BODY, odd),
        }
        with scripted(answers) as client:
            assert put(client) == "a"

    @pytest.mark.parametrize(
        ("found", "error", "kind"),
        [
            (Answer(404), StorageUnavailableError, "not_written"),
            (head_of(len(BODY) - 1, ETag='"cut"'), CorruptionError, "checksum"),
        ],
    )
    def test_an_acknowledged_write_that_is_not_there_is_an_error(
        self, found: Answer, error: type[AstridError], kind: str
    ) -> None:
        with scripted({"PUT": Answer(200, headers={"ETag": '"cut"'}), "HEAD": found}) as client:
            with pytest.raises(error) as caught:
                put(client)
            assert (caught.value.kind, caught.value.wrote) == (kind, None)

    @pytest.mark.parametrize(
        "then",
        [
            {"PUT": [TAKEN, Answer(412)], "HEAD": THEIRS},  # it changed again
            {"PUT": [TAKEN, Answer(404, NO_SUCH_KEY)], "HEAD": THEIRS},
            {"PUT": TAKEN, "HEAD": [THEIRS, head_of(9, ETag='"3"', **OTHER)]},
            {"PUT": TAKEN, "HEAD": [THEIRS, head_of(len(BODY), ETag=BODY_ETAG)]},  # ours
        ],
    )
    def test_a_write_that_another_writer_follows_has_been(
        self, then: Mapping[str, Answer | Sequence[Answer]]
    ) -> None:
        with scripted(then) as client:
            written = client.perform(
                Put(bucket=BUCKET, key="a", data=BODY, content_type="text/plain")
            )
        assert (written.is_new, written.etag) == (True, BODY_ETAG.strip('"'))

    @pytest.mark.parametrize(
        "found",
        [
            [THEIRS],  # it stands there all the time: ours was never kept
            [THEIRS, head_of(len(BODY), ETag='"3"', **OURS)],  # ours, mangled
            [THEIRS, head_of(len(BODY), ETag='"3"')],  # who knows whose
            [head_of(len(BODY), ETag=f'"{number:032x}"') for number in range(9)],
        ],
    )
    def test_a_write_that_was_not_kept_is_an_error_where_another_object_stands(
        self, found: Sequence[Answer]
    ) -> None:
        with scripted({"PUT": TAKEN, "HEAD": found, "GET": Answer(200, b"bodY")}) as client:
            with pytest.raises(CorruptionError) as caught:
                put(client)
            assert caught.value.wrote is None

    def test_a_write_over_a_version_does_not_write_over_the_next_one(self) -> None:
        only_once = [TAKEN, Answer(412)]
        over = Put(
            bucket=BUCKET, key="a", data=BODY, content_type="text/plain", replace_etag="before"
        )
        with (
            scripted({"PUT": only_once, "HEAD": THEIRS}) as client,
            pytest.raises(ConflictError),
        ):
            client.perform(over)

    def test_an_upload_does_not_delete_the_object_of_another_writer(self) -> None:
        told = "<CompleteMultipartUploadResult><ETag>x-1</ETag></CompleteMultipartUploadResult>"
        upload = PartialUpload(BUCKET, "a", "id", len(BODY))
        part = UploadedPart(1, "x", len(BODY), hashlib.sha256(BODY).hexdigest())
        answers = {
            "POST": Answer(200, told.encode()),
            "HEAD": head_of(len(BODY), ETag='"y-1"', **OTHER),
            "GET": Answer(206, b"bodY", {"ETag": '"y-1"', "Content-Range": "bytes 0-3/4"}),
        }  # and a DELETE is no request that it knows
        with scripted(answers) as client, pytest.raises(StorageUnavailableError) as caught:
            client.perform(
                CompleteUpload(
                    bucket=BUCKET, upload=upload, parts=(part,), content_hash=part.content_hash
                )
            )
        assert (caught.value.kind, caught.value.wrote) == ("not_written", None)

    @pytest.mark.parametrize("etag", [BODY_ETAG, '"opaque"'])
    def test_a_refusal_because_of_our_own_object_is_success(self, etag: str) -> None:
        refused = {
            "PUT": Answer(412),
            "HEAD": head_of(len(BODY), ETag=etag),
            "GET": Answer(200, BODY, {"ETag": etag}),
        }
        with scripted(refused) as client:
            assert put(client, create_only=True) == "a"

    @pytest.mark.parametrize(
        "found", [head_of(len(BODY), ETag='"other"'), head_of(9, ETag=BODY_ETAG)]
    )
    def test_a_refusal_because_of_other_bytes_is_a_conflict(self, found: Answer) -> None:
        there = Answer(200, BODY[::-1], {"ETag": '"other"'})
        with scripted({"PUT": Answer(412), "HEAD": found, "GET": there}) as client:
            with pytest.raises(ConflictError) as caught:
                put(client, create_only=True)
            assert (caught.value.kind, caught.value.wrote) == ("already_exists", False)

    def test_a_refusal_because_of_what_is_gone_again_is_tried_again(self) -> None:
        with scripted({"PUT": Answer(412), "HEAD": Answer(404)}) as client:
            with pytest.raises(StorageUnavailableError) as caught:
                put(client, create_only=True)
            assert caught.value.kind == "concurrent_write"

    def test_the_content_hash_is_recorded(self, moto_server: MotoServer) -> None:
        client = R2StorageClient(moto_server.config(BUCKET))
        client.create_bucket(BUCKET)
        content_hash = hashlib.sha256(BODY).hexdigest()
        client.upload_file(BUCKET, "hashed", BODY, "text/plain", content_hash=content_hash)
        found = client.head(BUCKET, "hashed")
        assert found is not None
        assert found.media_type == "text/plain"
        assert found.user_metadata == {CONTENT_HASH_METADATA: content_hash}
