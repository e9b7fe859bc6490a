"""What tests of storage stand on: a store in a folder."""

from pathlib import Path

import pytest

from astrid_sdk.storage.local_client import LocalStorageClient

BUCKET = "astrid-storage"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> LocalStorageClient:
    client = LocalStorageClient(folder)
    client.create_bucket(BUCKET)
    return client
