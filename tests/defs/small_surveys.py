"""A small survey: a night of references and two nights with a transient each."""

from dataclasses import dataclass
from pathlib import Path

from skies import Shot

import astrid_sdk
from astrid_sdk.cli.dagster_runs import ChainRun
from astrid_sdk.session import AstridSession

REFERENCE_NIGHT, SCIENCE_NIGHT, LATE_NIGHT = "2024-04-01", "2024-04-05", "2024-04-06"


@dataclass(frozen=True)
class SmallSurvey:
    """A session on its store, the nights that were materialised, and what that said."""

    session: AstridSession
    nights: tuple[str, str]
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
