"""Gzip unpacked within limits, so that a few bytes cannot ask for all the memory or the disk."""

import io
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from astrid_sdk.errors import InvalidInputError

MAX_PLAIN_BYTES = 4 * 2**30  # of one file after unpacking
FREE_BYTES = 256 * 2**20  # up to here any compression ratio is harmless
MAX_RATIO = 200  # of plain to packed bytes beyond that
_IN_MEMORY_BYTES = 64 * 2**20  # an unpacked file beyond that goes to the disk
_CHUNK_IN, _CHUNK_OUT = 2**18, 2**22
_GZIP = b"\x1f\x8b"


def decompressed(content: bytes, name: str = "") -> bytes:
    """Return `content` unpacked where it is gzip, itself otherwise, within `MAX_PLAIN_BYTES`.

    Raises
    ------
    InvalidInputError
        Kind ``empty``, ``truncated``, ``not_fits`` (damaged gzip) or ``too_large`` (a bomb).
    """
    label = name or "the file"
    if not content:
        raise _empty(label)
    if not content.startswith(_GZIP):
        return content
    plain = io.BytesIO()
    _unpack(io.BytesIO(content), plain, len(content), label)
    return plain.getvalue()  # shares the buffer: no second copy


@contextmanager
def plain_file(path: Path, name: str = "") -> Iterator[IO[bytes]]:
    """Open the file at `path` for reading, unpacked where it is gzip.

    What a large packed file unpacks to waits in a temporary file, which goes with the block.

    Raises
    ------
    InvalidInputError
        As `decompressed`; kind ``unreadable`` where the system refuses.
    """
    label = name or path.name
    with _readable(label), path.open("rb") as file, plain_of(file, label) as plain:
        yield plain


@contextmanager
def plain_of(file: IO[bytes], label: str) -> Iterator[IO[bytes]]:
    """Give what a file that is open at its start holds, unpacked; see `plain_file`."""
    with _readable(label):
        start = file.read(len(_GZIP))
        if not start:
            raise _empty(label)
        file.seek(0)
        if start != _GZIP:
            yield file
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as plain:
            _unpack(file, plain, os.fstat(file.fileno()).st_size, label)
            yield plain


@contextmanager
def _readable(label: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInputError(
            f"{label} cannot be read ({error.strerror}): mend its rights or the disk",
            kind="unreadable",
        ) from error


def _empty(label: str) -> InvalidInputError:
    return InvalidInputError(f"{label} is empty: fetch it again", kind="empty")


def _unpack(packed: IO[bytes], plain: IO[bytes], packed_bytes: int, label: str) -> None:
    """Write all that `packed` unpacks to into `plain`, with errors as sentences."""
    limit = min(MAX_PLAIN_BYTES, max(FREE_BYTES, MAX_RATIO * packed_bytes))
    try:
        _unpack_members(packed, plain, limit)
    except zlib.error as error:
        raise InvalidInputError(
            f"{label} is a damaged gzip file: fetch it again", kind="not_fits"
        ) from error
    except EOFError as error:
        raise InvalidInputError(
            f"{label} is truncated: its gzip stream ends early; fetch it again", kind="truncated"
        ) from error
    except OverflowError as error:
        raise InvalidInputError(
            f"{label} unpacks to more than {limit} bytes: send it unpacked", kind="too_large"
        ) from error


def _unpack_members(packed: IO[bytes], plain: IO[bytes], limit: int) -> None:
    """Unpack one gzip member after the other; what follows the last one is padding.

    Raises
    ------
    zlib.error, EOFError, OverflowError
        A member is damaged, cut short, or takes `plain` beyond `limit` bytes.
    """
    feed = packed.read(_CHUNK_IN)
    while feed.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        while feed:
            plain.write(unpacker.decompress(feed, _CHUNK_OUT))
            if plain.tell() > limit:
                raise OverflowError
            if unpacker.eof:
                break
            feed = unpacker.unconsumed_tail or packed.read(_CHUNK_IN)
        else:
            raise EOFError
        feed = unpacker.unused_data
        if len(feed) < len(_GZIP):
            feed += packed.read(_CHUNK_IN)
