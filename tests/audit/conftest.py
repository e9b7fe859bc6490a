"""What tests of the audit stand on: stores whose changes are written down."""

from pathlib import Path

import pytest
from audit.trails import Told
from stores import local_store


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """A store, and what was written down of it."""
    return Told(local_store(tmp_path / "store"), tmp_path / "home")
