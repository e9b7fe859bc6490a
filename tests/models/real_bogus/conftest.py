"""Simulated fields that were searched, labelled from the truth, and given to the model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from models.conftest import with_database
from models.real_bogus.skies_with_truth import label, search, write_field

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.work import Materialised
from astrid_sdk.session import AstridSession

FIELDS = 3


@dataclass(frozen=True)
class Fields:
    """A store with three fields, their detections by night, the labels, and the model."""

    session: AstridSession
    nights: Mapping[str, Manifest]
    labels: Mapping[str, str]
    model: Materialised


@pytest.fixture(scope="session")
def fields(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Iterator[Fields]:
    """Made once: read it, change nothing in it but to register and score."""
    folder = tmp_path_factory.mktemp("fields")
    folders = [folder / f"field-{number}" for number in range(1, FIELDS + 1)]
    for number, each in enumerate(folders, 1):
        write_field(each, number)
    with with_database(folder / "store", mlflow_database) as session:
        nights = search(session, folders)
        labels = label(session, folders)
        session.version_detections("transients", nights)
        yield Fields(session, nights, labels, session.real_bogus.train("transients"))
