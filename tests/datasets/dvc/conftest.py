"""A store in a folder, a folder of the user's, and stock dvc beside them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc_cli import Machine, write_files

import astrid_sdk
from astrid_sdk.datasets.dvc.client import DVCClient
from astrid_sdk.session import AstridSession


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Stock dvc and git; our own calls of git know the same user."""
    machine = Machine(tmp_path / "home")
    for name, value in machine._environment.items():
        monkeypatch.setenv(name, value)
    return machine


@pytest.fixture
def astrid(tmp_path: Path, machine: Machine) -> Iterator[AstridSession]:  # noqa: ARG001 - its settings
    with astrid_sdk.connect(tmp_path / "store") as session:
        yield session


@pytest.fixture
def client(astrid: AstridSession) -> DVCClient:
    return astrid.dvc


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder to version, in a project that has neither git nor DVC."""
    return write_files(tmp_path / "project" / "sn-train")


@pytest.fixture
def tracked(data: Path, machine: Machine) -> Path:
    """The same folder in a git repository with one commit."""
    project = data.parent
    machine.git(project, "init", "--quiet", "--initial-branch=main")
    (project / "notes.txt").write_text("notes\n")
    machine.git(project, "add", "notes.txt")
    machine.git(project, "commit", "--quiet", "--message=begin")
    return data
