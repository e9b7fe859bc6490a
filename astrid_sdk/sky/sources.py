"""Bytes that can be read in any place: those in memory, and those of an open file."""

import io
from dataclasses import dataclass
from typing import IO, Protocol

from typing_extensions import override


class Source(Protocol):
    """What the structure of a FITS file is read from."""

    @property
    def size(self) -> int:
        """All bytes there are."""

    def read_at(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from `start` on; fewer only at the end."""

    def as_file(self) -> IO[bytes]:
        """Return a file object over the same bytes, for libraries that want one."""


@dataclass(frozen=True, slots=True)
class BytesSource(Source):
    """Bytes in memory."""

    content: bytes

    @property
    @override
    def size(self) -> int:
        return len(self.content)

    @override
    def read_at(self, start: int, count: int) -> bytes:
        return self.content[start : start + count]

    @override
    def as_file(self) -> IO[bytes]:
        return io.BytesIO(self.content)


class FileSource(Source):
    """An open binary file that can seek."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self._head = file.read(4 * 2880)  # most headers end in here: one read for all of it

    @property
    @override
    def size(self) -> int:
        return self._size

    @override
    def read_at(self, start: int, count: int) -> bytes:
        if start + count <= len(self._head):
            return self._head[start : start + count]
        self._file.seek(start)
        return self._file.read(count)

    @override
    def as_file(self) -> IO[bytes]:
        self._file.seek(0)
        return self._file
