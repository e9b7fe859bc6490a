"""What tests of the catalogue stand on: a store in a folder, and all that works on it."""

from pathlib import Path

import pytest
from stores import Bench, local_store

from astrid_sdk.storage.local_client import LocalStorageClient


@pytest.fixture
def store(tmp_path: Path) -> LocalStorageClient:
    return local_store(tmp_path / "store")


@pytest.fixture
def bench(store: LocalStorageClient) -> Bench:
    return Bench(store)
