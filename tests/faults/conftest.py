"""The bench of the fault tests: moto, the strict proxy before it, and the clients to compare."""

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.bench import (
    BUCKET,
    PATIENCE,
    PIECE_BYTES,
    PLAYERS,
    ROWS,
    SINGLE_BYTES,
    TIMEOUTS,
    Bench,
)
from faults.cases import OTHER_KEY
from faults.judging import Verdict
from faults.players import PART_BYTES, Boto3, Obstore, Ours, Player, impatient_boto3
from faults.truth import Truth
from faults.works import OLD
from servers import MotoServer

from astrid_sdk.storage import downloading, transfers
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.testing.fault_proxy import FaultProxy
from astrid_sdk.testing.r2_rules import R2Rules


@pytest.fixture(scope="session")
def bench(moto_server: MotoServer) -> Iterator[Bench]:
    truth = Truth(moto_server.endpoint_url, BUCKET)
    truth.put(OTHER_KEY, OLD + b"of another object")
    with FaultProxy(moto_server.endpoint_url, rules=R2Rules(writes_per_s=None)) as proxy:
        config = moto_server.config(BUCKET, r2_endpoint_url=proxy.endpoint_url)
        yield Bench(proxy, truth, config, moto_server.endpoint_url)


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    """Bodies count as large early: what is tested is the order of requests, not bandwidth."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "SINGLE_BYTES", SINGLE_BYTES)
        patch.setattr(transfers, "PART_BYTES", PART_BYTES)
        patch.setattr(downloading, "PIECE_BYTES", PIECE_BYTES)
        yield


@pytest.fixture(scope="module")
def client(bench: Bench, small_parts: None) -> Iterator[R2StorageClient]:  # noqa: ARG001
    made = R2StorageClient(bench.config, retry=PATIENCE, timeouts=TIMEOUTS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def ours(client: R2StorageClient) -> Ours:
    return Ours(client, BUCKET)


@pytest.fixture(scope="module")
def others(bench: Bench) -> Iterator[list[Player]]:
    with impatient_boto3():
        yield [Boto3(bench.config), Obstore(bench.config)]
    gc.collect()  # the sockets that they leave open are not for another test to be blamed for


@pytest.fixture
def place(bench: Bench, tmp_path: Path) -> tuple[Bench, Path]:
    """The bench with nothing armed."""
    bench.proxy.disarm()
    bench.proxy.forget()
    return bench, tmp_path


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = {}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table: what became of each case with each client."""
    rows = config.stash.get(ROWS, {})
    if not rows:
        return
    terminalreporter.section(f"{len(rows)} faults, by client")
    width = max(map(len, rows)) + 2
    terminalreporter.write_line(f"{'':{width}}" + "".join(f"{name:16}" for name in PLAYERS))
    for case, row in rows.items():
        cells = (row[name].verdict if name in row else "" for name in PLAYERS)
        terminalreporter.write_line(f"{case:{width}}" + "".join(f"{cell:16}" for cell in cells))
    terminalreporter.write_line("")
    counts = {
        name: Counter(row[name].verdict for row in rows.values() if name in row) for name in PLAYERS
    }
    for verdict in Verdict:
        cells = (str(counts[name][verdict]) for name in PLAYERS)
        terminalreporter.write_line(f"{verdict:{width}}" + "".join(f"{cell:16}" for cell in cells))
