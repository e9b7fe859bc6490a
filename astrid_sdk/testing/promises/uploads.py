"""Promises about large uploads in parts."""

import dataclasses
import hashlib
from typing import ClassVar

import pytest

from astrid_sdk.errors import ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    Get,
    ListUploads,
    PartialUpload,
    UploadedPart,
    UploadPart,
    Written,
)
from astrid_sdk.testing.places import FITS, Place

HOUR_S = 3600.0
ALWAYS_S = -HOUR_S  # clocks may differ


class UploadPromises:
    """Parts become an object all at once, or leave no trace."""

    part_bytes: ClassVar[int]

    def test_parts_become_one_object(self, place: Place) -> None:
        upload = self.begun(place)
        bodies = [b"a" * self.part_bytes, b"b" * self.part_bytes, b"end"]
        parts = [self.sent(upload, place, number, body) for number, body in enumerate(bodies, 1)]
        assert [part.size_bytes for part in parts] == [len(body) for body in bodies]
        written = self.completed(place, upload, parts)
        assert (written.key, written.is_new) == ("a/b", True)
        assert place.get("a/b") == b"".join(bodies)
        assert written.etag == place.mark("a/b")

    def test_parts_may_arrive_in_any_order(self, place: Place) -> None:
        upload = self.begun(place)
        last = self.sent(upload, place, 2, b"end")
        first = self.sent(upload, place, 1, b"a" * self.part_bytes)
        self.completed(place, upload, [first, last])
        assert place.get("a/b") == b"a" * self.part_bytes + b"end"

    def test_one_short_part_is_enough(self, place: Place) -> None:
        upload = self.begun(place)
        self.completed(place, upload, [self.sent(upload, place, 1, b"x")])
        assert place.get("a/b") == b"x"

    def test_a_part_sent_again_replaces_it(self, place: Place) -> None:
        upload = self.begun(place)
        self.sent(upload, place, 1, b"longer!")
        again = self.sent(upload, place, 1, b"again")
        self.completed(place, upload, [again])
        assert place.get("a/b") == b"again"

    def test_a_buffer_may_be_used_again_after_the_part(self, place: Place) -> None:
        upload = self.begun(place)
        buffer = bytearray(b"first")
        part = self.sent(upload, place, 1, buffer)
        buffer[:] = b"other"
        self.completed(place, upload, [part])
        assert place.get("a/b") == b"first"

    def test_an_unfinished_upload_cannot_be_seen(self, place: Place) -> None:
        upload = self.begun(place)
        self.sent(upload, place, 1, b"x")
        assert place.listed() == []
        assert place.store.head(place.bucket, "a/b") is None
        with pytest.raises(NotFoundError):
            place.get("a/b")
        place.store.perform(AbortUpload(bucket=place.bucket, upload=upload))

    def test_what_is_there_stays_until_the_upload_is_complete(self, place: Place) -> None:
        place.put("a/b", b"before")
        upload = self.begun(place)
        part = self.sent(upload, place, 1, b"after")
        assert place.get("a/b") == b"before"
        self.completed(place, upload, [part])
        assert place.get("a/b") == b"after"

    def test_an_upload_can_be_given_up(self, place: Place) -> None:
        upload = self.begun(place)
        self.sent(upload, place, 1, b"x")
        assert place.store.perform(AbortUpload(bucket=place.bucket, upload=upload)) is True
        assert place.listed() == []

    def test_giving_an_upload_up_twice_says_true_then_false(self, place: Place) -> None:
        abort = AbortUpload(bucket=place.bucket, upload=self.begun(place))
        assert place.store.perform(abort) is True
        assert place.store.perform(abort) is False

    def test_an_upload_given_up_cannot_be_completed(self, place: Place) -> None:
        upload = self.begun(place)
        part = self.sent(upload, place, 1, b"x")
        place.store.perform(AbortUpload(bucket=place.bucket, upload=upload))
        with pytest.raises(NotFoundError) as caught:
            self.completed(place, upload, [part])
        assert caught.value.kind == "no_such_upload"
        assert place.listed() == []

    def test_an_upload_given_up_takes_no_part(self, place: Place) -> None:
        upload = self.begun(place)
        place.store.perform(AbortUpload(bucket=place.bucket, upload=upload))
        with pytest.raises(NotFoundError) as caught:
            self.sent(upload, place, 1, b"x")
        assert caught.value.kind == "no_such_upload"

    def test_wrong_parts_make_no_object(self, place: Place) -> None:
        upload = self.begun(place)
        first = self.sent(upload, place, 1, b"a" * self.part_bytes)
        second = self.sent(upload, place, 2, b"end")
        for wrong in (
            [],
            [second],
            [second, first],
            [first, dataclasses.replace(second, number=3)],
            [first, dataclasses.replace(second, etag="0" * len(second.etag))],
            [first, second, dataclasses.replace(second, number=3)],
        ):
            with pytest.raises(InvalidInputError) as caught:
                self.completed(place, upload, wrong)
            assert caught.value.kind == "parts"
            assert place.listed() == []
        self.completed(place, upload, [first, second])
        assert place.head("a/b").size_bytes == self.part_bytes + 3

    def test_an_upload_in_a_missing_bucket_is_refused(self, place: Place) -> None:
        with pytest.raises(NotFoundError) as caught:
            self.begun(Place(place.store, "no-such-bucket"))
        assert caught.value.kind == "no_such_bucket"

    def test_completing_creates_only_where_nothing_is(self, place: Place) -> None:
        upload = self.begun(place)
        part = self.sent(upload, place, 1, b"mine")
        place.put("a/b", b"theirs")
        with pytest.raises(ConflictError) as caught:
            self.completed(place, upload, [part], create_only=True)
        assert caught.value.kind == "already_exists"
        assert place.get("a/b") == b"theirs"
        place.store.perform(AbortUpload(bucket=place.bucket, upload=upload))

    def test_completing_replaces_only_the_named_version(self, place: Place) -> None:
        place.put("a/b", b"first")
        mark = place.mark("a/b")
        for body, stands in ((b"mine", b"mine"), (b"late", b"mine")):
            upload = self.begun(place)
            part = self.sent(upload, place, 1, body)
            if body == stands:
                self.completed(place, upload, [part], replace_etag=mark)
            else:
                with pytest.raises(ConflictError) as caught:
                    self.completed(place, upload, [part], replace_etag=mark)
                assert caught.value.kind == "changed"
                place.store.perform(AbortUpload(bucket=place.bucket, upload=upload))
            assert place.get("a/b") == stands

    def test_completing_again_after_a_lost_answer_is_success(self, place: Place) -> None:
        content_hash = hashlib.sha256(b"x").hexdigest()
        upload = self.begun(place, content_hash)
        part = self.sent(upload, place, 1, b"x")
        first = self.completed(place, upload, [part], content_hash=content_hash)
        again = self.completed(place, upload, [part], content_hash=content_hash)
        assert first.is_new
        assert again.etag == first.etag
        assert place.store.perform(Get(bucket=place.bucket, key="a/b")).data == b"x"

    def test_uploads_under_way_are_listed(self, place: Place) -> None:
        if not place.store.capabilities.lists_uploads:
            pytest.skip("the store does not list them")
        upload = self.begun(place)
        (found,) = place.store.perform(ListUploads(bucket=place.bucket, prefix="a/"))
        assert (found.bucket, found.key) == (place.bucket, "a/b")
        assert found.upload_id == upload.upload_id
        assert found.started_at is not None
        assert place.store.perform(ListUploads(bucket=place.bucket, prefix="b")) == []
        assert place.store.perform(AbortUpload(bucket=place.bucket, upload=found)) is True
        assert place.store.perform(ListUploads(bucket=place.bucket)) == []

    def test_young_uploads_are_not_swept(self, place: Place) -> None:
        if not place.store.capabilities.lists_uploads:
            pytest.skip("the store does not list them")
        upload = self.begun(place)
        assert place.store.sweep_uploads(place.bucket, older_than_s=HOUR_S) == 0
        self.completed(place, upload, [self.sent(upload, place, 1, b"x")])

    def test_stale_uploads_are_swept(self, place: Place) -> None:
        if not place.store.capabilities.lists_uploads:
            pytest.skip("the store does not list them")
        upload = self.begun(place)
        assert place.store.sweep_uploads(place.bucket, "b/", older_than_s=ALWAYS_S) == 0
        assert place.store.sweep_uploads(place.bucket, "a/", older_than_s=ALWAYS_S) == 1
        assert place.store.perform(AbortUpload(bucket=place.bucket, upload=upload)) is False

    def begun(self, place: Place, content_hash: str | None = None) -> PartialUpload:
        """Begin an upload of ``a/b``."""
        return place.store.perform(
            BeginUpload(
                bucket=place.bucket,
                key="a/b",
                content_type=FITS,
                part_bytes=self.part_bytes,
                content_hash=content_hash,
            )
        )

    def sent(
        self, upload: PartialUpload, place: Place, number: int, data: bytes | bytearray
    ) -> UploadedPart:
        """Send a part."""
        return place.store.perform(
            UploadPart(bucket=place.bucket, upload=upload, number=number, data=data)
        )

    def completed(
        self,
        place: Place,
        upload: PartialUpload,
        parts: list[UploadedPart],
        *,
        create_only: bool = False,
        replace_etag: str | None = None,
        content_hash: str | None = None,
    ) -> Written:
        """Complete an upload."""
        return place.store.perform(
            CompleteUpload(
                bucket=place.bucket,
                upload=upload,
                parts=tuple(parts),
                create_only=create_only,
                replace_etag=replace_etag,
                content_hash=content_hash,
            )
        )
