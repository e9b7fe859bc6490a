"""Promises about writing, deleting and copying."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from astrid_sdk.errors import NotFoundError
from astrid_sdk.testing.places import Place


class ChangingPromises:
    """A change is whole, and is seen as soon as it is acknowledged."""

    def test_an_upload_replaces_the_whole_object(self, place: Place) -> None:
        place.put("a", b"a long first body")
        place.put("a", b"short")
        assert place.get("a") == b"short"
        assert place.listed() == ["a"]

    def test_deleting_a_missing_key_says_false(self, place: Place) -> None:
        assert place.store.delete_file(place.bucket, "a/b") is False

    def test_deleting_twice_says_true_then_false(self, place: Place) -> None:
        place.put("a/b")
        assert place.store.delete_file(place.bucket, "a/b") is True
        assert place.store.delete_file(place.bucket, "a/b") is False
        assert place.store.head(place.bucket, "a/b") is None
        assert place.listed() == []

    def test_a_deleted_key_can_be_written_again(self, place: Place) -> None:
        place.put("a/b", b"1", create_only=True)
        place.store.delete_file(place.bucket, "a/b")
        place.put("a/b", b"2", create_only=True)
        assert place.get("a/b") == b"2"

    def test_a_copy_has_the_bytes_and_leaves_the_source(self, place: Place) -> None:
        place.put("a/ünïcödé +%/x", b"bytes")
        assert place.store.copy_file(place.bucket, "a/ünïcödé +%/x", "b/c") == "b/c"
        assert place.get("b/c") == place.get("a/ünïcödé +%/x") == b"bytes"
        place.put("a/ünïcödé +%/x", b"other")
        assert place.get("b/c") == b"bytes"

    def test_a_copy_replaces_what_is_there(self, place: Place) -> None:
        place.put("a", b"new")
        place.put("b", b"a longer old body")
        place.store.copy_file(place.bucket, "a", "b")
        assert place.get("b") == b"new"

    def test_a_copy_of_an_empty_object_is_empty(self, place: Place) -> None:
        place.put("a", b"")
        place.store.copy_file(place.bucket, "a", "b")
        assert place.get("b") == b""

    def test_a_copy_of_nothing_is_not_found(self, place: Place) -> None:
        with pytest.raises(NotFoundError):
            place.store.copy_file(place.bucket, "missing", "b")
        assert place.listed() == []

    def test_many_threads_write_and_read_their_own(self, place: Place) -> None:
        def round_trip(number: int) -> bool:
            body = b"%d" % number * 1000
            return place.get(place.put(f"deep/{number % 3}/{number}", body)) == body

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(round_trip, range(24)))

    def test_readers_never_see_half_a_body(self, place: Place) -> None:
        bodies = {letter * 50_000 for letter in (b"a", b"b", b"c")}
        place.put("hot", b"a" * 50_000)
        with ThreadPoolExecutor(4) as pool:
            writes = [pool.submit(place.put, "hot", body) for body in sorted(bodies) * 2]
            reads = [pool.submit(place.get, "hot") for _ in range(8)]
            assert {read.result() for read in reads} <= bodies
            assert {write.result() for write in writes} == {"hot"}
