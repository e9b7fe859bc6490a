"""What every store promises: `ObjectStorage`, bytes by bucket and key.

A store implements `perform` (one operation), `capabilities`, `describe` and, where it has them,
tables and what only some stores can do. Everything else is written once, here, on top of that.
"""

import abc
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from astrid_sdk.errors import AstridError, NotFoundError
from astrid_sdk.storage.downloading import download_file_to, download_pieces
from astrid_sdk.storage.features import StoreFeatures, TableLocation
from astrid_sdk.storage.keys import (
    check_bucket,
    check_content_hash,
    check_key,
    check_media_type,
    check_metadata,
    check_prefix,
    check_range,
)
from astrid_sdk.storage.operations import (
    NO_METADATA,
    Body,
    Copy,
    CreateBucket,
    Delete,
    Get,
    Head,
    ListPage,
    Operation,
    Outcome,
    Put,
    StoredObject,
    Written,
    weight_of,
)
from astrid_sdk.storage.parallel import bounded
from astrid_sdk.storage.transfers import Progress, sweep_uploads, upload_source

__all__ = ["CATALOG_PREFIX", "MOST_BYTES_UNDER_WAY", "ObjectStorage", "TableLocation"]

CATALOG_PREFIX = "_catalog"
MOST_BYTES_UNDER_WAY = 64 << 20
"""How much content `perform_many` has in memory at a time, but for one operation larger."""

ResultT = TypeVar("ResultT")


class ObjectStorage(StoreFeatures):
    """Bytes by key: the promises that every store keeps.

    Every method raises `InvalidInputError` for a key or bucket name outside the rules of
    `check_key` and `check_bucket`, `AccessDeniedError` when the store refuses, and
    `StorageUnavailableError` when it gives no usable answer; an outage is never reported as
    "not there". All methods may be called from many threads, and many processes may use one
    store.
    """

    most_at_once: int = 8
    """How many operations of `perform_many` are under way at a time."""
    most_bytes_at_once: int = MOST_BYTES_UNDER_WAY

    # What a store implements.

    @abc.abstractmethod
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        """Carry out one operation whose names were checked, and return its result."""

    # What every store has because of that.

    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        """Carry out many operations, some at a time, and yield what becomes of each.

        Outcomes come as they are ready, not in order; an operation that fails ends no other.
        `operations` may be a generator: it is drawn from as there is room.
        """
        with ThreadPoolExecutor(self.most_at_once) as pool:
            yield from bounded(
                pool,
                self._outcome,
                operations,
                most=2 * self.most_at_once,
                weigh=weight_of,
                most_weight=self.most_bytes_at_once,
            )

    def _outcome(self, operation: Operation[ResultT]) -> Outcome[ResultT]:
        try:
            return Outcome(operation, self.perform(operation))
        except AstridError as error:
            return Outcome(operation, error=error)

    def upload_file(  # noqa: PLR0913 - the ticket's five, and what S3 knows of a write
        self,
        bucket: str,
        key: str,
        data: Body,
        content_type: str,
        *,
        create_only: bool = False,
        replace_etag: str | None = None,
        content_hash: str | None = None,
        user_metadata: Mapping[str, str] = NO_METADATA,
    ) -> str:
        """Write `data` under `key` as a whole or not at all, and return the key.

        It returns only when the object can be read back: the server was asked after the write,
        or the folder's entry is on the disk. Without a condition an object that is there is
        replaced: the last writer to finish wins.

        Parameters
        ----------
        bucket, key : str
            Where.
        data : bytes
            The body; may be empty.
        content_type : str
            The media type, such as ``"application/fits"``.
        create_only : bool, optional
            Write only where nothing is. Of several writers exactly one body wins. The same bytes
            there already count as success, because an earlier try of this very call may have
            landed with its answer lost; a writer that must know it was the first puts a nonce
            into the body.
        replace_etag : str, optional
            Write only over the version that `head` gave this `etag`.
        content_hash : str, optional
            The SHA-256 of `data` in hex when the caller knows it: it is not computed again, is
            sent as the checksum of the body, and is recorded by stores that keep metadata.
        user_metadata : Mapping[str, str], optional
            Names of a-z, 0-9 and hyphens, any text as values, kept where the capabilities say so.

        Raises
        ------
        ConflictError
            Other bytes are there (``kind="already_exists"``), or not the version to be replaced
            (``kind="changed"``). Nothing was written.
        NotFoundError
            There is no such bucket (``kind="no_such_bucket"``).
        CorruptionError
            The store reports other bytes than were sent.
        """
        put = Put(
            bucket=check_bucket(bucket),
            key=check_key(key),
            data=data,
            content_type=check_media_type(content_type),
            create_only=create_only,
            replace_etag=replace_etag,
            content_hash=None if content_hash is None else check_content_hash(content_hash),
            user_metadata=check_metadata(user_metadata),
        )
        return self.perform(put).key

    def upload_source(  # noqa: PLR0913 - as upload_file
        self,
        bucket: str,
        key: str,
        source: Path | BinaryIO | Iterable[bytes],
        content_type: str,
        *,
        create_only: bool = False,
        replace_etag: str | None = None,
        content_hash: str | None = None,
        user_metadata: Mapping[str, str] = NO_METADATA,
        progress: Progress | None = None,
    ) -> Written:
        """Write a file, a file object or a stream of any length at constant memory.

        Short bodies go as one, longer ones in parts of equal size that are sent again one by
        one when they fail; when the upload fails for good it is aborted.

        Parameters
        ----------
        source : Path, binary file object, or iterable of bytes
            Read once, from where it stands.
        progress : callable, optional
            Called with the bytes that have arrived so far.
        bucket, key, content_type, create_only, replace_etag, content_hash, user_metadata
            As `upload_file`.

        Raises
        ------
        InvalidInputError
            The file cannot be read, or its bytes are not those of `content_hash`.
        """
        put = Put(
            bucket=check_bucket(bucket),
            key=check_key(key),
            data=b"",
            content_type=check_media_type(content_type),
            create_only=create_only,
            replace_etag=replace_etag,
            content_hash=None if content_hash is None else check_content_hash(content_hash),
            user_metadata=check_metadata(user_metadata),
        )
        return upload_source(self, put, source, progress)

    def download_file(self, bucket: str, key: str) -> bytes:
        """Return the whole body.

        Raises
        ------
        NotFoundError
            Nothing is there, or there is no such bucket.
        CorruptionError
            The bytes are not those of the hash that is recorded beside them.
        """
        return self.perform(Get(bucket=check_bucket(bucket), key=check_key(key))).data

    def download_range(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Return bytes `start` to `stop` (excluded), cut at the end of the body as a slice is.

        Raises
        ------
        NotFoundError
            Nothing is there, or there is no such bucket.
        InvalidInputError
            Not ``0 <= start <= stop``.
        """
        check_range(start, stop)
        get = Get(bucket=check_bucket(bucket), key=check_key(key), start=start, stop=stop)
        return self.perform(get).data

    def download_ranges(
        self, bucket: str, key: str, ranges: Sequence[tuple[int, int]], *, etag: str | None = None
    ) -> list[bytes]:
        """Return several ranges of one object, fetched side by side; see `download_range`."""
        check_bucket(bucket)
        check_key(key)
        for start, stop in ranges:
            check_range(start, stop)
        found: dict[tuple[int, int | None], bytes] = {}
        gets = [
            Get(bucket=bucket, key=key, start=start, stop=stop, etag=etag)
            for start, stop in dict.fromkeys(ranges)
        ]
        for outcome in self.perform_many(gets):
            get = outcome.operation
            assert isinstance(get, Get)  # noqa: S101 - each outcome names one of `gets`
            found[get.start, get.stop] = outcome.value().data
        return [found[each] for each in ranges]

    def download_to(
        self,
        bucket: str,
        key: str,
        path: Path,
        *,
        content_hash: str | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write the object to the file `path` at constant memory, all of it or nothing.

        The bytes must have the SHA-256 `content_hash`, or without it the recorded one; a file
        that is there is replaced only when they do.

        Raises
        ------
        NotFoundError
            Nothing is there.
        CorruptionError
            The bytes have another hash; `path` is as it was.
        InvalidInputError
            `path` cannot be written.
        """
        get = Get(bucket=check_bucket(bucket), key=check_key(key), content_hash=content_hash)
        return download_file_to(self, get, path, progress)

    def download_stream(
        self, bucket: str, key: str, *, progress: Progress | None = None
    ) -> Iterator[bytes]:
        """Yield the body in pieces of some MiB, in order, fetched ahead.

        Each piece is of one version of the object. A stream is verified only when its end is
        reached: where the recorded hash does not agree, `CorruptionError` is raised then.
        """
        get = Get(bucket=check_bucket(bucket), key=check_key(key))
        return download_pieces(self, get, progress)

    def delete_file(self, bucket: str, key: str) -> bool:
        """Delete the object; False when there was nothing to delete, also without the bucket.

        Of callers at the same moment more than one may hear True.
        """
        return self.perform(Delete(bucket=check_bucket(bucket), key=check_key(key)))

    def copy_file(self, bucket: str, source_key: str, key: str) -> str:
        """Copy an object within the bucket, in the store itself; return the new key.

        Raises
        ------
        NotFoundError
            `source_key` is not there.
        """
        copy = Copy(bucket=check_bucket(bucket), key=check_key(key), source_key=source_key)
        check_key(source_key)
        return self.perform(copy).key

    def list_files(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, all of them, in the order of their bytes.

        `prefix` may be empty, and may end within a name.

        Raises
        ------
        NotFoundError
            There is no such bucket: an empty list always means an empty answer.
        """
        return [found.key for found in self.list_objects(bucket, prefix)]

    def list_objects(
        self, bucket: str, prefix: str, *, start_after: str = ""
    ) -> Iterator[StoredObject]:
        """Yield what `list_files` lists with sizes, marks and times, page by page.

        Only keys behind `start_after`. Media types and user metadata are not part of a listing.
        """
        request = ListPage(
            bucket=check_bucket(bucket), prefix=check_prefix(prefix), start_after=start_after
        )
        while True:
            page = self.perform(request)
            yield from page.objects
            if page.next_token is None:
                return
            request = dataclasses.replace(request, token=page.next_token)

    def get_file_metadata(self, bucket: str, key: str) -> dict[str, Any]:
        """Return size_bytes, media_type, etag, last_modified and user_metadata.

        Raises
        ------
        NotFoundError
            Nothing is there, or there is no such bucket.
        """
        found = self.head(bucket, key)
        if found is None:
            raise NotFoundError(
                f"{key!r} of bucket {bucket!r} in {self.describe()} is not there; check the key "
                "and the bucket's name"
            )
        return found.as_metadata()

    def head(self, bucket: str, key: str) -> StoredObject | None:
        """Return what is known about the object; None when it is surely not there."""
        return self.perform(Head(bucket=check_bucket(bucket), key=check_key(key)))

    def exists(self, bucket: str, key: str) -> bool:
        """Return whether the object is there: yes, no, or `StorageUnavailableError`."""
        return self.head(bucket, key) is not None

    def exist(self, bucket: str, keys: Iterable[str]) -> dict[str, bool]:
        """Return for each of `keys` whether it is there; see `exists`."""
        heads = [Head(bucket=check_bucket(bucket), key=check_key(key)) for key in keys]
        return {
            outcome.operation.where: outcome.value() is not None
            for outcome in self.perform_many(heads)
        }

    def delete_files(self, bucket: str, keys: Iterable[str]) -> dict[str, bool]:
        """Delete many objects; see `delete_file`. The first failure is raised at the end."""
        deletes = [Delete(bucket=check_bucket(bucket), key=check_key(key)) for key in keys]
        outcomes = list(self.perform_many(deletes))
        return {outcome.operation.where: outcome.value() for outcome in outcomes}

    def create_bucket(self, bucket: str) -> None:
        """Make the bucket; one that is there is left as it is."""
        self.perform(CreateBucket(bucket=check_bucket(bucket)))

    def sweep_uploads(self, bucket: str, prefix: str = "", *, older_than_s: float) -> int:
        """Abort large uploads that were begun longer ago than that; return how many.

        Raises
        ------
        InvalidInputError
            ``kind="unsupported"``: the store cannot list them.
        """
        return sweep_uploads(self, check_bucket(bucket), check_prefix(prefix), older_than_s)
