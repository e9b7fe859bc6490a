"""Which store a command works on, and whether it can."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

import astrid_sdk
from astrid_sdk.cli.places import require_writable
from astrid_sdk.config import r2_is_configured, store_folder
from astrid_sdk.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:  # importing it takes seconds, and --help opens no store
    from astrid_sdk.session import AstridSession


def chosen_folder(text: str) -> str:
    """Return the folder that ``--store`` names, without ``~``; "" where it was not given.

    Raises
    ------
    InvalidInputError
        It is a URL.
    """
    if "://" in text:
        raise InvalidInputError(
            f"--store takes a folder, not {text}: for a bucket leave it out and set ASTRID_R2_*"
        )
    if text and r2_is_configured():
        click.echo(f"--store is given: the folder {text} is used, not R2", err=True)
    return str(Path(text).expanduser()) if text else ""


def open_store(store: str) -> "AstridSession":
    """Open a store, made where it is not there.

    Parameters
    ----------
    store : str
        What `chosen_folder` returned.

    Raises
    ------
    AstridError
        The store cannot be used; the message says what to do.
    """
    folder = _folder(store)
    if folder is not None:
        _require_folder(folder)
    return _closed_at_the_end(astrid_sdk.connect(store or None))


def missing_store(store: str) -> Path | None:
    """Return the folder that is meant where no store is in it; None where one is, or on R2."""
    from astrid_sdk.connecting import LOCAL_BUCKET  # noqa: PLC0415 - it imports the session

    folder = _folder(store)
    return folder if folder is not None and not (folder / LOCAL_BUCKET).is_dir() else None


def open_existing_store(store: str) -> "AstridSession":
    """Open a store to look at what it holds: a mistyped folder is not made.

    Raises
    ------
    AstridError
        As `open_store`; NotFoundError where no store is in the folder.
    """
    missing = missing_store(store)
    if missing is not None:
        raise NotFoundError(
            f"no store is in {missing.absolute()}: check --store, or fill one with astrid demo or "
            "astrid put",
            kind="no_store",
        )
    return _closed_at_the_end(astrid_sdk.connect(store or None))


def _closed_at_the_end(session: "AstridSession") -> "AstridSession":
    """Have the command close `session` when it ends: what it wrote down goes into the store."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(session.close)
    return session


def _folder(store: str) -> Path | None:
    """Return the embedded store's folder, or None where R2 is meant."""
    from astrid_sdk.connecting import DEFAULT_FOLDER  # noqa: PLC0415 - it imports the session

    if store:
        return Path(store)
    return None if r2_is_configured() else store_folder() or DEFAULT_FOLDER


def _require_folder(folder: Path) -> None:
    if folder.is_file():
        raise InvalidInputError(f"the store {folder} is a file: give --store a folder")
    require_writable(folder, "give --store a folder that you may write")
