"""What the fault tests share: the proxy before a bucket, patience, and the table's rows."""

import itertools

import pytest
from faults.judging import Judged
from faults.truth import Truth

from astrid_sdk.config import StorageConfig
from astrid_sdk.storage.http_engine import Timeouts
from astrid_sdk.storage.retrying import RetryPolicy
from astrid_sdk.testing.fault_proxy import FaultProxy

BUCKET = "astrid-faults"
IDLE_S = 0.6
PATIENCE = RetryPolicy(unreachable_attempts=12, deadline_s=2.5, base_s=0.005, most_s=0.05, seed=1)
TIMEOUTS = Timeouts(connect_s=IDLE_S, idle_s=IDLE_S, answer_s=2 * IDLE_S, least_bytes_per_s=4 << 20)
SINGLE_BYTES = 1 << 20
PIECE_BYTES = 256 << 10
ROWS = pytest.StashKey[dict[str, dict[str, Judged]]]()
PLAYERS = ("astrid", "boto3", "obstore")


class Bench:
    """One proxy before one bucket, and places in it that no two tests share."""

    def __init__(
        self, proxy: FaultProxy, truth: Truth, config: StorageConfig, server_url: str
    ) -> None:
        self.proxy = proxy
        self.truth = truth
        self.config = config
        self.server_url = server_url
        self._numbers = itertools.count()

    def prefix(self) -> str:
        return f"{next(self._numbers):05d}/"

    def new_bucket(self) -> str:
        return f"{BUCKET}-{next(self._numbers):05d}"
