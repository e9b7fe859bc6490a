"""Hashes of bytes and of files, at constant memory: of the whole, of its leaves, of its parts.

The content hash is the SHA-256 of everything. Leaves are BLAKE3-256 of each 256 KiB, so that a
range can be verified without the rest (https://github.com/BLAKE3-team/BLAKE3-specs). Parts are
SHA-256 of each part of a large upload, which a signed request has to carry. Long inputs are hashed
in three threads side by side: hashlib and blake3 release the interpreter's lock.
"""

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from blake3 import blake3

from astrid_sdk.storage.buffers import Buffers
from astrid_sdk.storage.operations import Body
from astrid_sdk.storage.source_files import FileMark, changed_file, fill, reading
from astrid_sdk.storage.transfers import SINGLE_BYTES, part_bytes_for

LEAF_BYTES = 256 * 1024
LEAVES_FROM_BYTES = 1024 * 1024
"""Shorter contents have no leaf digests: they are read whole."""
SMALL_BYTES = SINGLE_BYTES
"""Up to here bytes are kept in memory and go in one request; beyond it in parts."""
_BLOCK_BYTES = 1024 * 1024
_BLOCKS_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Digests:
    """What hashing gives.

    Parameters
    ----------
    content_hash : str
        SHA-256 of everything, in hex.
    size_bytes : int
    leaves : bytes
        BLAKE3-256 of each leaf, one behind the other; empty for short contents.
    parts : tuple of str
        SHA-256 of each part of a large upload (`part_bytes_for`), in hex.
    md5 : str
        MD5 of everything, in hex, where it was asked for: what DVC calls contents.
    """

    content_hash: str
    size_bytes: int
    leaves: bytes = b""
    parts: tuple[str, ...] = ()
    md5: str = ""


def hash_data(data: Body, *, with_md5: bool = False) -> Digests:
    """Return the digests of bytes in memory."""
    view = memoryview(data).cast("B")
    if len(view) < LEAVES_FROM_BYTES:
        md5 = hashlib.md5(view, usedforsecurity=False).hexdigest() if with_md5 else ""
        return Digests(hashlib.sha256(view).hexdigest(), len(view), md5=md5)
    hashers = _Hashers.for_size(len(view), with_md5=with_md5)
    if len(view) <= SMALL_BYTES:
        for hasher in hashers.all:
            hasher.update(view)
    else:
        with ThreadPoolExecutor(len(hashers.all)) as pool:
            deque(pool.map(lambda hasher: hasher.update(view), hashers.all), maxlen=0)
    return hashers.digests(len(view))


def hash_file(path: Path, *, with_md5: bool = False) -> tuple[Digests, FileMark]:
    """Return the digests of a file, and the mark it had before and after it was read.

    Raises
    ------
    InvalidInputError
        The file cannot be read, or it changed while it was read (``kind="changed_file"``).
    """
    with reading(path), io.FileIO(path) as file:
        mark = FileMark.of(os.fstat(file.fileno()))
        hashers = _Hashers.for_size(mark.size_bytes, with_md5=with_md5)
        size_bytes = _hash_side_by_side(file.readinto, hashers.all)
        if size_bytes != mark.size_bytes or FileMark.of(os.fstat(file.fileno())) != mark:
            raise changed_file(path)
    return hashers.digests(size_bytes), mark


def read_small_file(path: Path) -> tuple[bytes | None, FileMark]:
    """Return the bytes of a file and its mark; None instead of bytes where it is not small.

    Raises
    ------
    InvalidInputError
        As `hash_file`.
    """
    with reading(path):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # there are many: no file object for each
        try:
            mark = FileMark.of(os.fstat(file))
            data = _whole(file, mark.size_bytes) if mark.size_bytes <= SMALL_BYTES else None
            if data is not None and FileMark.of(os.fstat(file)) != mark:
                raise changed_file(path)
        finally:
            os.close(file)
    if data is not None and len(data) != mark.size_bytes:
        raise changed_file(path)
    return data, mark


def _whole(file: int, size_bytes: int) -> bytes:
    """Return what is in an open file, one byte more than it should hold at the most."""
    data = os.read(file, size_bytes + 1)
    while 0 < len(data) < size_bytes and (more := os.read(file, size_bytes + 1 - len(data))):
        data += more
    return data


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> object: ...


class _Chunks:
    """Digests of each `chunk_bytes` of what passes by."""

    def __init__(self, chunk_bytes: int, new: Callable[[], "_Hash"]) -> None:
        self.done: list[_Hash] = []
        self._chunk_bytes = chunk_bytes
        self._new = new
        self._room = 0

    def update(self, view: memoryview, /) -> None:
        while view:
            if self._room == 0:
                self.done.append(self._new())
                self._room = self._chunk_bytes
            piece, view = view[: self._room], view[self._room :]
            self.done[-1].update(piece)
            self._room -= len(piece)


class _Hashers:
    """Everything that the bytes of one content pass by."""

    def __init__(self, leaf_bytes: int, part_bytes: int, *, with_md5: bool) -> None:
        self._whole = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self._leaves = _Chunks(leaf_bytes, blake3) if leaf_bytes else None
        self._parts = _Chunks(part_bytes, hashlib.sha256) if part_bytes else None
        found = (self._whole, self._md5, self._parts, self._leaves)
        self.all: Sequence[_Hash] = [hasher for hasher in found if hasher is not None]

    @classmethod
    def for_size(cls, size_bytes: int, *, with_md5: bool) -> Self:
        """Only several parts need digests of their own: one part is the whole."""
        part_bytes = part_bytes_for(size_bytes)
        return cls(
            LEAF_BYTES if size_bytes >= LEAVES_FROM_BYTES else 0,
            part_bytes if size_bytes > part_bytes else 0,
            with_md5=with_md5,
        )

    def digests(self, size_bytes: int) -> Digests:
        content_hash = self._whole.hexdigest()
        parts = [content_hash]
        if self._parts is not None:
            parts = [part.hexdigest() for part in self._parts.done]  # type: ignore[attr-defined]
        leaves = b""
        if self._leaves is not None:
            leaves = b"".join(leaf.digest() for leaf in self._leaves.done)  # type: ignore[attr-defined]
        md5 = self._md5.hexdigest() if self._md5 is not None else ""
        return Digests(content_hash, size_bytes, leaves, tuple(parts), md5)


def _hash_side_by_side(
    readinto: Callable[[memoryview], int | None], hashers: Sequence[_Hash]
) -> int:
    """Let every hasher see all that can be read, over a ring of buffers; return the length."""
    total = 0
    buffers = Buffers(_BLOCK_BYTES)
    ring: deque[tuple[memoryview, list[Future[object]]]] = deque()
    with ExitStack() as stack:
        pools = [stack.enter_context(ThreadPoolExecutor(1)) for _ in hashers]
        while True:
            if len(ring) == _BLOCKS_AHEAD:
                used, waits = ring.popleft()
                _settle([waits])
                buffers.give_back(used)
            buffer = buffers.take()
            length = fill(readinto, buffer)
            if length == 0:
                break
            view = buffer[:length]
            pairs = zip(pools, hashers, strict=True)
            ring.append((buffer, [pool.submit(hasher.update, view) for pool, hasher in pairs]))
            total += length
        _settle(waits for _, waits in ring)
    return total


def _settle(many: "Iterator[list[Future[object]]] | list[list[Future[object]]]") -> None:
    for waits in many:
        for wait in waits:
            wait.result()
