"""Large bodies up at constant memory, over any store.

Parts have one size, as R2 wants them, and each is an operation of its own: retried, throttled
and logged like any other.
"""

import contextlib
import dataclasses
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, TypeGuard

from typing_extensions import override

from astrid_sdk.errors import AstridError, CorruptionError, InvalidInputError
from astrid_sdk.storage.buffers import Buffers
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    Body,
    CompleteUpload,
    ListUploads,
    Outcome,
    PartialUpload,
    Put,
    UploadedPart,
    UploadPart,
    Written,
)
from astrid_sdk.storage.source_files import changed_file, fill, reading

if TYPE_CHECKING:
    from astrid_sdk.storage.base import ObjectStorage

Progress: TypeAlias = Callable[[int], object]
"""Called with how many bytes have arrived so far."""

SINGLE_BYTES = 8 << 20
"""Bodies up to this length go as one."""
PART_BYTES = 8 << 20
_MOST_PARTS = 10_000
_HASH_BYTES = 1 << 20


def part_bytes_for(size_bytes: int) -> int:
    """Return the size of the parts of a body of that length: 8 MiB while 10,000 are enough."""
    parts = -(-size_bytes // PART_BYTES)
    return PART_BYTES * max(1, -(-parts // _MOST_PARTS))


def upload_source(
    storage: "ObjectStorage",
    put: Put,
    source: Path | BinaryIO | Iterable[bytes],
    progress: Progress | None,
) -> Written:
    """Write what `source` gives as `put` says; see `ObjectStorage.upload_source`."""
    if isinstance(source, Path):
        with _opened(source) as opened:
            part_bytes = part_bytes_for(_size(opened))
            return _at_most_twice(
                lambda: _upload_file(storage, put, opened, part_bytes, progress), opened
            )
    file: _Readable | BinaryIO = source if _is_file(source) else _Joined(source)
    return _upload_file(storage, put, file, PART_BYTES, progress)


def upload_hashed(
    storage: "ObjectStorage",
    put: Put,
    source: Path | Body,
    parts: Sequence[str],
    part_bytes: int,
    size_bytes: int,
    progress: Progress | None = None,
) -> Written:
    """Write a body whose hashes are known in parts; the file must not change meanwhile.

    Parameters
    ----------
    storage : ObjectStorage
    put : Put
        Where, and `content_hash`; its data are not looked at.
    source : Path or bytes-like
    parts : sequence of str
        The SHA-256 of each part in hex.
    part_bytes, size_bytes : int
    progress : callable, optional

    Raises
    ------
    InvalidInputError
        ``kind="changed_file"``: the file is not as it was hashed. Nothing was written.
    """
    if not isinstance(source, Path):
        return _upload_parts(storage, put, _Joined([source]), part_bytes, parts, progress)
    with _opened(source) as file:
        before = os.fstat(file.fileno())

        def check_unchanged() -> None:
            after = os.fstat(file.fileno())
            if (after.st_size, after.st_mtime_ns) != (size_bytes, before.st_mtime_ns):
                raise changed_file(source)

        return _at_most_twice(
            lambda: _upload_parts(storage, put, file, part_bytes, parts, progress, check_unchanged),
            file,
            check_unchanged,
        )


def _at_most_twice(
    upload: Callable[[], Written],
    file: BinaryIO,
    check_source: Callable[[], None] = lambda: None,
) -> Written:
    """Upload once more from the beginning where the whole arrived mangled."""
    try:
        return upload()
    except CorruptionError:
        check_source()  # other bytes may have arrived because others were read
        file.seek(0)
        return upload()


def _upload_file(
    storage: "ObjectStorage",
    put: Put,
    file: "_Readable | BinaryIO",
    part_bytes: int,
    progress: Progress | None,
) -> Written:
    start = _read_fully(file, SINGLE_BYTES + 1)
    if len(start) <= SINGLE_BYTES:
        _check_hash(put, hashlib.sha256(start).hexdigest())
        written = storage.perform(dataclasses.replace(put, data=start))
        if progress is not None:
            progress(len(start))
        return written
    digest = hashlib.sha256()
    whole = _Hashed(_Joined(_chained(start, file)), digest)
    return _upload_parts(
        storage,
        put,
        whole,
        part_bytes,
        None,
        progress,
        lambda: _check_hash(put, digest.hexdigest()),
    )


def _upload_parts(
    storage: "ObjectStorage",
    put: Put,
    file: "_Readable | BinaryIO",
    part_bytes: int,
    digests: Sequence[str] | None,
    progress: Progress | None,
    check_source: Callable[[], None] = lambda: None,
) -> Written:
    upload = storage.perform(
        BeginUpload(
            bucket=put.bucket,
            key=put.key,
            content_type=put.content_type,
            part_bytes=part_bytes,
            content_hash=put.content_hash,
            user_metadata=put.user_metadata,
        )
    )
    try:
        parts = _send_parts(storage, upload, file, digests, progress)
        check_source()
        return storage.perform(
            CompleteUpload(
                bucket=put.bucket,
                upload=upload,
                parts=parts,
                create_only=put.create_only,
                replace_etag=put.replace_etag,
                content_hash=put.content_hash,
            )
        )
    except BaseException:
        # An upload that cannot even be aborted is swept later: why it failed is what to say.
        with contextlib.suppress(AstridError):
            storage.perform(AbortUpload(bucket=put.bucket, upload=upload))
        raise


def _send_parts(
    storage: "ObjectStorage",
    upload: PartialUpload,
    file: "_Readable | BinaryIO",
    digests: Sequence[str] | None,
    progress: Progress | None,
) -> tuple[UploadedPart, ...]:
    buffers = Buffers(upload.part_bytes)  # fresh memory for each part would cost a third more
    operations = _part_operations(upload, file, digests, buffers)
    parts: list[UploadedPart] = []
    sent = 0
    for outcome in _first_alone(storage, operations):
        parts.append(outcome.value())
        sent += parts[-1].size_bytes
        if progress is not None:
            progress(sent)
        if isinstance(outcome.operation, UploadPart) and isinstance(
            outcome.operation.data, memoryview
        ):
            buffers.give_back(outcome.operation.data)
    return tuple(sorted(parts, key=lambda part: part.number))


def _part_operations(
    upload: PartialUpload,
    file: "_Readable | BinaryIO",
    digests: Sequence[str] | None,
    buffers: Buffers,
) -> Iterator[UploadPart]:
    number = 0
    most = None if digests is None else len(digests)
    while True:
        buffer = buffers.take()
        length = fill(file.readinto, buffer)  # type: ignore[union-attr]  # files have it
        if not length or number == most:  # a file that grew is found out behind the last part
            return
        yield UploadPart(
            bucket=upload.bucket,
            upload=upload,
            number=number + 1,
            data=buffer[:length],
            content_hash=None if digests is None else digests[number],
        )
        number += 1


def _first_alone(
    storage: "ObjectStorage", operations: Iterator[UploadPart]
) -> Iterator[Outcome[UploadedPart]]:
    """Send the first part by itself: what its mark is made of tells how to check the others."""
    for first in operations:
        yield Outcome(first, storage.perform(first))
        yield from storage.perform_many(operations)


def sweep_uploads(storage: "ObjectStorage", bucket: str, prefix: str, older_than_s: float) -> int:
    """Abort stale uploads; see `ObjectStorage.sweep_uploads`."""
    now = datetime.now(UTC)
    begun = storage.perform(ListUploads(bucket=bucket, prefix=prefix))
    stale = [
        upload
        for upload in begun
        if upload.started_at is not None
        and (now - upload.started_at).total_seconds() > older_than_s
    ]
    aborts = [AbortUpload(bucket=bucket, upload=upload) for upload in stale]
    return sum(outcome.value() for outcome in storage.perform_many(aborts))


class _Readable(io.RawIOBase):
    """Something that can be read into a buffer, once."""


class _Joined(_Readable):
    """An iterable of bytes as a file."""

    def __init__(self, pieces: Iterable[Body]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        length = min(len(buffer), len(self._rest))
        buffer[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length


class _Hashed(_Readable):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: io.RawIOBase, digest: "hashlib._Hash") -> None:
        self._file = file
        self._digest = digest

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        length = self._file.readinto(buffer) or 0
        self._digest.update(buffer[:length])
        return length


def _chained(start: bytes, file: "_Readable | BinaryIO") -> Iterator[bytes]:
    yield start
    while piece := file.read(_HASH_BYTES):
        yield piece


def _is_file(source: BinaryIO | Iterable[bytes]) -> TypeGuard[BinaryIO]:
    return hasattr(source, "read")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with reading(path):
        file = path.open("rb", buffering=0)
    with file:
        yield file


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _read_fully(file: "_Readable | BinaryIO", length: int) -> bytes:
    pieces: list[bytes] = []
    missing = length
    while missing and (piece := file.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _check_hash(put: Put, digest: str) -> None:
    if put.content_hash is not None and put.content_hash != digest:
        raise InvalidInputError(
            f"the bytes for {put.key!r} have the hash {digest}, not {put.content_hash}; nothing "
            "was written: check the source",
            kind="content_hash",
        )
