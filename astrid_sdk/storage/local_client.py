"""A store in a folder: a bucket is a folder, an object is a file."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from typing_extensions import override

from astrid_sdk.errors import AccessDeniedError, NotFoundError
from astrid_sdk.storage import local_files, local_listing, refusals
from astrid_sdk.storage.base import CATALOG_PREFIX, ObjectStorage, TableLocation
from astrid_sdk.storage.capabilities import Capabilities
from astrid_sdk.storage.keys import check_bucket, check_key
from astrid_sdk.storage.local_batch import (
    LocalBatch,
    is_for_batches,
    rounds,
    stored_object,
)
from astrid_sdk.storage.local_uploads import LocalUploads
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    Copy,
    CreateBucket,
    Delete,
    Fetched,
    Get,
    Head,
    ListPage,
    ListUploads,
    Operation,
    Outcome,
    Page,
    PartialUpload,
    Put,
    StoredObject,
    UploadedPart,
    UploadPart,
    Written,
)
from astrid_sdk.storage.responses import attempt_of, translated

_TEMPORARY = ".tmp"  # no bucket's name starts with a dot, so it is never listed
ResultT = TypeVar("ResultT")


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

    most_at_once = 16  # writers that wait for the disk together are served together
    most_bytes_at_once = 32 << 20  # a disk takes two large parts as fast as four

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._uploads = LocalUploads(self._root / _TEMPORARY / "uploads", self.describe())

    @override
    def __repr__(self) -> str:
        return f"LocalStorageClient({str(self._root)!r})"

    @property
    @override
    def capabilities(self) -> Capabilities:
        return Capabilities(
            keeps_media_type=False,
            keeps_user_metadata=False,
            keys_may_continue=False,
            is_durable=True,
            has_tables=True,
            is_near=True,
        )

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        act = self._actions.get(type(operation))
        if act is None:
            raise refusals.unknown_operation(self.describe(), operation)
        with translated(attempt_of(operation, self.describe())):
            result: ResultT = act(self, operation)
        return result

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        remaining = iter(operations)
        first = next(remaining, None)
        if first is None:
            return
        everything = itertools.chain([first], remaining)
        if not is_for_batches(first):  # parts and ranges may wait for the buffers of others
            yield from super().perform_many(everything)
            return
        for some in rounds(everything):
            batch = LocalBatch(str(self._root), str(self._root / _TEMPORARY))
            yield from self._plain(batch, some)
            if batch.left:
                yield from super().perform_many(batch.left)

    def _plain(
        self, batch: LocalBatch, operations: Sequence[Operation[ResultT]]
    ) -> Iterator[Outcome[ResultT]]:
        """Yield what became of the plain ones; where the disk refuses, of each by itself."""
        done: set[int] = set()
        try:
            for outcome in batch.outcomes(operations):
                done.add(id(outcome.operation))
                yield outcome
        except OSError:
            batch.left[:] = [each for each in operations if id(each) not in done]

    @override
    def describe(self) -> str:
        return f"folder {self._root}"

    @override
    def table_location(self, bucket: str, name: str) -> TableLocation:
        return TableLocation(str(self._path(bucket, f"{CATALOG_PREFIX}/{name}")), {})

    def _put(self, put: Put) -> Written:
        target = self._target(put.bucket, put.key)
        if put.create_only and local_files.holds(target, put.data):
            return _written(put.key, target, is_new=False)  # found without writing it once more
        temporary = local_files.write_temporary(self._temporary(), put.data)
        try:
            return self._published(put, temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def _get(self, get: Get) -> Fetched:
        with local_files.closing(self._opened(get.bucket, get.key)) as file:
            status = os.fstat(file)
            if get.etag not in {None, local_files.mark_of(status)}:
                raise refusals.changed(self.describe(), get.bucket, get.key)
            data = _read(file, get, status.st_size)
        refusals.check_whole(self.describe(), get, data)
        return Fetched(data, stored_object(get.key, status))

    def _head(self, head: Head) -> StoredObject | None:
        status = local_files.status_of(self._path(head.bucket, head.key))
        return None if status is None else stored_object(head.key, status)

    def _delete(self, delete: Delete) -> bool:
        path = self._path(delete.bucket, delete.key)
        if local_files.status_of(path) is None:
            return delete.was_there
        try:
            with self._writing():
                path.unlink()
        except FileNotFoundError:  # another caller was faster
            return delete.was_there
        local_files.sync_folder(path.parent)
        return True

    def _copy(self, copy: Copy) -> Written:
        target = self._target(copy.bucket, copy.key)
        with local_files.closing(self._opened(copy.bucket, copy.source_key)) as source:
            temporary = local_files.copy_temporary(self._temporary(), source)
        try:
            return self._published(copy, temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def _list(self, page: ListPage) -> Page:
        start = page.prefix.rpartition("/")[0]
        folder = self._path(page.bucket, start or None)
        self._require_bucket(page.bucket)
        found = local_listing.first_files(
            folder,
            start,
            prefix=page.prefix,
            after=max(page.start_after, page.token or ""),
            limit=page.limit + 1,
        )
        objects = [stored_object(key, status) for key, status in found[: page.limit]]
        return Page(objects, objects[-1].key if len(found) > page.limit else None)

    def _begin(self, begin: BeginUpload) -> PartialUpload:
        self._target(begin.bucket, begin.key)
        return self._uploads.begin(begin.bucket, begin.key, begin.part_bytes)

    def _part(self, part: UploadPart) -> UploadedPart:
        return self._uploads.write_part(part.upload, part.number, part.data, part.content_hash)

    def _complete(self, complete: CompleteUpload) -> Written:
        target = self._target(complete.bucket, complete.upload.key)
        try:
            with self._uploads.completed(complete.upload, complete.parts) as body:
                return self._published(complete, body, target)
        except NotFoundError:
            if not _was_completed(complete, target):
                raise
            return _written(complete.upload.key, target, is_new=False)

    def _abort(self, abort: AbortUpload) -> bool:
        return self._uploads.abort(abort.upload)

    def _list_uploads(self, asked: ListUploads) -> Sequence[PartialUpload]:
        self._require_bucket(asked.bucket)
        return self._uploads.listed(asked.bucket, asked.prefix)

    def _create_bucket(self, create: CreateBucket) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        local_files.make_folders(self._path(create.bucket))

    _actions: ClassVar[Mapping[type, Callable[[Any, Any], Any]]] = {
        Put: _put,
        Get: _get,
        Head: _head,
        Delete: _delete,
        Copy: _copy,
        ListPage: _list,
        BeginUpload: _begin,
        UploadPart: _part,
        CompleteUpload: _complete,
        AbortUpload: _abort,
        ListUploads: _list_uploads,
        CreateBucket: _create_bucket,
    }

    def _published(
        self, operation: Put | Copy | CompleteUpload, finished: Path, target: Path
    ) -> Written:
        """Put the `finished` file in the place of `target` where the conditions hold."""
        local_files.make_folders(target.parent)
        conditional = None if isinstance(operation, Copy) else operation
        key = operation.upload.key if isinstance(operation, CompleteUpload) else operation.key
        alone = conditional is not None and conditional.replace_etag is not None
        with self._writing(alone=alone):
            is_new = _publish(finished, target, conditional)
        if conditional is not None and not (is_new or local_files.are_same(finished, target)):
            raise refusals.conflict(self.describe(), conditional, key)
        return _written(key, target, is_new=is_new)

    def _writing(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """Hold the store for a moment: a condition is looked at and acted on with no other."""
        return local_files.locked(self._temporary() / "lock", shared=not alone)

    def _target(self, bucket: str, key: str) -> Path:
        path = self._path(bucket, key)
        self._require_bucket(bucket)
        return path

    def _path(self, bucket: str, key: str | None = None) -> Path:
        """Return the file of an object (the folder of a bucket), reached without any link."""
        path = self._root / check_bucket(bucket)
        if key is not None:
            path /= check_key(key)
        if os.path.realpath(path) != str(path):
            where = refusals.place(self.describe(), bucket, key or "")
            raise AccessDeniedError(
                f"{where} is reached through a symbolic link, and links are not followed; point "
                "the store at the real folder",
                kind="symlink",
            )
        return path

    def _opened(self, bucket: str, key: str) -> int:
        descriptor = local_files.open_regular(self._path(bucket, key))
        if descriptor is None:
            self._require_bucket(bucket)
            raise refusals.not_found(self.describe(), bucket, key)
        return descriptor

    def _temporary(self) -> Path:
        folder = self._root / _TEMPORARY
        folder.mkdir(exist_ok=True)
        return folder

    def _require_bucket(self, bucket: str) -> None:
        if not (self._root / bucket).is_dir():
            raise refusals.no_such_bucket(self.describe(), bucket)


def _publish(finished: Path, target: Path, conditional: Put | CompleteUpload | None) -> bool:
    """Return whether the conditions held, and it was put there."""
    if conditional is not None and conditional.create_only:
        return local_files.link_new(finished, target)
    if conditional is not None and conditional.replace_etag is not None:
        status = local_files.status_of(target)
        if status is None or local_files.mark_of(status) != conditional.replace_etag:
            return False
    finished.replace(target)
    return True


def _was_completed(complete: CompleteUpload, target: Path) -> bool:
    """Return whether an earlier try of this very call made the object."""
    size_bytes = sum(part.size_bytes for part in complete.parts)
    content_hash = complete.content_hash
    return content_hash is not None and local_files.has_hash(target, content_hash, size_bytes)


def _read(file: int, get: Get, size_bytes: int) -> bytes:
    stop = size_bytes if get.stop is None else min(get.stop, size_bytes)
    length = max(0, stop - get.start)
    if get.into is None or get.is_whole or length != len(get.into):
        return local_files.read_at(file, get.start, length)
    filled = local_files.read_into(file, get.start, get.into)
    return b"" if filled == length else bytes(get.into[:filled])


def _written(key: str, target: Path, *, is_new: bool = True) -> Written:
    """Acknowledge what is at `target`, once its entry is on the disk."""
    local_files.sync_folder(target.parent)
    status = local_files.status_of(target)
    return Written(key, None if status is None else local_files.mark_of(status), is_new=is_new)
