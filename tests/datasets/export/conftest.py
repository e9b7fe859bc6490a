"""What tests of exports stand on: a store with a frame in it."""

from pathlib import Path

import pytest
from datasets.export.shelves import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)
