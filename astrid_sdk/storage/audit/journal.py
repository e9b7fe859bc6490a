"""The lines of one writer on this machine until they are in the store.

Layout of the folder::

    lock                      its writers take it to begin, and whoever ships what was left behind
    <writer>/lock             held by the living writer: nobody else touches its lines
    <writer>/<first>.ndjson   lines from that number on; all but the last file are complete

A batch of lines is one write and is not forced to the disk: it survives the end of the process,
however that came, not that of the machine.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from astrid_sdk.storage.local_files import locked, make_folders

_LOCK = "lock"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE = 0o600


class Journal:
    """A writer's files; one thread at a time.

    Parameters
    ----------
    folder : Path
        Of all writers of this machine on one store; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.writer = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(6)}"
        self.folder = folder / self.writer
        _make(folder)
        with locked(folder / _LOCK):
            self.folder.mkdir(mode=0o700)
            lock = os.open(self.folder / _LOCK, _FLAGS, _PRIVATE)
            fcntl.flock(lock, fcntl.LOCK_EX)
        self._open = [lock]
        self._close = weakref.finalize(self, _close_all, self._open)
        self._path: Path | None = None
        self.size_bytes = 0

    def append(self, lines: bytes, first: int) -> None:
        """Write `lines` behind the others; `first` is the number of the first of them.

        Raises
        ------
        OSError
            The disk takes no more.
        """
        if self._path is None:
            path = self.folder / f"{first:012d}.ndjson"
            self._open.append(os.open(path, _FLAGS | os.O_APPEND | os.O_EXCL, _PRIVATE))
            self._path, self.size_bytes = path, 0
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._open[-1], rest) :]
        self.size_bytes += len(lines)

    def cut(self) -> None:
        """Complete the file that is being written: the next lines begin another."""
        if self._path is not None:
            os.close(self._open.pop())
            self._path, self.size_bytes = None, 0

    def complete(self) -> list[Path]:
        """Return the complete files, in order."""
        return [path for path in _files(self.folder) if path != self._path]

    def close(self) -> None:
        """Let go of the files; those that are left are for whoever comes next."""
        if self._close.alive and not _files(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
        self._close()


@contextlib.contextmanager
def left_behind(folder: Path) -> Iterator[list[Path]]:
    """Hold the files of writers that ended, each writer's in order; they are removed one by one."""
    with contextlib.ExitStack() as held:
        found: list[Path] = []
        folders: list[Path] = []
        if folder.is_dir():
            with locked(folder / _LOCK):
                for writer in sorted(path for path in folder.iterdir() if path.is_dir()):
                    if held.enter_context(_taken(writer / _LOCK)):
                        folders.append(writer)
                        found += _files(writer)
        yield found
        for writer in folders:
            if not _files(writer):
                shutil.rmtree(writer, ignore_errors=True)


def complete_lines(path: Path) -> bytes:
    """Return the lines of a file, without one that was being written when the machine stopped."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


@contextlib.contextmanager
def _taken(path: Path) -> Iterator[bool]:
    """Take a writer's lock; False where it lives."""
    descriptor = os.open(path, _FLAGS, _PRIVATE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _files(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(path for path in folder.iterdir() if path.suffix == ".ndjson")
    return []


def _make(folder: Path) -> None:
    if not folder.is_dir():
        make_folders(folder)
        folder.chmod(0o700)


def _close_all(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())
