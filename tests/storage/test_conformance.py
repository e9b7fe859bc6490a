"""Every promise of `ObjectStorage`, asked of every store."""

import dataclasses
import uuid
from collections.abc import Iterator

import pytest
from servers import MotoServer, R2Simulator
from typing_extensions import override

from astrid_sdk.storage.capabilities import Capabilities
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.wrapping import WrapperStorage
from astrid_sdk.testing.conformance import ObjectStorageSuite
from astrid_sdk.testing.places import Place
from astrid_sdk.testing.stores import CorruptingStore, FlakyStore, RecordingStore

BUCKET = "astrid-storage"


@pytest.fixture(scope="module")
def moto_store(moto_server: MotoServer) -> Iterator[R2StorageClient]:
    client = R2StorageClient(moto_server.config(BUCKET))
    yield client
    client.close()


@pytest.fixture(scope="module")
def simulator_store(r2_simulator: R2Simulator) -> Iterator[R2StorageClient]:
    client = R2StorageClient(r2_simulator.config(r2_simulator.buckets[0]))
    yield client
    client.close()


class SimulatedR2(WrapperStorage):
    """The client with the capabilities of the simulator: it lacks some operations of R2."""

    @property
    @override
    def capabilities(self) -> Capabilities:
        return dataclasses.replace(
            super().capabilities, lists_uploads=False, has_lifecycle=False, has_cors=False
        )


class TestLocalStorageClient(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self, tmp_path_factory: pytest.TempPathFactory) -> Place:
        return Place.made(LocalStorageClient(tmp_path_factory.mktemp("local")), BUCKET)


class TestMemoryStorageClient(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        return Place.made(MemoryStorageClient(), BUCKET)


class TestWrapperStorage(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        return Place.made(WrapperStorage(MemoryStorageClient()), BUCKET)


class TestStoresForTests(ObjectStorageSuite):
    """Those that are told nothing bad do nothing bad."""

    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        store = RecordingStore(CorruptingStore(FlakyStore(MemoryStorageClient(), []), []))
        return Place.made(store, BUCKET)


class TestR2StorageClientOnMoto(ObjectStorageSuite):
    @pytest.fixture
    @override
    def place(self, moto_store: R2StorageClient) -> Place:
        return Place.made(moto_store, f"astrid-{uuid.uuid4()}")

    @pytest.mark.skip("moto breaks (500) where the upload of a part is gone")
    @override
    def test_an_upload_given_up_takes_no_part(self, place: Place) -> None: ...

    @pytest.mark.skip("moto breaks (500) where an upload that is gone is completed")
    @override
    def test_an_upload_given_up_cannot_be_completed(self, place: Place) -> None: ...

    @pytest.mark.skip("to moto every upload was begun in 2010")
    @override
    def test_young_uploads_are_not_swept(self, place: Place) -> None: ...


@pytest.mark.simulator
class TestR2StorageClientOnTheSimulator(ObjectStorageSuite):
    keys_in_pages = 1001

    @pytest.fixture
    @override
    def place(self, simulator_store: R2StorageClient) -> Place:
        place = Place(SimulatedR2(simulator_store), R2Simulator.buckets[0])
        simulator_store.delete_files(place.bucket, place.listed())
        return place

    @pytest.mark.skip("the simulator says yes each time")
    @override
    def test_giving_an_upload_up_twice_says_true_then_false(self, place: Place) -> None: ...
