"""Files that are stored: reading them, and noticing that somebody else writes to them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from astrid_sdk.errors import InvalidInputError


class FileMark(NamedTuple):
    """What changes when a file does, without reading it."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the mark of a file from its status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def mark_of(path: Path) -> FileMark:
    """Return the mark that the file at `path` has now.

    Raises
    ------
    InvalidInputError
        There is no readable file.
    """
    with reading(path):
        return FileMark.of(path.stat())


def changed_file(path: Path) -> InvalidInputError:
    """Return the error for a file that somebody writes to while it is stored."""
    return InvalidInputError(
        f"{path} changed while it was read, and was not stored; store it when it is complete",
        kind="changed_file",
    )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read what to do about it."""
    try:
        yield
    except OSError as error:
        raise InvalidInputError(
            f"cannot read {path}: {error.strerror}; check the path and its rights",
            kind="unreadable",
        ) from error


def fill(readinto: Callable[[memoryview], int | None], view: memoryview) -> int:
    """Read until `view` is full or the source at its end; return how much was read."""
    filled = 0
    while filled < len(view):
        length = readinto(view[filled:]) or 0
        if length == 0:
            break
        filled += length
    return filled
