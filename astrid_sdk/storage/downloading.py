"""Large bodies down at constant memory, over any store: in pieces, side by side, verified."""

import dataclasses
import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from astrid_sdk.errors import AstridError, CorruptionError, InvalidInputError
from astrid_sdk.storage import refusals
from astrid_sdk.storage.buffers import Buffers
from astrid_sdk.storage.local_files import write_at
from astrid_sdk.storage.operations import CONTENT_HASH_METADATA, Get, StoredObject
from astrid_sdk.storage.transfers import Progress

if TYPE_CHECKING:
    from astrid_sdk.storage.base import ObjectStorage

PIECE_BYTES = 8 << 20
_PIECES_AHEAD = 6
_HASH_BYTES = 1 << 20
_KEPT_PIECES = 4


def download_file_to(
    storage: "ObjectStorage", get: Get, path: Path, progress: Progress | None
) -> Path:
    """Write the object to `path`, verified; see `ObjectStorage.download_to`."""
    try:
        return _download_once(storage, get, path, progress)
    except CorruptionError:  # on the way, perhaps: once more, from the store
        return _download_once(storage, get, path, progress)


def _download_once(
    storage: "ObjectStorage", get: Get, path: Path, progress: Progress | None
) -> Path:
    first = storage.perform(dataclasses.replace(get, stop=PIECE_BYTES, content_hash=None))
    expected = get.content_hash or first.stored.user_metadata.get(CONTENT_HASH_METADATA)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb+") as file:
            file.write(first.data)
            file.flush()
            if progress is not None:
                progress(len(first.data))
            with _HashedAhead(file.fileno()) as hashed:
                hashed.has(0, len(first.data))
                _fetch_rest(storage, get, first.stored, file.fileno(), hashed, progress)
            _check_download(storage, get, expected, hashed.hexdigest())
        temporary.replace(path)
    except AstridError:  # some of ours are OSErrors too
        raise
    except OSError as error:
        raise InvalidInputError(
            f"cannot write {path} ({error.strerror}); what was there is as it was"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _fetch_rest(
    storage: "ObjectStorage",
    get: Get,
    stored: StoredObject,
    descriptor: int,
    hashed: "_HashedAhead",
    progress: Progress | None,
) -> None:
    def operations() -> Iterator[Get]:
        for start in range(PIECE_BYTES, stored.size_bytes, PIECE_BYTES):
            stop = min(start + PIECE_BYTES, stored.size_bytes)
            buffer = hashed.buffers.take()
            yield dataclasses.replace(
                get,
                start=start,
                stop=stop,
                etag=stored.etag,
                content_hash=None,
                into=buffer[: stop - start],
            )

    arrived = min(PIECE_BYTES, stored.size_bytes)
    for outcome in storage.perform_many(operations()):
        data = outcome.value().data
        piece = outcome.operation
        assert isinstance(piece, Get)  # noqa: S101 - each outcome names one of the above
        assert piece.into is not None  # noqa: S101
        write_at(descriptor, data or piece.into, piece.start)
        if not hashed.has(piece.start, piece.start + len(piece.into), None if data else piece.into):
            hashed.buffers.give_back(piece.into)
        arrived += len(piece.into)
        if progress is not None:
            progress(arrived)


def download_pieces(
    storage: "ObjectStorage", get: Get, progress: Progress | None
) -> Iterator[bytes]:
    """Yield the object in order; see `ObjectStorage.download_stream`."""
    first = storage.perform(dataclasses.replace(get, stop=PIECE_BYTES, content_hash=None))
    stored = first.stored
    expected = get.content_hash or stored.user_metadata.get(CONTENT_HASH_METADATA)
    digest = hashlib.sha256(first.data)
    arrived = len(first.data)
    if progress is not None:
        progress(arrived)
    if arrived == stored.size_bytes:
        _check_download(storage, get, expected, digest.hexdigest())
    yield first.data
    starts = range(PIECE_BYTES, stored.size_bytes, PIECE_BYTES)
    for ahead in range(0, len(starts), _PIECES_AHEAD):
        pieces = [
            (start, min(start + PIECE_BYTES, stored.size_bytes))
            for start in starts[ahead : ahead + _PIECES_AHEAD]
        ]
        for data in storage.download_ranges(get.bucket, get.key, pieces, etag=stored.etag):
            digest.update(data)
            arrived += len(data)
            if progress is not None:
                progress(arrived)
            if arrived == stored.size_bytes:  # the last piece waits for the verdict
                _check_download(storage, get, expected, digest.hexdigest())
            yield data


class _HashedAhead:
    """Hashes a file from its start in a thread of its own, as far as it has been written.

    A piece is hashed from the memory it arrived in where that can be spared until its turn comes;
    else it is read back.

    Parameters
    ----------
    descriptor : int
        The file, open for reading.
    """

    def __init__(self, descriptor: int) -> None:
        self.buffers = Buffers(PIECE_BYTES)
        self._descriptor = descriptor
        self._digest = hashlib.sha256()
        self._pieces: dict[int, tuple[int, memoryview | None]] = {}
        self._kept = 0
        self._is_over = False
        self._changed = threading.Condition()
        self._failed: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="astrid-hash", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join()

    def has(self, start: int, stop: int, memory: memoryview | None = None) -> bool:
        """Take note of a piece; return whether `memory` is kept, and given back to `buffers`."""
        with self._changed:
            is_kept = memory is not None and self._kept < _KEPT_PIECES
            self._kept += is_kept
            self._pieces[start] = stop, memory if is_kept else None
            self._changed.notify()
        return is_kept

    def hexdigest(self) -> str:
        if self._failed is not None:
            raise self._failed
        return self._digest.hexdigest()

    def _run(self) -> None:
        done = 0
        room = Buffers(_HASH_BYTES).take()
        while True:
            with self._changed:
                while done not in self._pieces and not self._is_over:
                    self._changed.wait()
                if done not in self._pieces:
                    return
                stop, memory = self._pieces.pop(done)
            try:
                self._take(done, stop, memory, room)
            except OSError as error:
                self._failed = error
                return
            done = stop

    def _take(self, start: int, stop: int, memory: memoryview | None, room: memoryview) -> None:
        if memory is not None:
            self._digest.update(memory)
            self.buffers.give_back(memory)
            with self._changed:
                self._kept -= 1
            return
        while start < stop:
            read = os.preadv(self._descriptor, [room[: stop - start]], start)
            if not read:
                raise OSError(errno.EIO, os.strerror(errno.EIO))  # somebody cut the file short
            self._digest.update(room[:read])
            start += read


def _check_download(storage: "ObjectStorage", get: Get, expected: str | None, digest: str) -> None:
    if expected is not None and expected != digest:
        raise refusals.other_bytes(storage.describe(), get, expected)
