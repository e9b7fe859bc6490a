"""What dataset versions promise."""

from pathlib import Path

import pytest
from stores import BUCKET, Bench, CrashingStore, at_once, local_store

from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.registry import Committed, DatasetRegistry
from astrid_sdk.errors import (
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import blob_key
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.tiers import Tier

NAME = "sn-train"


@pytest.fixture
def store(tmp_path: Path) -> LocalStorageClient:
    return local_store(tmp_path / "store")


@pytest.fixture
def registry(store: LocalStorageClient) -> DatasetRegistry:
    return registry_on(store)


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


@pytest.mark.parametrize("name", ["", "SN", "a/b", "../x", ".hidden", "a" * 64, "é"])
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
