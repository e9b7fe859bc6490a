"""The body of an upload while it comes in: in memory as long as it is small, else in a file."""

import hashlib
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from astrid_sdk.errors import InvalidInputError

IN_MEMORY_BYTES = 1 << 20
_STALE_S = 24 * 3600.0


class BodySpool:
    """Takes a body piece by piece, counts it, and hashes it where its hash was promised.

    `add` only keeps a piece; `flush` writes to the disk and hashes, so call it in a thread.

    Parameters
    ----------
    folder : Path
        Where the file goes; it must be there.
    most_bytes : int
        More is refused.
    promised_hash : str or None
        The SHA-256 that the caller says the body has.
    """

    def __init__(self, folder: Path, most_bytes: int, promised_hash: str | None) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._promised = promised_hash
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._file: BinaryIO | None = None
        self.path: Path | None = None
        self.size_bytes = 0

    def add(self, piece: bytes) -> bool:
        """Keep a piece; True says that a `flush` is due.

        Raises
        ------
        InvalidInputError
            ``kind="body_too_large"``.
        """
        self.size_bytes += len(piece)
        if self.size_bytes > self._most_bytes:
            raise too_large(self._most_bytes)
        self._pieces.append(piece)
        self._waiting += len(piece)
        return self._waiting > IN_MEMORY_BYTES

    def flush(self) -> None:
        """Write what waits to the file, which is made if there is none."""
        if self._file is None:
            self._open()
        assert self._file is not None  # noqa: S101 - just opened
        for piece in self._pieces:
            if self._promised is not None:
                self._hash.update(piece)
            self._file.write(piece)
        self._pieces, self._waiting = [], 0

    def finish(self) -> None:
        """Take the body as complete.

        Raises
        ------
        InvalidInputError
            ``kind="hash_mismatch"``: it is not what was promised.
        """
        if self._file is not None:
            self.flush()
            self._file.close()
        elif self._promised is not None:
            self._hash.update(self.data)
        if self._promised is not None and self._hash.hexdigest() != self._promised:
            raise InvalidInputError(
                f"the {self.size_bytes} bytes that came have the SHA-256 {self._hash.hexdigest()}, "
                f"not {self._promised}: nothing was stored; send them again",
                kind="hash_mismatch",
            )

    @property
    def data(self) -> bytes:
        """The bytes, of a body that stayed in memory."""
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    def to_file(self) -> Path:
        """Return the file of the body, written now where it stayed in memory."""
        if self.path is None:
            self.flush()
            assert self._file is not None  # noqa: S101 - flush opened it
            self._file.close()
        assert self.path is not None  # noqa: S101 - as above
        return self.path

    def _open(self) -> None:
        number, name = tempfile.mkstemp(dir=self._folder, prefix="upload-")
        self.path, self._file = Path(name), os.fdopen(number, "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pieces = []
        if self._file is not None:
            self._file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def too_large(most_bytes: int) -> InvalidInputError:
    """Return the error for a body beyond the limit."""
    return InvalidInputError(
        f"the body has more than the {most_bytes} bytes that this service takes",
        kind="body_too_large",
    )


def spool_folder(home: Path) -> Path:
    """Return the folder for bodies that come in, without what a killed service left there."""
    folder = home / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    stale = time.time() - _STALE_S
    for left in folder.glob("upload-*"):
        with suppress(FileNotFoundError):  # another process of this service was faster
            if left.stat().st_mtime < stale:
                left.unlink()
    return folder
