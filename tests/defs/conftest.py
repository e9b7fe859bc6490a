"""A small survey that went through the chain, and one that did not yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from defs.small_surveys import REFERENCE_NIGHT, SCIENCE_NIGHT, SmallSurvey, ingest_small

from astrid_sdk.cli.dagster_runs import run_chain
from astrid_sdk.session import AstridSession


@pytest.fixture(scope="session")
def small_survey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSurvey]:
    """Two of its three nights are materialised. Run the chain on it again, change nothing else."""
    folder = tmp_path_factory.mktemp("small")
    with ingest_small(folder / "store", folder / "frames") as session:
        nights = (REFERENCE_NIGHT, SCIENCE_NIGHT)
        told: list[str] = []
        run = run_chain(session, nights, lambda _done, _total, said: told.append(said))
        yield SmallSurvey(session, nights, run, told)


@pytest.fixture
def raw_survey(tmp_path: Path) -> AstridSession:
    """A store of its own, with frames ingested and nothing materialised."""
    return ingest_small(tmp_path / "store", tmp_path / "frames")
