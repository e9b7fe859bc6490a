"""Many small objects of a folder at once: one order to the disk for all of them, not two for each.

What is new is written beside, forced to the disk together, named, and the names are forced to the
disk together, before any of it is acknowledged. Whatever is not plainly so (something stands there,
a link, a folder that cannot be made) is left to the client, which does it alone, as ever.
"""

import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage import local_files, local_sync
from astrid_sdk.storage.keys import check_bucket, check_key
from astrid_sdk.storage.operations import Head, Operation, Outcome, Put, weight_of
from astrid_sdk.storage.results import StoredObject, Written

LEAST = 8
"""Fewer are not worth a round for the whole disk."""
_MOST = 1_000
_MOST_BYTES = 32 << 20
_USUAL_LENGTH = 1_000  # of a key: a longer one is looked at with more care
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def is_for_batches(operation: Operation[Any]) -> bool:
    """Return whether many operations of this kind are better done together."""
    return isinstance(operation, Put | Head)


def rounds(operations: Iterable[Operation[Any]]) -> Iterator[list[Operation[Any]]]:
    """Yield the operations in rounds of so many, and of so many bytes."""
    taken: list[Operation[Any]] = []
    size_bytes = 0
    for operation in operations:
        taken.append(operation)
        size_bytes += weight_of(operation)
        if len(taken) == _MOST or size_bytes >= _MOST_BYTES:
            yield taken
            taken, size_bytes = [], 0
    if taken:
        yield taken


@dataclass(slots=True)
class _New:
    """A body that waits beside for its name."""

    put: Put
    temporary: str
    target: str
    etag: str


@dataclass(slots=True)
class LocalBatch:
    """One round of operations on a store in a folder.

    Parameters
    ----------
    root, temporary : str
        The store, and the folder in it for files that are not yet complete.
    left : list of Operation
        What the client has to do itself, after `outcomes` was read to its end.
    """

    root: str
    temporary: str
    left: list[Operation[Any]] = field(default_factory=list)
    _folders: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _plain: dict[str, bool] = field(default_factory=dict)

    def outcomes(self, operations: Sequence[Operation[Any]]) -> Iterator[Outcome[Any]]:
        """Yield what became of those operations that are plain."""
        puts: list[Put] = []
        for operation in operations:
            if isinstance(operation, Put) and _is_plain(operation):
                puts.append(operation)
            elif (head := self._head(operation)) is not None:
                yield head
            else:
                self.left.append(operation)
        if len(puts) < LEAST:
            self.left += puts
        else:
            yield from self._put_all(puts)

    def _head(self, operation: Operation[Any]) -> Outcome[Any] | None:
        """Return the answer to a `Head`; None where it takes the client to tell."""
        if not isinstance(operation, Head):
            return None
        target = self._target(operation)
        if target is None:
            return None
        try:
            status = os.lstat(target)
        except FileNotFoundError:
            return Outcome(operation, None)
        except OSError:
            return None
        if not local_files.is_regular(status):
            return None
        return Outcome(operation, stored_object(operation.key, status))

    def _put_all(self, puts: Sequence[Put]) -> Iterator[Outcome[Any]]:
        with ExitStack() as at_end:
            Path(self.temporary).mkdir(exist_ok=True)
            folder = os.open(self.temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            at_end.callback(os.close, folder)
            if not local_sync.syncs_as_one(folder):
                self.left += puts
                return
            waiting: list[_New] = []
            at_end.callback(_remove, waiting)
            self._write_beside(puts, waiting)
            local_sync.sync_file_system(folder)
            with local_files.locked(Path(self.temporary, "lock"), shared=True):
                named = [new for new in waiting if self._is_named(new)]
            local_sync.sync_file_system(folder)
        for new in named:
            if not self._stands(new):
                self.left.append(new.put)
                continue
            yield Outcome(new.put, Written(new.put.key, new.etag))

    def _stands(self, new: _New) -> bool:
        """Return whether what was named is there: nobody need look for it once more."""
        try:
            return local_files.mark_of(os.lstat(new.target)) == new.etag
        except FileNotFoundError:  # deleted meanwhile
            return False

    def _write_beside(self, puts: Sequence[Put], waiting: list[_New]) -> None:
        stem = f"{self.temporary}/{secrets.token_hex(16)}"
        for number, put in enumerate(puts):
            target = self._target(put)
            if target is None or os.path.lexists(target):
                self.left.append(put)
                continue
            new = _New(put, f"{stem}-{number}", target, "")
            waiting.append(new)
            new.etag = _write(new.temporary, put)

    def _is_named(self, new: _New) -> bool:
        """Give a body its name; leave it to the client where that does not just work."""
        try:
            os.link(new.temporary, new.target)
        except OSError:
            self.left.append(new.put)
            return False
        return True

    def _target(self, operation: Put | Head) -> str | None:
        """Return the file of an object, None where the client has to look at its folder."""
        folder, _, name = operation.key.rpartition("/")
        if (operation.bucket, folder) not in self._folders:
            self._folders[operation.bucket, folder] = self._folder(operation, folder)
        path = self._folders[operation.bucket, folder]
        is_usual = name.isascii() and name.isalnum() and len(operation.key) <= _USUAL_LENGTH
        return f"{path}/{name}" if is_usual and path is not None else None

    def _folder(self, operation: Put | Head, key: str) -> str | None:
        """Return the path of a folder that is reached without a link, or None."""
        try:
            path = f"{self.root}/{check_bucket(operation.bucket)}/{check_key(key)}"
        except InvalidInputError:
            return None
        above, _, _ = path.rpartition("/")
        if above not in self._plain:
            self._plain[above] = os.path.realpath(above) == above
        if not self._plain[above] or os.path.islink(path):  # noqa: PTH114 - see below
            return None
        bucket = f"{self.root}/{operation.bucket}"
        if isinstance(operation, Put) and not self._is_made(bucket, path):
            return None
        return path

    def _is_made(self, bucket: str, path: str) -> bool:
        """Return whether a folder for objects is there: its bucket is not made for them."""
        try:
            if os.path.isdir(bucket):  # noqa: PTH112 - there are many, and a Path costs more
                os.makedirs(path, exist_ok=True)  # noqa: PTH103 - on the disk before a name is in it
        except OSError:
            return False
        return os.path.isdir(path)  # noqa: PTH112


def stored_object(key: str, status: os.stat_result) -> StoredObject:
    """Return what is known of an object by the status of its file."""
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    mark = local_files.mark_of(status)
    return StoredObject(key, status.st_size, etag=mark, last_modified=modified)


def _is_plain(put: Put) -> bool:
    return put.create_only and put.replace_etag is None


def _write(path: str, put: Put) -> str:
    """Write a body to a new file, stamped as `local_files.seal` does; return its mark."""
    with local_files.closing(os.open(path, _NEW, 0o666)) as descriptor:
        local_files.write_at(descriptor, put.data, 0)
        now = time.time_ns()
        os.utime(descriptor, ns=(now, now))
        return local_files.mark_of(os.fstat(descriptor))


def _remove(waiting: Sequence[_New]) -> None:
    for new in waiting:
        with suppress(FileNotFoundError):
            os.unlink(new.temporary)  # noqa: PTH108 - there are many, and a Path costs more
