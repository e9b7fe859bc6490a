"""A small survey that went through the chain: one night of references, one of two science nights."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from skies import Shot

import astrid_sdk
from astrid_sdk.cli.dagster_runs import ChainRun, run_chain
from astrid_sdk.session import AstridSession

REFERENCE_NIGHT, SCIENCE_NIGHT, LATE_NIGHT = "2024-04-01", "2024-04-05", "2024-04-06"


@dataclass(frozen=True)
class SmallSurvey:
    """A store, the nights that were materialised in it, and the one that was not yet."""

    session: AstridSession
    nights: tuple[str, str]
    late_night: str
    run: ChainRun
    progress: list[str]


def ingest_small(store: Path, frames: Path) -> AstridSession:
    """Ingest two reference frames and a science frame of each of two nights."""
    for number in (1, 2):
        Shot(REFERENCE_NIGHT, number).write(frames / "reference" / f"reference-{number}.fits")
    for number, night in ((3, SCIENCE_NIGHT), (4, LATE_NIGHT)):
        path = frames / "science" / f"science-{night}.fits"
        Shot(night, number, transient=(120.0, 100.0, 9_000.0)).write(path)
    session = astrid_sdk.connect(store)
    session.ingest(frames / "reference", purpose="reference")
    session.ingest(frames / "science")
    return session


@pytest.fixture(scope="session")
def small_survey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSurvey]:
    """Read it, and run the chain on it again; change nothing else."""
    folder = tmp_path_factory.mktemp("small")
    with ingest_small(folder / "store", folder / "frames") as session:
        nights = (REFERENCE_NIGHT, SCIENCE_NIGHT)
        told: list[str] = []
        run = run_chain(session, "", nights, lambda _done, _total, said: told.append(said))
        yield SmallSurvey(session, nights, LATE_NIGHT, run, told)


@pytest.fixture
def raw_survey(tmp_path: Path) -> AstridSession:
    """A store of its own, with frames ingested and nothing materialised."""
    return ingest_small(tmp_path / "store", tmp_path / "frames")
