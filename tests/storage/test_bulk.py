"""What storing and retrieving many files promises."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from stores import BUCKET, Bench, local_store
from typing_extensions import override

from astrid_sdk.errors import (
    AccessDeniedError,
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage import bulk_items
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage, blob_key
from astrid_sdk.storage.leaves import leaves_key
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Head, ListPage, Operation, Put, Written
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.source_files import mark_of
from astrid_sdk.testing.stores import Failure, FlakyStore, RecordingStore, SteppedStore
from astrid_sdk.tiers import Tier

MEDIA = "application/fits"
TIER = Tier.RAW_OBSERVATIONS


@pytest.fixture
def memory() -> MemoryStorageClient:
    made = MemoryStorageClient()
    made.create_bucket(BUCKET)
    return made


def body(number: int, length: int = 100) -> bytes:
    return hashlib.shake_256(str(number).encode()).digest(length)


def hash_of(number: int, length: int = 100) -> str:
    return hashlib.sha256(body(number, length)).hexdigest()


def make_files(folder: Path, count: int, length: int = 100) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"frame-{number}.fits" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(body(number, length))
    return paths


def requests(store: RecordingStore) -> Counter[str]:
    counted = Counter(operation.verb for operation in store.operations)
    store.operations.clear()
    return counted


def test_files_are_stored_with_a_record_each(tmp_path: Path) -> None:
    bench = Bench(local_store(tmp_path / "store"))
    paths = make_files(tmp_path / "night", 30)
    report = bench.cas.store_files([("a/first.fits", paths[0]), *paths[1:]], MEDIA, tier=TIER)
    assert report.content_hashes == [hash_of(number) for number in range(30)]
    assert all(file.is_new and file.size_bytes == 100 for file in report.stored)
    rows = bench.catalog.contents()
    assert set(rows["content_hash"].to_pylist()) == set(report.content_hashes)
    assert "a/first.fits" in rows["name"].to_pylist()
    assert [bench.cas.retrieve_data(each) for each in report.content_hashes] == [
        body(number) for number in range(30)
    ]


def test_a_thousand_new_files_are_a_put_each_and_three_more(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    store = RecordingStore(memory)
    cas = ContentAddressedStorage(store, BUCKET)
    cas.store_files(make_files(tmp_path, 1_000), MEDIA, tier=TIER)
    assert requests(store) == {"put": 1_001, "list": 2}


def test_a_thousand_unchanged_files_are_one_request_without_bodies(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    store = RecordingStore(memory)
    cas = ContentAddressedStorage(store, BUCKET)
    paths = make_files(tmp_path, 1_000)
    cas.store_files(paths, MEDIA, tier=TIER)
    requests(store)
    again = cas.store_files(paths, MEDIA, tier=TIER)
    assert not any(file.is_new for file in again.stored)
    assert requests(store) == {"list": 1}


def test_what_another_machine_stored_is_not_sent_again(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    paths = make_files(tmp_path, 50)
    ContentAddressedStorage(memory, BUCKET).store_files(paths, MEDIA, tier=TIER)
    store = RecordingStore(memory)
    report = ContentAddressedStorage(store, BUCKET).store_files(paths, MEDIA, tier=TIER)
    assert not any(file.is_new for file in report.stored)
    assert [key for key in store.keys("put") if not key.startswith("_records/")] == []


def test_unchanged_files_are_not_read(memory: MemoryStorageClient, tmp_path: Path) -> None:
    seen = SeenContents()
    cas = ContentAddressedStorage(memory, BUCKET, seen=seen)
    paths = make_files(tmp_path, 10)
    cas.store_files(paths, MEDIA, tier=TIER)
    marks = [(path, mark_of(path), hash_of(n)) for n, path in enumerate(paths)]
    seen.remember_files(marks, hashed_at_ns=10**20)  # as if they were old when they were hashed
    for path in paths:
        path.chmod(0)  # which changes their marks
    after = [(path, mark_of(path), found) for path, _, found in marks]
    seen.remember_files(after, hashed_at_ns=10**20)
    report = cas.store_files(paths, MEDIA, tier=TIER)
    assert report.content_hashes == [hash_of(number) for number in range(10)]


def test_the_same_bytes_are_sent_once(memory: MemoryStorageClient, tmp_path: Path) -> None:
    one, other = tmp_path / "one.fits", tmp_path / "other.fits"
    for path in (one, other):
        path.write_bytes(b"twins")
    store = RecordingStore(memory)
    report = ContentAddressedStorage(store, BUCKET).store_files([one, other], MEDIA, tier=TIER)
    assert [(file.name, file.is_new) for file in report.stored] == [
        ("one.fits", True),
        ("other.fits", False),
    ]
    assert len([key for key in store.keys("put") if "/sha256/" in key]) == 1


def test_files_of_every_size_are_stored_and_get_their_leaf_digests(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    sizes = [0, 10, 300_000, 1_100_000, 9_000_000]
    paths = [tmp_path / str(size) for size in sizes]
    for size, path in zip(sizes, paths, strict=True):
        path.write_bytes(body(size, size))
    report = ContentAddressedStorage(memory, BUCKET).store_files(paths, MEDIA, tier=TIER)
    cas = ContentAddressedStorage(memory, BUCKET)
    for size, stored in zip(sizes, report.stored, strict=True):
        assert cas.retrieve_data(stored.content_hash) == body(size, size)
        assert memory.exists(BUCKET, leaves_key(stored.content_hash)) == (size > 1_000_000)


def test_more_than_fits_in_memory_goes_in_batches_and_is_read_twice(
    memory: MemoryStorageClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_items, "MOST_FILES", 4)
    monkeypatch.setattr(bulk_items, "_KEPT_BYTES", 250)
    told: list[tuple[int, int]] = []
    report = ContentAddressedStorage(memory, BUCKET).store_files(
        make_files(tmp_path, 10),
        lambda path: f"image/{path.suffix[1:]}",
        tier=TIER,
        progress=lambda done, of, _: told.append((done, of)),
    )
    assert report.content_hashes == [hash_of(number) for number in range(10)]
    assert told == [(done, 10) for done in range(1, 11)]
    assert memory.head(BUCKET, blob_key(hash_of(0), TIER)).media_type == "image/fits"  # type: ignore[union-attr]


def test_a_file_that_cannot_be_read_ends_no_other(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    paths = [*make_files(tmp_path, 6), tmp_path / "absent.fits"]
    report = ContentAddressedStorage(memory, BUCKET).store_files(paths, MEDIA, tier=TIER)
    assert len(report.stored) == 6
    assert [file.name for file in report.failed] == ["absent.fits"]
    assert "No such file" in report.failed[0].reason
    assert str(report).startswith("6 files stored (6 new), 1 failed\n  absent.fits: cannot read")


@pytest.mark.parametrize("wrong", [body(3, 99) + b"!", b"short"])
def test_other_bytes_under_a_name_are_mended(
    memory: MemoryStorageClient, tmp_path: Path, wrong: bytes
) -> None:
    key = blob_key(hash_of(3), TIER)
    memory.upload_file(BUCKET, key, wrong, MEDIA, content_hash=hash_of(3))
    cas = ContentAddressedStorage(memory, BUCKET)
    report = cas.store_files(make_files(tmp_path, 10), MEDIA, tier=TIER)
    assert len(report.stored) == 10
    assert report.stored[3].is_new
    assert memory.perform(Head(bucket=BUCKET, key=key)) is not None
    assert cas.retrieve_data(hash_of(3)) == body(3)


def test_damage_among_files_that_were_seen_is_mended(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    cas = ContentAddressedStorage(memory, BUCKET)
    paths = make_files(tmp_path, 10)
    cas.store_files(paths, MEDIA, tier=TIER)
    memory.upload_file(BUCKET, blob_key(hash_of(3), TIER), body(3, 99) + b"!", MEDIA)
    assert [file.is_new for file in cas.store_files(paths, MEDIA, tier=TIER).stored] == [
        number == 3 for number in range(10)
    ]
    assert cas.retrieve_data(hash_of(3)) == body(3)


class Phantom(SteppedStore):
    """Says of the first writes of one key that they are done, and does nothing."""

    def __init__(self, inner: MemoryStorageClient, key: str) -> None:
        super().__init__(inner)
        self.key = key
        self.left = 1

    @override
    def perform(self, operation: Operation[Any]) -> Any:
        if isinstance(operation, Put) and operation.key == self.key and self.left:
            self.left -= 1
            return Written(operation.key, hashlib.md5(operation.data).hexdigest())  # noqa: S324
        return self.inner.perform(operation)


def test_a_write_that_never_landed_is_found_and_done_again(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    cas = ContentAddressedStorage(Phantom(memory, blob_key(hash_of(4), TIER)), BUCKET)
    report = cas.store_files(make_files(tmp_path, 10), MEDIA, tier=TIER)
    assert len(report.stored) == 10
    assert memory.download_file(BUCKET, blob_key(hash_of(4), TIER)) == body(4)


@pytest.mark.parametrize("verbs", [{"list"}, {"put"}, {"list", "put", "head"}])
def test_nothing_is_acknowledged_while_the_store_is_away(
    memory: MemoryStorageClient, tmp_path: Path, verbs: set[str]
) -> None:
    failure = Failure(StorageUnavailableError("the store is away"), verbs=verbs, times=None)
    cas = ContentAddressedStorage(FlakyStore(memory, [failure]), BUCKET)
    paths = make_files(tmp_path, 10)
    report = cas.store_files(paths, MEDIA, tier=TIER)
    if verbs == {"list"}:  # it can still be written, and looked at one by one
        assert len(report.stored) == 10
    else:
        assert report.stored == ()
        assert {file.reason for file in report.failed} == {"the store is away"}
    again = ContentAddressedStorage(memory, BUCKET).store_files(paths, MEDIA, tier=TIER)
    assert len(again.stored) == 10


def test_without_its_record_nothing_is_acknowledged(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    failure = Failure(AccessDeniedError("no records here"), verbs={"put"}, where="_records/")
    cas = ContentAddressedStorage(FlakyStore(memory, [failure]), BUCKET)
    paths = make_files(tmp_path, 10)
    assert len(cas.store_files(paths, MEDIA, tier=TIER).failed) == 10
    assert len(cas.store_files(paths, MEDIA, tier=TIER).stored) == 10
    listed = memory.perform(ListPage(bucket=BUCKET, prefix="_records/"))
    assert len(listed.objects) == 1


def test_without_deduplication_every_body_is_sent(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    store = RecordingStore(memory)
    cas = ContentAddressedStorage(store, BUCKET, deduplicate=False)
    paths = make_files(tmp_path, 10)
    for _ in range(2):
        store.operations.clear()
        assert len(cas.store_files(paths, MEDIA, tier=TIER).stored) == 10
        assert len([key for key in store.keys("put") if "/sha256/" in key]) == 10


def test_a_missing_bucket_is_an_error(tmp_path: Path) -> None:
    cas = ContentAddressedStorage(MemoryStorageClient(), BUCKET)
    with pytest.raises(NotFoundError) as missing:
        cas.store_files(make_files(tmp_path, 10), MEDIA)
    assert missing.value.kind == "no_such_bucket"


def test_no_files_are_an_empty_report(memory: MemoryStorageClient) -> None:
    store = RecordingStore(memory)
    assert ContentAddressedStorage(store, BUCKET).store_files([], MEDIA).stored == ()
    assert store.operations == []


def test_contents_come_into_a_folder_with_few_requests(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    store = RecordingStore(memory)
    cas = ContentAddressedStorage(store, BUCKET)
    report = cas.store_files(make_files(tmp_path / "in", 200), MEDIA, tier=TIER)
    store.operations.clear()
    wanted = [(file.content_hash, f"night/{file.name}") for file in report.stored]
    told: list[int] = []
    paths = cas.retrieve_files(
        wanted, tmp_path / "out", tier=TIER, progress=lambda done, _of, _name: told.append(done)
    )
    assert [path.read_bytes() for path in paths] == [body(number) for number in range(200)]
    assert paths[0] == tmp_path / "out" / "night" / "frame-0.fits"
    assert requests(store) == {"get": 200, "list": 1}
    assert told == list(range(1, 201))


def test_contents_of_several_tiers_and_sizes_are_found(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    cas = ContentAddressedStorage(memory, BUCKET)
    contents = {
        cas.store_data(body(number, length), MEDIA, tier=tier): body(number, length)
        for number, (tier, length) in enumerate(
            [(Tier.MODELS, 10), (Tier.TEMP, 9_000_000), (Tier.DATASETS, 0), (Tier.TEMP, 5)]
        )
    }
    paths = ContentAddressedStorage(memory, BUCKET).retrieve_files(contents, tmp_path)
    assert [path.read_bytes() for path in paths] == list(contents.values())
    assert [path.name for path in paths] == list(contents)


def test_a_content_that_is_missing_or_damaged_is_raised_after_the_others_are_written(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    cas = ContentAddressedStorage(memory, BUCKET)
    good, bad = cas.store_data(b"good", MEDIA), cas.store_data(b"bad!", MEDIA)
    memory.upload_file(BUCKET, blob_key(bad, Tier.ARTIFACTS), b"bad?", MEDIA)
    with pytest.raises(CorruptionError, match=bad):
        cas.retrieve_files([bad, good], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [good]
    with pytest.raises(NotFoundError):
        cas.retrieve_files(["ab" * 32, good], tmp_path / "out")


@pytest.mark.parametrize("name", ["../escaped", "/etc/passwd", "a//b", ""])
def test_a_name_never_leads_out_of_the_folder(
    memory: MemoryStorageClient, tmp_path: Path, name: str
) -> None:
    cas = ContentAddressedStorage(memory, BUCKET)
    stored = cas.store_data(b"sky", MEDIA)
    with pytest.raises(InvalidInputError):
        cas.retrieve_files([(stored, name)], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_two_contents_of_one_name_are_refused(memory: MemoryStorageClient, tmp_path: Path) -> None:
    cas = ContentAddressedStorage(memory, BUCKET)
    one, other = cas.store_data(b"one", MEDIA), cas.store_data(b"other", MEDIA)
    with pytest.raises(InvalidInputError) as refused:
        cas.retrieve_files([(one, "same"), (other, "same")], tmp_path)
    assert refused.value.kind == "same_name"


def test_a_folder_that_cannot_be_written_is_bad_input(
    memory: MemoryStorageClient, tmp_path: Path
) -> None:
    cas = ContentAddressedStorage(memory, BUCKET)
    stored = cas.store_data(b"sky", MEDIA)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "taken").mkdir()
    for folder, name in (("file", "x"), (".", "taken")):
        with pytest.raises(InvalidInputError, match="cannot"):
            cas.retrieve_files([(stored, name)], tmp_path / folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]
