"""Every promise of `ObjectStorage`, asked of each behaviour around a store that keeps them."""

from pathlib import Path

import pytest
from typing_extensions import override

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.logged import LoggedStorage
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.quota import Quota, QuotaStorage
from astrid_sdk.storage.retrying import RetryingStorage, RetryPolicy
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.storage.stack import assemble, network_stack, spooling_of
from astrid_sdk.storage.throttled import ThrottledStorage
from astrid_sdk.testing.conformance import ObjectStorageSuite
from astrid_sdk.testing.places import Place
from astrid_sdk.testing.stores import Failure, FlakyStore
from astrid_sdk.tiers import Tier

BUCKET = "astrid-storage"
AT_ONCE = RetryPolicy(base_s=0.0, most_s=0.0)
PLENTY = Quota(1 << 40, 1 << 20)


class TestRetryingStorage(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        return Place.made(RetryingStorage(MemoryStorageClient()), BUCKET)


class TestRetryingStorageAroundOneThatFails(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        away = StorageUnavailableError("busy", kind="server_error", wrote=False, transient=True)
        flaky = FlakyStore(MemoryStorageClient(), [Failure(away, times=3)])
        return Place.made(RetryingStorage(flaky, AT_ONCE), BUCKET)


class TestThrottledStorage(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        return Place.made(ThrottledStorage(MemoryStorageClient(), 1e6, 2), BUCKET)


class TestQuotaStorage(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        store = QuotaStorage(MemoryStorageClient(), dict.fromkeys(Tier, PLENTY))
        return Place.made(store, BUCKET)


class TestLoggedStorage(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self) -> Place:
        return Place.made(LoggedStorage(MemoryStorageClient()), BUCKET)


class TestSpoolingStorage(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self, tmp_path_factory: pytest.TempPathFactory) -> Place:
        folder = tmp_path_factory.mktemp("spool")
        return Place.made(SpoolingStorage(MemoryStorageClient(), folder), BUCKET)


class TestAllOfThem(ObjectStorageSuite):
    part_bytes = 7

    @pytest.fixture
    @override
    def place(self, tmp_path_factory: pytest.TempPathFactory) -> Place:
        store = assemble(
            network_stack(MemoryStorageClient()),
            quotas=dict.fromkeys(Tier, "1TiB:1000000"),
            spool_folder=tmp_path_factory.mktemp("spool"),
        )
        return Place.made(store, BUCKET)


def test_the_order_of_the_behaviours_is_the_one_of_the_design(tmp_path: Path) -> None:
    store = assemble(
        network_stack(MemoryStorageClient()), quotas={"temp": "1GiB"}, spool_folder=tmp_path
    )
    order = ("Quota", "Spooling", "Retrying", "Throttled", "Logged")
    assert repr(store).startswith("(".join(f"{name}Storage" for name in order))


def test_a_store_without_a_spool_has_no_layer_in_which_writes_wait() -> None:
    assert spooling_of(network_stack(MemoryStorageClient())) is None


def test_a_session_finds_the_layer_in_which_writes_wait(tmp_path: Path) -> None:
    store = assemble(MemoryStorageClient(), quotas={"temp": "1GiB"}, spool_folder=tmp_path)
    assert isinstance(spooling_of(store), SpoolingStorage)
