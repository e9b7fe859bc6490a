"""Every promise of `ObjectStorage`, asked of every store."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from servers import MotoServer, R2Simulator

from astrid_sdk.errors import ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.r2_client import R2StorageClient

FITS = "application/fits"
ODD_KEYS = [
    "a/with spaces and (brackets)/x.fits",
    "a/plus+percent%2F100%.txt",
    "a/ünïcödé-日本-🌌.fits",
    "a/&<>'\"?#=;:@,!*~$[]{}|^`\\",
    "a/.hidden",
    "a/" + "k" * 200,
]
BAD_KEYS = ["", "/a", "a/", "a//b", "a/../b", "./a", "a\x00b", "a\nb", "é" * 513, "\ud800"]


@dataclasses.dataclass(frozen=True)
class Place:
    """A store and an empty bucket in it."""

    store: ObjectStorage
    bucket: str

    def put(self, key: str, data: bytes = b"x", *, create_only: bool = False) -> str:
        return self.store.upload_file(self.bucket, key, data, FITS, create_only=create_only)

    def get(self, key: str) -> bytes:
        return self.store.download_file(self.bucket, key)

    def listed(self, prefix: str = "") -> list[str]:
        return self.store.list_files(self.bucket, prefix)


def _local(request: pytest.FixtureRequest) -> Place:
    folder: Path = request.getfixturevalue("tmp_path")
    place = Place(LocalStorageClient(folder / "store"), "astrid-storage")
    place.store.create_bucket(place.bucket)
    return place


def _moto(request: pytest.FixtureRequest) -> Place:
    place = Place(request.getfixturevalue("moto_store"), f"astrid-{uuid.uuid4()}")
    place.store.create_bucket(place.bucket)
    return place


def _simulator(request: pytest.FixtureRequest) -> Place:
    place = Place(request.getfixturevalue("simulator_store"), R2Simulator.buckets[0])
    for key in place.listed():
        place.store.delete_file(place.bucket, key)
    return place


PLACES: dict[str, Callable[[pytest.FixtureRequest], Place]] = {
    "local": _local,
    "moto": _moto,
    "simulator": _simulator,
}


@pytest.fixture(scope="module")
def moto_store(moto_server: MotoServer) -> R2StorageClient:
    return R2StorageClient(moto_server.config("astrid-storage"))


@pytest.fixture(scope="module")
def simulator_store(r2_simulator: R2Simulator) -> R2StorageClient:
    return R2StorageClient(r2_simulator.config(r2_simulator.buckets[0]))


@pytest.fixture(params=["local", "moto", pytest.param("simulator", marks=pytest.mark.simulator)])
def place(request: pytest.FixtureRequest) -> Place:
    return PLACES[request.param](request)


class TestObjectStorage:
    def test_it_is_an_object_storage(self, place: Place) -> None:
        assert isinstance(place.store, ObjectStorage)

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000])
    def test_what_was_written_is_read_back(self, place: Place, data: bytes) -> None:
        assert place.put("a/b", data) == "a/b"
        assert place.get("a/b") == data

    def test_an_upload_replaces_the_whole_object(self, place: Place) -> None:
        place.put("a", b"a long first body")
        place.put("a", b"short")
        assert place.get("a") == b"short"

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_names_are_kept_as_they_are(self, place: Place, key: str) -> None:
        place.put(key, b"odd")
        assert place.listed("a/") == [key]
        assert place.get(key) == b"odd"
        assert place.store.download_range(place.bucket, key, 1, 3) == b"dd"
        assert place.store.delete_file(place.bucket, key)
        assert place.listed() == []

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_that_some_store_cannot_hold_is_refused(self, place: Place, key: str) -> None:
        with pytest.raises(InvalidInputError):
            place.put(key)
        with pytest.raises(InvalidInputError):
            place.get(key)
        with pytest.raises(InvalidInputError):
            place.store.head(place.bucket, key)
        assert place.listed() == []

    @pytest.mark.parametrize("bucket", ["", "ab", "Upper", "a..b", "-ab", "1.2.3.4", "../other"])
    def test_a_bad_bucket_name_is_refused(self, place: Place, bucket: str) -> None:
        with pytest.raises(InvalidInputError):
            place.store.create_bucket(bucket)
        with pytest.raises(InvalidInputError):
            place.store.list_files(bucket, "")

    @pytest.mark.parametrize("content_type", ["", "fits", "text/plain\r\nX-Evil: 1", "tëxt/plain"])
    def test_a_bad_media_type_is_refused(self, place: Place, content_type: str) -> None:
        with pytest.raises(InvalidInputError):
            place.store.upload_file(place.bucket, "a", b"", content_type)

    def test_a_content_hash_that_is_none_is_refused(self, place: Place) -> None:
        with pytest.raises(InvalidInputError):
            place.store.upload_file(place.bucket, "a", b"", FITS, content_hash="ABC")
        assert place.listed() == []


class TestCreateOnly:
    def test_other_bytes_there_are_left_and_reported(self, place: Place) -> None:
        place.put("a", b"first", create_only=True)
        with pytest.raises(ConflictError) as caught:
            place.put("a", b"other", create_only=True)
        assert caught.value.kind == "already_exists"
        assert place.get("a") == b"first"

    def test_the_same_bytes_there_are_success(self, place: Place) -> None:
        place.put("a", b"nonce", create_only=True)
        assert place.put("a", b"nonce", create_only=True) == "a"

    def test_of_racing_writers_exactly_one_wins(self, place: Place) -> None:
        def write(body: bytes) -> bytes | None:
            try:
                place.put("race", body, create_only=True)
            except ConflictError:
                return None
            return body

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(write, [b"%d" % number for number in range(16)]))
        winners = [body for body in outcomes if body is not None]
        assert winners == [place.get("race")]


class TestReading:
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

    @pytest.mark.parametrize(
        ("start", "stop"), [(0, 1), (2, 5), (0, 10), (9, 10), (8, 99), (10, 12), (50, 60), (3, 3)]
    )
    def test_a_range_is_cut_as_a_slice_is(self, place: Place, start: int, stop: int) -> None:
        place.put("a", b"0123456789")
        assert (
            place.store.download_range(place.bucket, "a", start, stop) == b"0123456789"[start:stop]
        )

    @pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2)])
    def test_a_range_that_is_none_is_refused(self, place: Place, start: int, stop: int) -> None:
        place.put("a")
        with pytest.raises(InvalidInputError):
            place.store.download_range(place.bucket, "a", start, stop)

    def test_metadata_has_these_five_facts(self, place: Place) -> None:
        place.put("a", b"12345")
        facts = place.store.get_file_metadata(place.bucket, "a")
        assert list(facts) == ["size_bytes", "media_type", "etag", "last_modified", "user_metadata"]
        assert facts["size_bytes"] == 5
        assert facts["media_type"] in {FITS, None}  # a folder does not keep it
        assert facts["last_modified"].tzinfo is dt.UTC


class TestDeleting:
    def test_deleting_twice_says_true_then_false(self, place: Place) -> None:
        place.put("a/b")
        assert place.store.delete_file(place.bucket, "a/b") is True
        assert place.store.delete_file(place.bucket, "a/b") is False
        assert place.store.head(place.bucket, "a/b") is None

    def test_a_deleted_key_can_be_written_again(self, place: Place) -> None:
        place.put("a/b", b"1", create_only=True)
        place.store.delete_file(place.bucket, "a/b")
        place.put("a/b", b"2", create_only=True)
        assert place.get("a/b") == b"2"


class TestListing:
    def test_keys_come_in_the_order_of_their_bytes(self, place: Place) -> None:
        keys = ["b", "a/b", "a-b", "a.b", "a0", "Z", "é", "zz", "\uffee", "🌌"]
        for key in keys:
            place.put(key)
        assert place.listed() == sorted(keys, key=str.encode)

    def test_a_prefix_may_end_within_a_name(self, place: Place) -> None:
        for key in ["night/a1", "night/a2", "night/b", "nightly", "other"]:
            place.put(key)
        assert place.listed("night/a") == ["night/a1", "night/a2"]
        assert place.listed("night") == ["night/a1", "night/a2", "night/b", "nightly"]
        assert place.listed("night/") == ["night/a1", "night/a2", "night/b"]
        assert place.listed("nothing/here") == []

    def test_objects_are_listed_with_their_sizes(self, place: Place) -> None:
        place.put("a", b"1")
        place.put("b/c", b"333")
        found = list(place.store.list_objects(place.bucket, ""))
        assert [(item.key, item.size_bytes) for item in found] == [("a", 1), ("b/c", 3)]
        assert all(item.last_modified and item.last_modified.tzinfo is dt.UTC for item in found)

    @pytest.mark.parametrize("name", ["local", "moto"])
    def test_more_keys_than_a_page_holds_are_all_listed(
        self, request: pytest.FixtureRequest, name: str
    ) -> None:
        place = PLACES[name](request)
        keys = [f"p/{number:04}" for number in range(1003)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(place.put, keys))
        assert place.listed("p/") == keys


class TestBuckets:
    def test_a_missing_bucket_is_named_as_such(self, place: Place) -> None:
        store, bucket = place.store, "no-such-bucket"
        actions: list[Callable[[], object]] = [
            lambda: store.upload_file(bucket, "a", b"", FITS),
            lambda: store.download_file(bucket, "a"),
            lambda: store.list_files(bucket, ""),
        ]
        for action in actions:
            with pytest.raises(NotFoundError) as caught:
                action()
            assert caught.value.kind == "no_such_bucket"

    def test_what_is_in_a_missing_bucket_is_surely_not_there(self, place: Place) -> None:
        assert place.store.head("no-such-bucket", "a") is None
        assert place.store.delete_file("no-such-bucket", "a") is False

    def test_making_a_bucket_again_keeps_what_is_in_it(self, place: Place) -> None:
        place.put("a")
        place.store.create_bucket(place.bucket)
        assert place.listed() == ["a"]


class TestConcurrency:
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


class TestTables:
    def test_a_table_library_opens_the_location(self, place: Place) -> None:
        location = place.store.table_location(place.bucket, "objects")
        options = location.reveal_options()
        rows = pa.table({"night": ["2026-11-22"], "size_bytes": [5]})
        for _ in range(2):
            deltalake.write_deltalake(location.uri, rows, mode="append", storage_options=options)
        table = deltalake.DeltaTable(location.uri, storage_options=options)
        assert table.version() == 1
        assert table.to_pyarrow_table().num_rows == 2
        assert any("_delta_log" in key for key in place.listed("_catalog/objects/"))
