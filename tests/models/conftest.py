"""Stores with an MLflow database that is made once: making its tables takes seconds."""

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import astrid_sdk
from astrid_sdk.models.setting_up import FOLDER
from astrid_sdk.session import AstridSession


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs."""
    folder = tmp_path_factory.mktemp("mlflow")
    with astrid_sdk.connect(folder) as astrid:
        astrid.mlflow.client()
    return folder / FOLDER / "mlflow.db"


@pytest.fixture
def astrid(tmp_path: Path, mlflow_database: Path) -> Iterator[AstridSession]:
    """An embedded store."""
    with with_database(tmp_path / "store", mlflow_database) as session:
        yield session


@pytest.fixture
def estimator() -> LogisticRegression:
    """A small classifier."""
    features = np.random.default_rng(0).normal(size=(60, 3))
    return LogisticRegression().fit(features, features[:, 0] > 0)


def with_database(folder: Path, database: Path) -> AstridSession:
    """Return a session on a store in `folder`, with a copy of a database that was made before."""
    (folder / FOLDER).mkdir(parents=True)
    shutil.copyfile(database, folder / FOLDER / "mlflow.db")
    return astrid_sdk.connect(folder)


@pytest.fixture(autouse=True)
def connections_that_mlflow_keeps() -> Iterator[None]:
    """Let MLflow keep its database connections open: it caches them by URI for good."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
