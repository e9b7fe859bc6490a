"""Options that several commands take."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from astrid_sdk.cli.stores import chosen_folder

_SHOWN = 40
_F = TypeVar("_F", bound=Callable[..., Any])


def store_option(command: _F) -> _F:
    """Give a command ``--store``."""
    option = click.option(
        "--store",
        default="",
        metavar="DIR",
        callback=lambda _context, _option, text: chosen_folder(text),
        help="A folder for the embedded store. Without it: R2 when ASTRID_R2_* is set, else the "
        "folder that ASTRID_STORE names, else ./.astrid.",
    )
    return option(command)


def limit_option(command: _F) -> _F:
    """Give a command that lists ``--limit``."""
    option = click.option(
        "--limit",
        type=click.IntRange(min=0),
        default=_SHOWN,
        show_default=True,
        help="How many to show; 0 shows all.",
    )
    return option(command)
