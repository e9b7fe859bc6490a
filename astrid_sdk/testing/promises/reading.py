"""Promises about reading."""

import datetime as dt
import hashlib

import pytest

from astrid_sdk.errors import ConflictError, CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Get
from astrid_sdk.testing.places import Place

TEN = b"0123456789"
RANGES = [(0, 1), (2, 5), (0, 10), (9, 10), (8, 99), (10, 12), (50, 60), (3, 3)]


class ReadingPromises:
    """What was written comes back, whole or in part, or not at all."""

    def test_it_is_an_object_storage(self, place: Place) -> None:
        assert isinstance(place.store, ObjectStorage)

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000])
    def test_what_was_written_is_read_back(self, place: Place, data: bytes) -> None:
        assert place.put("a/b", data) == "a/b"
        assert place.get("a/b") == data
        assert place.head("a/b").size_bytes == len(data)

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_any_bytes_can_be_written(self, place: Place, kind: type) -> None:
        place.store.upload_file(place.bucket, "a", kind(TEN), "text/plain")
        assert place.get("a") == TEN

    def test_a_buffer_may_be_used_again_after_the_write(self, place: Place) -> None:
        buffer = bytearray(b"first")
        place.store.upload_file(place.bucket, "a", buffer, "text/plain")
        buffer[:] = b"other"
        assert place.get("a") == b"first"

    def test_a_missing_object_is_not_found(self, place: Place) -> None:
        with pytest.raises(NotFoundError):
            place.get("missing")
        with pytest.raises(NotFoundError):
            place.store.get_file_metadata(place.bucket, "missing")
        with pytest.raises(NotFoundError):
            place.store.download_range(place.bucket, "missing", 0, 0)
        assert place.store.head(place.bucket, "missing") is None

    def test_a_folder_is_no_object(self, place: Place) -> None:
        place.put("a/b/c")
        assert place.store.head(place.bucket, "a/b") is None
        with pytest.raises(NotFoundError):
            place.get("a/b")
        assert place.store.delete_file(place.bucket, "a/b") is False
        assert place.store.head(place.bucket, "a/b/c/d") is None

    @pytest.mark.parametrize(("start", "stop"), RANGES)
    def test_a_range_is_cut_as_a_slice_is(self, place: Place, start: int, stop: int) -> None:
        place.put("a", TEN)
        assert place.store.download_range(place.bucket, "a", start, stop) == TEN[start:stop]

    def test_a_range_of_an_empty_object_is_empty(self, place: Place) -> None:
        place.put("a", b"")
        assert place.store.download_range(place.bucket, "a", 0, 5) == b""

    def test_a_range_without_an_end_goes_to_the_end(self, place: Place) -> None:
        place.put("a", TEN)
        fetched = place.store.perform(Get(bucket=place.bucket, key="a", start=4))
        assert fetched.data == TEN[4:]
        assert fetched.stored.size_bytes == len(TEN)

    @pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2)])
    def test_a_range_that_is_none_is_refused(self, place: Place, start: int, stop: int) -> None:
        place.put("a")
        with pytest.raises(InvalidInputError):
            place.store.download_range(place.bucket, "a", start, stop)
        with pytest.raises(InvalidInputError):
            place.store.download_ranges(place.bucket, "a", [(0, 1), (start, stop)])

    def test_several_ranges_come_in_the_order_asked_for(self, place: Place) -> None:
        place.put("a", TEN)
        asked = [(8, 99), (0, 3), (2, 5), (0, 3), (4, 4)]
        found = place.store.download_ranges(place.bucket, "a", asked)
        assert found == [TEN[start:stop] for start, stop in asked]
        assert place.store.download_ranges(place.bucket, "a", []) == []

    def test_ranges_of_a_missing_object_are_not_found(self, place: Place) -> None:
        with pytest.raises(NotFoundError):
            place.store.download_ranges(place.bucket, "missing", [(0, 1), (1, 2)])

    def test_a_buffer_is_filled_or_the_bytes_are_handed_out(self, place: Place) -> None:
        place.put("a", TEN)
        for start, stop in ((2, 6), (8, 12)):
            buffer = memoryview(bytearray(stop - start))
            get = Get(bucket=place.bucket, key="a", start=start, stop=stop, into=buffer)
            data = place.store.perform(get).data
            assert bytes(data or buffer) == TEN[start:stop]

    def test_only_the_version_named_by_its_mark_is_read(self, place: Place) -> None:
        place.put("a", b"first")
        mark = place.mark("a")
        get = Get(bucket=place.bucket, key="a", etag=mark)
        assert place.store.perform(get).data == b"first"
        place.put("a", b"other")
        assert place.mark("a") != mark
        with pytest.raises(ConflictError) as caught:
            place.store.perform(get)
        assert caught.value.kind == "changed"
        with pytest.raises(ConflictError):
            place.store.download_ranges(place.bucket, "a", [(0, 1), (2, 3)], etag=mark)

    def test_the_mark_is_the_same_wherever_it_is_said(self, place: Place) -> None:
        place.put("a", b"first")
        mark = place.mark("a")
        fetched = place.store.perform(Get(bucket=place.bucket, key="a"))
        (listed,) = place.store.list_objects(place.bucket, "")
        assert fetched.stored.etag == listed.etag == mark

    def test_bytes_of_another_hash_are_not_handed_out(self, place: Place) -> None:
        place.put("a", TEN)
        right, wrong = (hashlib.sha256(data).hexdigest() for data in (TEN, b"other"))
        get = Get(bucket=place.bucket, key="a", content_hash=right)
        assert place.store.perform(get).data == TEN
        with pytest.raises(CorruptionError):
            place.store.perform(Get(bucket=place.bucket, key="a", content_hash=wrong))

    def test_metadata_has_these_five_facts(self, place: Place) -> None:
        place.put("a", b"12345")
        facts = place.store.get_file_metadata(place.bucket, "a")
        assert list(facts) == ["size_bytes", "media_type", "etag", "last_modified", "user_metadata"]
        assert facts["size_bytes"] == 5
        assert isinstance(facts["etag"], str)
        assert facts["last_modified"].tzinfo is dt.UTC
