"""Commands that are shown can be pasted."""

import sys
from pathlib import Path

import pytest

from astrid_sdk.cli.program import program


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An executable in the bin folder of an environment that is not on PATH."""
    path = tmp_path / ".venv" / "bin" / "astrid"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(path), "demo"])
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return path


def test_below_the_current_folder_the_path_is_a_relative_one(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed.is_file()
    monkeypatch.chdir(tmp_path)
    assert program() == ".venv/bin/astrid"


def test_elsewhere_the_path_is_whole_and_quoted(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "with blank"
    installed.parent.rename(odd)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "argv", [str(odd / "astrid")])
    assert program() == f"'{odd}/astrid'"


def test_on_the_path_the_name_is_enough(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program() == "astrid"


def test_what_another_program_runs_is_called_by_its_name(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed.is_file()
    monkeypatch.setattr(sys, "argv", ["-c", "demo"])
    assert program() == "astrid"
