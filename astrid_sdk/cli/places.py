"""Refusing a folder or a file that cannot be used, before any work is done."""

import tempfile
from pathlib import Path

from astrid_sdk.errors import AccessDeniedError, InvalidInputError


def require_writable(folder: Path, remedy: str) -> None:
    """Make `folder` where it is not there, and refuse it where no file can be made in it.

    Raises
    ------
    AccessDeniedError
        With the system's reason and `remedy`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise AccessDeniedError(
            f"cannot write the folder {folder} ({error.strerror}): {remedy}", kind="not_writable"
        ) from error


def require_json_target(path: Path) -> None:
    """Refuse a path where no report can be written, before the work is done.

    Raises
    ------
    InvalidInputError
        It is a folder, or its folder is missing.
    AccessDeniedError
        Its folder cannot be written.
    """
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder: name a file in it after --json")
    if not path.parent.is_dir():
        raise InvalidInputError(f"there is no folder {path.parent} for --json: make it first")
    require_writable(path.parent, "give --json a file in a folder that you may write")
