"""Services to ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from api.here import Here, embedded


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    """The service on an empty embedded store."""
    with Here(embedded(tmp_path / "store")) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """The service on an embedded store that the tests of a module share."""
    with Here(embedded(tmp_path_factory.mktemp("shared") / "store")) as running:
        yield running
