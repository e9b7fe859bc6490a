"""Every command and every option says what it is for."""

import importlib.metadata
from collections.abc import Callable
from typing import NoReturn

import click
import pytest
from cli.terminal import astrid

from astrid_sdk.cli.main import main

COMMANDS = [
    "audit",
    "catalog",
    "dataset",
    "delete",
    "demo",
    "exclude",
    "find",
    "get",
    "impact",
    "include",
    "keys",
    "label",
    "mlflow",
    "pairs",
    "put",
    "restore",
    "serve",
    "sync",
    "ui",
    "why",
]


def test_the_commands_are_these() -> None:
    assert sorted(main.commands) == COMMANDS


@pytest.mark.parametrize("words", [["--help"], ["-h"], []])
def test_help_lists_every_command(words: list[str]) -> None:
    answer = astrid(*words)

    assert answer.code == 0
    assert all(f"\n  {command} " in answer.out for command in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    command = main.commands[name]
    parts = list(command.commands.values()) if isinstance(command, click.Group) else [command]

    assert command.help
    for part in parts:
        options = [given for given in part.params if isinstance(given, click.Option)]
        assert part.help
        assert all(option.help for option in options)
        assert any(option.name == "store" for option in options)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_80_columns(name: str) -> None:
    with click.Context(main.commands[name], info_name=name, terminal_width=80) as context:
        shown = main.commands[name].get_help(context)

    assert max(map(len, shown.splitlines())) <= 80


def test_the_version_is_told(require: Callable[[str], NoReturn]) -> None:
    try:
        version = importlib.metadata.version("astrid-sdk")
    except importlib.metadata.PackageNotFoundError:
        require("astrid-sdk is not installed, so it has no version: pip install -e .")

    assert astrid("--version").out == f"astrid, version {version}\n"
