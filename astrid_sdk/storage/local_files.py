"""Files that survive a crash: nothing half written is seen, nothing acknowledged is lost."""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from astrid_sdk.storage.operations import Body

COMPARED_BYTES = 1 << 20
_COPIED_BYTES = 64 << 20
_CANNOT_COPY = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.ENOTSUP, errno.EPERM}


def write_temporary(folder: Path, data: Body) -> Path:
    """Write `data` to a new file in `folder`, on the disk when this returns."""
    with _temporary(folder) as (path, descriptor):
        write_at(descriptor, data, 0)
        seal(descriptor)
    return path


def copy_temporary(folder: Path, source: int) -> Path:
    """Copy the open file `source` to a new file in `folder`; shares its blocks where it can."""
    with _temporary(folder) as (path, descriptor):
        _copy(source, descriptor, os.fstat(source).st_size)
        seal(descriptor)
    return path


def seal(descriptor: int) -> None:
    """Force a file to the disk, stamped with the time of this very moment.

    The kernel's own stamps are some milliseconds coarse: two versions could share one, and with
    it their mark.
    """
    now = time.time_ns()
    os.utime(descriptor, ns=(now, now))
    os.fsync(descriptor)


def mark_of(status: os.stat_result) -> str:
    """Return the version mark of a file: another one means that it was written again."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def open_regular(path: Path) -> int | None:
    """Open a regular file to read, never through a link; None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def status_of(path: Path) -> os.stat_result | None:
    """Return what is known of a regular file; None where there is none."""
    try:
        status = path.stat(follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if is_regular(status) else None


def is_regular(status: os.stat_result) -> bool:
    """Return whether it is the status of a plain file."""
    return stat.S_ISREG(status.st_mode)


def read_at(descriptor: int, start: int, length: int) -> bytes:
    """Read `length` bytes from `start` on, fewer only where the file ends."""
    pieces: list[bytes] = []
    while length > 0 and (piece := os.pread(descriptor, length, start)):
        pieces.append(piece)
        start, length = start + len(piece), length - len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def read_into(descriptor: int, start: int, buffer: memoryview) -> int:
    """Fill `buffer` from `start` on, as far as the file goes; return how far."""
    filled = 0
    while filled < len(buffer) and (
        read := os.preadv(descriptor, [buffer[filled:]], start + filled)
    ):
        filled += read
    return filled


def write_at(descriptor: int, data: Body, start: int) -> None:
    """Write all of `data` from `start` on."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, start)
        rest, start = rest[written:], start + written


def link_new(finished: Path, target: Path) -> bool:
    """Give a file its name too; False where that is taken, unlike a renaming."""
    try:
        os.link(finished, target)
    except FileExistsError:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
        return False
    return True


def holds(path: Path, data: Body) -> bool:
    """Return whether there is a file at `path` with exactly these bytes."""
    view = memoryview(data)
    with _reading(path) as file:
        return (
            file is not None
            and os.fstat(file).st_size == len(view)
            and all(piece == view[start : start + len(piece)] for start, piece in _pieces(file))
        )


def are_same(one: Path, other: Path) -> bool:
    """Return whether there are files at both, with the same bytes."""
    with _reading(one) as mine, _reading(other) as its:
        return (
            mine is not None
            and its is not None
            and os.fstat(mine).st_size == os.fstat(its).st_size
            and all(read_at(its, start, len(piece)) == piece for start, piece in _pieces(mine))
        )


def has_hash(path: Path, content_hash: str, size_bytes: int) -> bool:
    """Return whether there is a file at `path` with this size and SHA-256."""
    with _reading(path) as file:
        if file is None or os.fstat(file).st_size != size_bytes:
            return False
        digest = hashlib.sha256()
        for _, piece in _pieces(file):
            digest.update(piece)
        return digest.hexdigest() == content_hash


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[int | None]:
    descriptor = open_regular(path)
    if descriptor is None:
        yield None
        return
    with closing(descriptor):
        yield descriptor


def _pieces(file: int) -> Iterator[tuple[int, bytes]]:
    start = 0
    while piece := os.pread(file, COMPARED_BYTES, start):
        yield start, piece
        start += len(piece)


@contextlib.contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """Close `descriptor` at the end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file at `path` alone, or with others that share it.

    Threads and processes alike: each opening of the file is a holder of its own. It ends with
    the process.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with closing(descriptor):
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def make_folders(folder: Path) -> None:
    """Make `folder` and its parents, each one's entry forced to the disk."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    except FileNotFoundError:
        make_folders(folder.parent)
        make_folders(folder)
    else:
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Force the entries of `folder` to the disk."""
    with closing(os.open(folder, os.O_RDONLY | os.O_DIRECTORY)) as descriptor:
        os.fsync(descriptor)


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, int]]:
    path = folder / secrets.token_hex(16)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with closing(os.open(path, flags, 0o666)) as descriptor:
            yield path, descriptor
    except BaseException:  # a full disk must not be kept full by half a file
        path.unlink(missing_ok=True)
        raise


def _copy(source: int, target: int, size_bytes: int) -> None:
    copied = 0
    while copied < size_bytes:
        step = _copy_in_kernel(source, target, copied, size_bytes - copied)
        if not step:
            piece = read_at(source, copied, min(COMPARED_BYTES, size_bytes - copied))
            if not piece:  # it was cut meanwhile
                return
            write_at(target, piece, copied)
            step = len(piece)
        copied += step


def _copy_in_kernel(source: int, target: int, start: int, length: int) -> int:
    """Copy some bytes without taking them through here; 0 where the system cannot."""
    if not hasattr(os, "copy_file_range"):  # Linux has it
        return 0
    try:
        return os.copy_file_range(source, target, min(length, _COPIED_BYTES), start, start)
    except OSError as error:
        if error.errno not in _CANNOT_COPY:
            raise
        return 0
