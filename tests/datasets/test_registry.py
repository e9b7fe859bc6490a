"""What dataset versions promise."""

import contextlib
from pathlib import Path
from typing import TypeVar

import pytest
from datasets.old_formats import MANIFEST_1, MARKER_1
from stores import BUCKET, Bench, CrashingStore, WrappedStore, at_once, local_store
from switched import Switched
from typing_extensions import override

from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.registry import Committed, DatasetRegistry
from astrid_sdk.datasets.versions import VersionName
from astrid_sdk.errors import (
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import blob_key
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import ListPage, Operation
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.tiers import Tier

NAME = "sn-train"
ResultT = TypeVar("ResultT")


@pytest.fixture
def store(tmp_path: Path) -> LocalStorageClient:
    return local_store(tmp_path / "store")


@pytest.fixture
def registry(store: LocalStorageClient) -> DatasetRegistry:
    return registry_on(store)


class UnlistedStore(WrappedStore):
    """Cannot list."""

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        assert not isinstance(operation, ListPage)
        return super().perform(operation)


def registry_on(store: ObjectStorage) -> DatasetRegistry:
    bench = Bench(store)
    return DatasetRegistry(store, BUCKET, bench.cas, bench.derivations)


def manifest(*numbers: int, name: str = NAME) -> DatasetManifest:
    files = [
        DatasetFile(f"{number:064x}", f"{number}.fits", "detections", "triplet")
        for number in numbers
    ]
    return DatasetManifest(name, files)


def numbers(registry: DatasetRegistry) -> list[int]:
    return [version.number for version in registry.list(NAME)]


def test_versions_are_numbered_from_one_and_keep_what_they_were(
    registry: DatasetRegistry,
) -> None:
    one = registry.commit(manifest(1), "first")
    two = registry.commit(manifest(1, 2), "more")
    assert [(made.version.number, made.is_new) for made in (one, two)] == [(1, True), (2, True)]
    assert registry.list(NAME) == [one.version, two.version]
    assert str(two.version) == "sn-train v2 (2 files)"
    assert len(registry.manifest(NAME).files) == 2
    assert len(registry.manifest(NAME, 1).files) == 1


def test_a_version_by_its_number_is_read_and_nothing_is_listed(store: LocalStorageClient) -> None:
    made = registry_on(store).commit(manifest(1), "first").version
    asked = registry_on(UnlistedStore(store))
    assert asked.get(VersionName(NAME, 1)) == made
    with pytest.raises(NotFoundError, match=f"dataset {NAME} has no version 2"):
        asked.get(VersionName(NAME, 2))


def test_an_unchanged_manifest_is_no_new_version(store: LocalStorageClient) -> None:
    first = registry_on(store).commit(manifest(1, 2), "first")
    again = registry_on(store).commit(manifest(2, 1), "again")
    assert again == Committed(first.version, is_new=False, derived_now=False)
    assert numbers(registry_on(store)) == [1]


def test_going_back_to_an_older_content_is_a_new_version(registry: DatasetRegistry) -> None:
    for made in (manifest(1), manifest(2), manifest(1)):
        registry.commit(made, "")
    first, _, third = registry.list(NAME)
    assert first.manifest_hash == third.manifest_hash


def test_more_than_nine_versions_come_in_order(registry: DatasetRegistry) -> None:
    for number in range(11):
        registry.commit(manifest(number), "")
    assert numbers(registry) == list(range(1, 12))


def test_writers_at_once_leave_no_gap_and_lose_no_version(store: LocalStorageClient) -> None:
    writers = [registry_on(store) for _ in range(4)]
    made = at_once(
        [
            lambda writer=writer, part=part: [  # type: ignore[misc]
                writer.commit(manifest(10 * part + k), "").version.number for k in range(5)
            ]
            for part, writer in enumerate(writers)
        ]
    )
    given = sorted(number for part in made for number in part)
    assert given == numbers(registry_on(store)) == list(range(1, 21))


def test_a_number_is_not_given_again_when_a_marker_is_lost(
    registry: DatasetRegistry, store: LocalStorageClient
) -> None:
    for number in range(3):
        registry.commit(manifest(number), "")
    store.delete_file(BUCKET, f"datasets/versions/{NAME}/2.json")
    assert registry.commit(manifest(9), "").version.number == 4


def test_what_a_file_manager_left_behind_is_no_version(
    registry: DatasetRegistry, store: LocalStorageClient
) -> None:
    registry.commit(manifest(1), "")
    store.upload_file(BUCKET, f"datasets/versions/{NAME}/.DS_Store", b"\0", "text/plain")
    assert numbers(registry) == [1]


@pytest.mark.parametrize("writes", range(5))
def test_a_crash_at_any_write_leaves_no_half_version_and_a_rerun_completes(
    store: LocalStorageClient, writes: int
) -> None:
    # four writes in all: manifest, record, derivation, marker
    try:
        registry_on(CrashingStore(store, writes)).commit(manifest(1), "")
    except StorageUnavailableError:
        assert numbers(registry_on(store)) == []
    after = registry_on(store)
    assert after.commit(manifest(1), "").version.number == 1
    assert after.manifest(NAME).files == tuple(manifest(1).files)


def test_the_lineage_of_a_version_goes_down_to_its_files(store: LocalStorageClient) -> None:
    bench = Bench(store)
    raw = bench.cas.store_data(b"sky", "application/fits", tier="raw-observations", name="a.fits")
    file = DatasetFile(raw, "a.fits", "raw-observations", "image")
    made = registry_on(store).commit(DatasetManifest(NAME, [file]), "")
    told = Lineages(bench.catalog, bench.derivations).why(made.version.manifest_hash)
    assert (told.root.name, told.root.step) == ("sn-train.dataset.json", "dataset_manifest")
    assert [node.name for node in told.raw()] == ["a.fits"]


def test_a_damaged_manifest_is_not_handed_out(registry: DatasetRegistry, tmp_path: Path) -> None:
    version = registry.commit(manifest(1), "").version
    path = tmp_path / "store" / BUCKET / blob_key(version.manifest_hash, Tier.DATASETS)
    path.write_bytes(path.read_bytes().replace(b"1.fits", b"2.fits"))
    with pytest.raises(CorruptionError, match=version.manifest_hash):
        registry.manifest(NAME)


def test_a_version_says_what_it_was_made_from(
    registry: DatasetRegistry, store: LocalStorageClient
) -> None:
    one = registry.commit(manifest(1), "").version
    two = registry.commit(manifest(2), "", git_revision="0f1e", details={"by": "hand"}).version
    merged = registry.commit(manifest(1, 2), "", parents=["sn-train v1", "other@v3"]).version
    assert (one.parents, two.parents) == ((), ("sn-train@v1",))
    assert merged.parents == ("sn-train@v1", "other@v3")
    assert (two.git_revision, two.details) == ("0f1e", {"by": "hand"})
    assert registry_on(store).list(NAME) == [one, two, merged]


def test_a_parent_that_cannot_be_a_version_is_refused_before_anything_is_written(
    registry: DatasetRegistry,
) -> None:
    with pytest.raises(InvalidInputError, match="is not a dataset id"):
        registry.commit(manifest(1), "", parents=["../v1"])
    assert numbers(registry) == []


def test_a_version_of_the_first_release_is_read_and_counted_on(
    registry: DatasetRegistry, store: LocalStorageClient
) -> None:
    Bench(store).cas.put_blob(MANIFEST_1, "application/json", Tier.DATASETS)
    store.upload_file(BUCKET, f"datasets/versions/{NAME}/1.json", MARKER_1, "application/json")
    (old,) = registry.list(NAME)
    assert (old.message, old.files, old.size_bytes, old.parents) == ("188 labelled", 2, None, ())
    assert len(registry.manifest(NAME).files) == 2
    assert registry.commit(manifest(1), "").version.parents == ("sn-train@v1",)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", MARKER_1])
def test_what_stands_for_a_marker_and_is_none_is_not_believed(
    registry: DatasetRegistry, store: LocalStorageClient, content: bytes
) -> None:
    store.upload_file(BUCKET, f"datasets/versions/{NAME}/2.json", content, "application/json")
    with pytest.raises(CorruptionError, match="marker of sn-train v2"):
        registry.list(NAME)


def test_a_marker_is_read_once(store: LocalStorageClient) -> None:
    registry_on(store).commit(manifest(1), "")
    watched = WrappedStore(store)
    registry = registry_on(watched)
    assert [registry.list(NAME), registry.newest(), [registry.get(VersionName(NAME))]]
    assert len(watched.read) == 1


def test_the_newest_version_of_each_dataset_is_listed(registry: DatasetRegistry) -> None:
    for name, number in (("b", 1), ("a", 1), ("a", 2)):
        registry.commit(manifest(number, name=name), "")
    assert [version.name for version in registry.newest()] == ["a@v2", "b@v1"]


def test_while_the_store_is_away_no_version_begins(tmp_path: Path) -> None:
    away = Switched()
    with contextlib.closing(SpoolingStorage(away, tmp_path)) as spooling:
        registry = registry_on(spooling)
        away.is_away = True
        with pytest.raises(StorageUnavailableError, match="nothing was written"):
            registry.commit(manifest(1), "")
        assert spooling.pending == 0
        away.is_away = False
        assert registry.commit(manifest(1), "").version.number == 1


@pytest.mark.parametrize("name", ["", "SN", "a/b", "../x", ".hidden", "a" * 64, "é", "a\n", "a b"])
def test_a_name_that_cannot_be_a_key_is_refused(registry: DatasetRegistry, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a dataset id"):
        registry.commit(manifest(1, name=name), "")
    with pytest.raises(InvalidInputError, match="is not a dataset id"):
        registry.list(name)


def test_a_version_that_is_not_there_is_not_found(registry: DatasetRegistry) -> None:
    with pytest.raises(NotFoundError, match=r"has no version$"):
        registry.manifest(NAME)
    registry.commit(manifest(1), "")
    for number in (0, 2):
        with pytest.raises(NotFoundError, match=f"has no version {number}"):
            registry.manifest(NAME, number)
