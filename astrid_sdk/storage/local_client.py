"""A store in a folder: a bucket is a folder, an object is a file."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from astrid_sdk.errors import AccessDeniedError, ConflictError, NotFoundError
from astrid_sdk.storage.base import (
    CATALOG_PREFIX,
    ObjectStorage,
    StoredObject,
    TableLocation,
    check_bucket,
    check_content_hash,
    check_key,
    check_media_type,
    check_prefix,
    check_range,
)
from astrid_sdk.storage.responses import Attempt, place, translated

_TEMPORARY = ".tmp"  # no bucket's name starts with a dot, so it is never listed


class LocalStorageClient(ObjectStorage):
    """Objects as plain files below a folder, readable with any tool.

    A write goes to a temporary file on the same file system, is forced to the disk, renamed into
    place, and the folder is forced to the disk, before it is acknowledged. Media types and user
    metadata are not kept. Symbolic links below the folder are never followed. Because files and
    folders share their names here, a key must not continue another one (``a`` and ``a/b``).

    Parameters
    ----------
    root : Path
        The folder; made when the first bucket is.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))

    @override
    def __repr__(self) -> str:
        return f"LocalStorageClient({str(self._root)!r})"

    @override
    def upload_file(
        self,
        bucket: str,
        key: str,
        data: bytes,
        content_type: str,
        *,
        create_only: bool = False,
        content_hash: str | None = None,
    ) -> str:
        check_media_type(content_type)
        if content_hash is not None:
            check_content_hash(content_hash)
        with translated(self._attempt("write", bucket, key, writes=True)):
            target = self._path(bucket, key)
            self._require_bucket(bucket)
            temporary = self._write_temporary(data)
            try:
                _make_folders(target.parent)
                _publish(temporary, target, create_only=create_only)
                _sync_folder(target.parent)
            except FileExistsError:
                self._accept_only_same(bucket, key, data)
            finally:
                temporary.unlink(missing_ok=True)
        return key

    @override
    def download_file(self, bucket: str, key: str) -> bytes:
        with translated(self._attempt("read", bucket, key)), self._opened(bucket, key) as file:
            return file.read()

    @override
    def download_range(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        check_range(start, stop)
        with translated(self._attempt("read", bucket, key)), self._opened(bucket, key) as file:
            file.seek(start)
            return file.read(stop - start)

    @override
    def delete_file(self, bucket: str, key: str) -> bool:
        with translated(self._attempt("delete", bucket, key, writes=True)):
            path = self._path(bucket, key)
            if self.head(bucket, key) is None:
                return False
            try:
                path.unlink()
            except FileNotFoundError:  # another caller was faster
                return False
            _sync_folder(path.parent)
            return True

    @override
    def list_files(self, bucket: str, prefix: str) -> list[str]:
        return [key for key, _ in self._found(bucket, prefix)]

    @override
    def list_objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        for key, entry in self._found(bucket, prefix):
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # deleted since
                continue
            yield _stored_object(key, status)

    @override
    def get_file_metadata(self, bucket: str, key: str) -> dict[str, Any]:
        found = self.head(bucket, key)
        if found is None:
            raise self._not_found(bucket, key)
        return found.as_metadata()

    @override
    def head(self, bucket: str, key: str) -> StoredObject | None:
        with translated(self._attempt("look up", bucket, key)):
            try:
                status = self._path(bucket, key).stat(follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return _stored_object(key, status)

    @override
    def create_bucket(self, bucket: str) -> None:
        with translated(Attempt("make", self._where(bucket), writes=True)):
            self._root.mkdir(parents=True, exist_ok=True)
            _make_folders(self._path(bucket))

    @override
    def describe(self) -> str:
        return f"folder {self._root}"

    @override
    def table_location(self, bucket: str, name: str) -> TableLocation:
        return TableLocation(str(self._path(bucket, f"{CATALOG_PREFIX}/{name}")), {})

    def _found(self, bucket: str, prefix: str) -> "list[tuple[str, os.DirEntry[str]]]":
        with translated(self._attempt("list", bucket, check_prefix(prefix))):
            start = prefix.rpartition("/")[0]
            folder = self._path(bucket, start or None)
            self._require_bucket(bucket)
            found = [pair for pair in _walk(folder, start) if pair[0].startswith(prefix)]
            return sorted(found, key=lambda pair: pair[0].encode())

    def _path(self, bucket: str, key: str | None = None) -> Path:
        """Return the file of an object (the folder of a bucket), reached without any link."""
        path = self._root / check_bucket(bucket)
        if key is not None:
            path /= check_key(key)
        if os.path.realpath(path) != str(path):
            raise AccessDeniedError(
                f"{self._where(bucket, key or '')} is reached through a symbolic link, and links "
                "are not followed; point the store at the real folder",
                kind="symlink",
            )
        return path

    def _opened(self, bucket: str, key: str) -> BinaryIO:
        path = self._path(bucket, key)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._not_found(bucket, key) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._not_found(bucket, key)
        return os.fdopen(descriptor, "rb")

    def _write_temporary(self, data: bytes) -> Path:
        folder = self._root / _TEMPORARY
        folder.mkdir(exist_ok=True)
        path = folder / secrets.token_hex(16)
        try:
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:  # a full disk must not be kept full by half a file
            path.unlink(missing_ok=True)
            raise
        return path

    def _accept_only_same(self, bucket: str, key: str, data: bytes) -> None:
        found = self.head(bucket, key)
        if (
            found is None
            or found.size_bytes != len(data)
            or self.download_file(bucket, key) != data
        ):
            raise ConflictError(
                f"{self._where(bucket, key)} is there already with other bytes; nothing was "
                "changed: read it, then decide",
                kind="already_exists",
            )

    def _require_bucket(self, bucket: str) -> None:
        if not (self._root / bucket).is_dir():
            raise NotFoundError(
                f"there is no bucket {bucket!r} in {self.describe()}; make it with create_bucket",
                kind="no_such_bucket",
            )

    def _not_found(self, bucket: str, key: str) -> NotFoundError:
        self._require_bucket(bucket)
        return NotFoundError(f"{self._where(bucket, key)} is not there; check the key")

    def _attempt(self, doing: str, bucket: str, key: str, *, writes: bool = False) -> Attempt:
        return Attempt(doing, self._where(bucket, key), writes=writes)

    def _where(self, bucket: str, key: str = "") -> str:
        return place(self.describe(), bucket, key)


def _publish(temporary: Path, target: Path, *, create_only: bool) -> None:
    if create_only:
        os.link(temporary, target)  # unlike a rename it fails where something is
    else:
        temporary.replace(target)


def _make_folders(folder: Path) -> None:
    """Make `folder` and its parents, each one's entry forced to the disk."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    except FileNotFoundError:
        _make_folders(folder.parent)
        _make_folders(folder)
    else:
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _walk(folder: Path, key: str) -> "Iterator[tuple[str, os.DirEntry[str]]]":
    """Yield the keys and entries of the regular files below `folder`, whose own key is `key`."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):  # nothing has that prefix, or no longer
        return
    for entry in entries:
        name = f"{key}/{entry.name}" if key else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), name)
        elif entry.is_file(follow_symlinks=False):
            yield name, entry


def _stored_object(key: str, status: os.stat_result) -> StoredObject:
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return StoredObject(key, status.st_size, last_modified=modified)
