"""A store in this process's memory: for tests, and for what need not last."""

import bisect
import dataclasses
import hashlib
import secrets
import threading
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from typing_extensions import override

from astrid_sdk.storage import refusals
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.capabilities import Capabilities
from astrid_sdk.storage.operations import (
    CONTENT_HASH_METADATA,
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
    Page,
    PartialUpload,
    Put,
    StoredObject,
    UploadedPart,
    UploadPart,
    Written,
)
from astrid_sdk.storage.s3_sameness import md5_of

ResultT = TypeVar("ResultT")


@dataclasses.dataclass(frozen=True, slots=True)
class _Object:
    stored: StoredObject
    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class _Upload:
    upload: PartialUpload
    begin: BeginUpload
    parts: dict[int, tuple[UploadedPart, bytes]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class _Bucket:
    objects: dict[str, _Object] = dataclasses.field(default_factory=dict)
    uploads: dict[str, _Upload] = dataclasses.field(default_factory=dict)
    order: list[str] | None = None  # the keys sorted, while that is known


class MemoryStorageClient(ObjectStorage):
    """Objects in memory, with all that S3 keeps beside them. Nothing lasts.

    Version marks are MD5 sums, as S3's are. Each client is a store of its own, empty at first.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    @override
    def __repr__(self) -> str:
        return f"<MemoryStorageClient with {len(self._buckets)} buckets>"

    @property
    @override
    def capabilities(self) -> Capabilities:
        return Capabilities(
            keeps_media_type=True,
            keeps_user_metadata=True,
            keys_may_continue=True,
            is_durable=False,
            has_tables=False,
        )

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        act = self._actions.get(type(operation))
        if act is None:
            raise refusals.unknown_operation(self.describe(), operation)
        with self._lock:
            result: ResultT = act(self, operation)
        if isinstance(operation, Get):  # hashing takes long: without the lock
            self._check_whole(operation, result)
        return result

    @override
    def describe(self) -> str:
        return f"memory {id(self):x} of this process"

    def _put(self, put: Put) -> Written:
        bucket = self._bucket(put.bucket)
        data = bytes(put.data)
        etag = md5_of(data).hex()
        metadata = _with_hash(put.user_metadata, put.content_hash)
        new = _Object(_stored(put.key, data, put.content_type, etag, metadata), data)
        return self._written(bucket, put, new)

    def _get(self, get: Get) -> Fetched:
        found = self._bucket(get.bucket).objects.get(get.key)
        if found is None:
            raise refusals.not_found(self.describe(), get.bucket, get.key)
        if get.etag not in {None, found.stored.etag}:
            raise refusals.changed(self.describe(), get.bucket, get.key)
        return Fetched(found.data[get.start : get.stop], found.stored)

    def _head(self, head: Head) -> StoredObject | None:
        bucket = self._buckets.get(head.bucket)
        found = None if bucket is None else bucket.objects.get(head.key)
        return None if found is None else found.stored

    def _delete(self, delete: Delete) -> bool:
        bucket = self._buckets.get(delete.bucket)
        if bucket is None or bucket.objects.pop(delete.key, None) is None:
            return delete.was_there
        bucket.order = None
        return True

    def _copy(self, copy: Copy) -> Written:
        bucket = self._bucket(copy.bucket)
        source = bucket.objects.get(copy.source_key)
        if source is None:
            raise refusals.not_found(self.describe(), copy.bucket, copy.source_key)
        stored = dataclasses.replace(source.stored, key=copy.key, last_modified=datetime.now(UTC))
        return self._kept(bucket, _Object(stored, source.data))

    def _list(self, page: ListPage) -> Page:
        bucket = self._bucket(page.bucket)
        if bucket.order is None:  # code points sort as the bytes of UTF-8 do
            bucket.order = sorted(bucket.objects)
        order = bucket.order
        after = max(page.start_after, page.token or "")
        first = bisect.bisect_left(order, page.prefix)
        first = max(first, bisect.bisect_right(order, after)) if after else first
        found = [
            key for key in order[first : first + page.limit + 1] if key.startswith(page.prefix)
        ]
        objects = [_as_listed(bucket.objects[key].stored) for key in found[: page.limit]]
        return Page(objects, found[page.limit - 1] if len(found) > page.limit else None)

    def _begin(self, begin: BeginUpload) -> PartialUpload:
        bucket = self._bucket(begin.bucket)
        upload_id = secrets.token_hex(16)
        upload = PartialUpload(
            begin.bucket, begin.key, upload_id, begin.part_bytes, datetime.now(UTC)
        )
        bucket.uploads[upload_id] = _Upload(upload, begin)
        return upload

    def _part(self, part: UploadPart) -> UploadedPart:
        upload = self._upload(part.upload)
        refusals.check_part(self.describe(), upload.upload, part.number, part.data)
        data = bytes(part.data)
        etag = md5_of(data).hex()
        arrived = UploadedPart(part.number, etag, len(data))
        upload.parts[part.number] = (arrived, data)
        return arrived

    def _complete(self, complete: CompleteUpload) -> Written:
        bucket = self._bucket(complete.bucket)
        if complete.upload.upload_id not in bucket.uploads:
            return self._completed_before(bucket, complete)
        upload = self._upload(complete.upload)
        arrived = [part for part, _ in upload.parts.values()]
        refusals.check_order(self.describe(), upload.upload, complete.parts)
        refusals.check_arrived(self.describe(), upload.upload, complete.parts, arrived)
        data = b"".join(upload.parts[part.number][1] for part in complete.parts)
        begin = upload.begin
        metadata = _with_hash(begin.user_metadata, begin.content_hash)
        etag = _etag_of_parts(complete.parts)
        new = _Object(_stored(begin.key, data, begin.content_type, etag, metadata), data)
        written = self._written(bucket, complete, new)
        del bucket.uploads[complete.upload.upload_id]
        return written

    def _abort(self, abort: AbortUpload) -> bool:
        bucket = self._buckets.get(abort.bucket)
        return bucket is not None and bucket.uploads.pop(abort.upload.upload_id, None) is not None

    def _list_uploads(self, asked: ListUploads) -> Sequence[PartialUpload]:
        uploads = [held.upload for held in self._bucket(asked.bucket).uploads.values()]
        mine = [upload for upload in uploads if upload.key.startswith(asked.prefix)]
        return sorted(mine, key=lambda upload: (upload.key, upload.upload_id))

    def _create_bucket(self, create: CreateBucket) -> None:
        self._buckets.setdefault(create.bucket, _Bucket())

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

    def _written(self, bucket: _Bucket, conditional: Put | CompleteUpload, new: _Object) -> Written:
        found = bucket.objects.get(new.stored.key)
        if _holds(conditional, found):
            return self._kept(bucket, new)
        if found is None or found.data != new.data:
            raise refusals.conflict(self.describe(), conditional, new.stored.key)
        return Written(new.stored.key, found.stored.etag, is_new=False)

    def _kept(self, bucket: _Bucket, new: _Object) -> Written:
        if new.stored.key not in bucket.objects:
            bucket.order = None
        bucket.objects[new.stored.key] = new
        return Written(new.stored.key, new.stored.etag)

    def _completed_before(self, bucket: _Bucket, complete: CompleteUpload) -> Written:
        found = bucket.objects.get(complete.upload.key)
        is_ours = (
            found is not None
            and complete.content_hash is not None
            and hashlib.sha256(found.data).hexdigest() == complete.content_hash
        )
        if found is None or not is_ours:
            raise refusals.no_such_upload(self.describe(), complete.upload)
        return Written(found.stored.key, found.stored.etag, is_new=False)

    def _check_whole(self, get: Get, fetched: Any) -> None:
        recorded = fetched.stored.user_metadata.get(CONTENT_HASH_METADATA)
        refusals.check_whole(self.describe(), get, fetched.data, recorded)

    def _bucket(self, name: str) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            raise refusals.no_such_bucket(self.describe(), name)
        return bucket

    def _upload(self, asked: PartialUpload) -> _Upload:
        found = self._bucket(asked.bucket).uploads.get(asked.upload_id)
        if found is None or found.upload.key != asked.key:
            raise refusals.no_such_upload(self.describe(), asked)
        return found


def _holds(conditional: Put | CompleteUpload, found: _Object | None) -> bool:
    if conditional.create_only:
        return found is None
    if conditional.replace_etag is not None:
        return found is not None and found.stored.etag == conditional.replace_etag
    return True


def _with_hash(metadata: Mapping[str, str], content_hash: str | None) -> Mapping[str, str]:
    recorded = {CONTENT_HASH_METADATA: content_hash} if content_hash else {}
    return types.MappingProxyType({**metadata, **recorded})


def _stored(
    key: str, data: bytes, content_type: str, etag: str, metadata: Mapping[str, str]
) -> StoredObject:
    return StoredObject(key, len(data), content_type, etag, datetime.now(UTC), metadata)


def _as_listed(stored: StoredObject) -> StoredObject:
    """Return what a listing says: as S3's, neither media type nor metadata."""
    return StoredObject(
        stored.key, stored.size_bytes, etag=stored.etag, last_modified=stored.last_modified
    )


def _etag_of_parts(parts: Sequence[UploadedPart]) -> str:
    sums = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{md5_of(sums).hex()}-{len(parts)}"
