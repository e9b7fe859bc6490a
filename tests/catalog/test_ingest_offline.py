"""Ingest while the store is away: nothing is lost, and all is found once it is back."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import MotoServer
from skies import Shot
from stores import BUCKET, Bench, local_store

from astrid_sdk.catalog.ingest.gathering import gather
from astrid_sdk.catalog.ingest.ingest import Ingest
from astrid_sdk.catalog.ingest.report import IngestReport
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.retrying import RetryPolicy
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.testing.fault_proxy import FaultProxy
from astrid_sdk.testing.faults import FOR_EVER, Fault, Play
from astrid_sdk.testing.stores import Failure, FlakyStore

AWAY = StorageUnavailableError("away", kind="unreachable")
IMPATIENT = RetryPolicy(attempts=2, unreachable_attempts=2, base_s=0.01, most_s=0.02)
NAMES = ["a.fits", "b.fits", "c.fits"]


@pytest.fixture
def night(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        Shot(noise_seed=number, size_px=16).write(tmp_path / "night" / name)
    return tmp_path / "night"


def ingest(bench: Bench, folder: Path, purpose: str = "science") -> IngestReport:
    return Ingest(bench.cas, bench.catalog)(gather(folder), purpose=purpose)


def found(bench: Bench) -> dict[str, str | None]:
    return {row.name: row.purpose for row in find(bench.catalog, Query())}


@pytest.mark.parametrize("skip", range(12))
def test_wherever_the_store_goes_away_what_waits_is_said_and_found_after_a_sync(
    night: Path, tmp_path: Path, skip: int
) -> None:
    store = local_store(tmp_path / "store")
    gone = FlakyStore(store, [Failure(AWAY, skip=skip, times=None)])
    spool = tmp_path / "spool"
    with contextlib.closing(SpoolingStorage(gone, spool)) as spooling:
        report = ingest(Bench(spooling), night, "reference")
        assert len(report.files) == 3
        assert bool(report.waiting) == bool(spooling.pending)
        assert ("wait here until the store is back" in str(report)) == bool(spooling.pending)
    with contextlib.closing(SpoolingStorage(store, spool)) as spooling:  # in another process
        spooling.sync()
    bench = Bench(store)
    assert found(bench) == dict.fromkeys(NAMES, "reference")
    for row in find(bench.catalog, Query()):
        bench.cas.retrieve_data(row.content_hash)


def test_ingesting_again_while_it_is_away_and_after_it_is_back_tells_nothing_twice(
    night: Path, tmp_path: Path
) -> None:
    store = local_store(tmp_path / "store")
    gone = FlakyStore(store, [Failure(AWAY, times=None)])
    spool = tmp_path / "spool"
    for _ in range(2):
        with contextlib.closing(SpoolingStorage(gone, spool)) as spooling:
            assert ingest(Bench(spooling), night).waiting == 3
    with contextlib.closing(SpoolingStorage(store, spool)) as spooling:
        spooling.sync()
        report = ingest(Bench(spooling), night)
    assert (len(report.already_there), report.waiting) == (3, 0)
    assert found(Bench(store)) == dict.fromkeys(NAMES, "science")


@dataclasses.dataclass
class Network:
    """A server, straight and through a proxy that can cut the line."""

    proxy: FaultProxy
    through: R2StorageClient
    straight: R2StorageClient


@pytest.fixture
def network(moto_server: MotoServer) -> Iterator[Network]:
    config = moto_server.config(BUCKET)
    with contextlib.closing(R2StorageClient(config)) as straight:
        straight.create_bucket(BUCKET)
        straight.delete_files(BUCKET, straight.list_files(BUCKET, ""))
        with FaultProxy(moto_server.endpoint_url) as proxy:
            proxied = dataclasses.replace(config, r2_endpoint_url=proxy.endpoint_url)
            with contextlib.closing(R2StorageClient(proxied, retry=IMPATIENT)) as through:
                yield Network(proxy, through, straight)


def test_over_a_network_that_breaks_all_is_found_once_it_is_mended(
    network: Network, night: Path, tmp_path: Path
) -> None:
    network.proxy.arm(Fault(Play(early="reset"), times=FOR_EVER))
    with contextlib.closing(SpoolingStorage(network.through, tmp_path / "spool")) as spooling:
        assert ingest(Bench(spooling), night).waiting == 3
        network.proxy.disarm()
        assert spooling.sync() > 3
    assert found(Bench(network.straight)) == dict.fromkeys(NAMES, "science")
