"""How `astrid ui` is started; what it shows is in tests/browser."""

import os
import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest

import astrid_sdk
from astrid_sdk.cli.dagster_runs import run_ui, ui_command, ui_environment
from astrid_sdk.errors import InvalidInputError


def test_a_port_that_is_taken_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken, astrid_sdk.connect(tmp_path) as session:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInputError, match="choose another --port"):
            ui_command(session, "127.0.0.1", taken.getsockname()[1])


def test_the_folder_that_was_asked_for_wins_over_a_configured_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTRID_R2_SECRET_ACCESS_KEY", "never-shown")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with astrid_sdk.connect(tmp_path) as session:
        environment = ui_environment(session, str(tmp_path))
    assert environment["ASTRID_STORE"] == str(tmp_path)
    assert environment["DAGSTER_HOME"] == str(tmp_path / "dagster")
    assert "never-shown" not in environment.values()
    assert environment["PYTHONWARNINGS"].endswith(",error")  # whoever set it has the last word


def test_the_process_itself_becomes_the_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[Any] = []

    def become(*given: Any) -> NoReturn:
        became.extend(given)
        raise SystemExit

    monkeypatch.setattr(os, "execve", become)
    with astrid_sdk.connect(tmp_path) as session, pytest.raises(SystemExit):
        run_ui(session, str(tmp_path), ui_command(session, "127.0.0.1", 0))
    program, command, environment = became
    assert Path(program).name == "dagster"
    assert command == [program, "dev", "-w", f"{tmp_path}/dagster/workspace.yaml", *command[4:]]
    assert environment["ASTRID_STORE"] == str(tmp_path)
