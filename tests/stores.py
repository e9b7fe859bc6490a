"""Stores that behave badly in known ways, around a real one; and a bucket to use them on."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from typing_extensions import override

from astrid_sdk.catalog.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage, StoredObject, TableLocation
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.records import RecordLog

BUCKET = "astrid-storage"


class WrappedStore(ObjectStorage):
    """Does what the store inside does, and remembers the keys that were written and read."""

    def __init__(self, inner: ObjectStorage) -> None:
        self.inner = inner
        self.written: list[str] = []
        self.read: list[str] = []

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
        self.written.append(key)
        return self.inner.upload_file(
            bucket, key, data, content_type, create_only=create_only, content_hash=content_hash
        )

    @override
    def download_file(self, bucket: str, key: str) -> bytes:
        self.read.append(key)
        return self.inner.download_file(bucket, key)

    @override
    def download_range(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        return self.inner.download_range(bucket, key, start, stop)

    @override
    def delete_file(self, bucket: str, key: str) -> bool:
        return self.inner.delete_file(bucket, key)

    @override
    def list_files(self, bucket: str, prefix: str) -> list[str]:
        return self.inner.list_files(bucket, prefix)

    @override
    def list_objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        return self.inner.list_objects(bucket, prefix)

    @override
    def get_file_metadata(self, bucket: str, key: str) -> dict[str, Any]:
        return self.inner.get_file_metadata(bucket, key)

    @override
    def head(self, bucket: str, key: str) -> StoredObject | None:
        return self.inner.head(bucket, key)

    @override
    def create_bucket(self, bucket: str) -> None:
        self.inner.create_bucket(bucket)

    @override
    def describe(self) -> str:
        return self.inner.describe()

    @override
    def table_location(self, bucket: str, name: str) -> TableLocation:
        return self.inner.table_location(bucket, name)


class CrashingStore(WrappedStore):
    """Carries out a number of writes and no more, as a process that is killed between two."""

    def __init__(self, inner: ObjectStorage, writes: int) -> None:
        super().__init__(inner)
        self.left = writes

    @override
    def upload_file(self, bucket: str, key: str, *rest: Any, **options: Any) -> str:
        if self.left <= 0:
            raise StorageUnavailableError("the store went away")
        self.left -= 1
        return super().upload_file(bucket, key, *rest, **options)


class MeetingStore(WrappedStore):
    """Makes writers of keys with one prefix wait for each other, so that they surely race."""

    def __init__(self, inner: ObjectStorage, prefix: str, writers: int) -> None:
        super().__init__(inner)
        self._prefix = prefix
        self._barrier = threading.Barrier(writers, timeout=30)

    @override
    def upload_file(self, bucket: str, key: str, *rest: Any, **options: Any) -> str:
        if key.startswith(self._prefix):
            self._barrier.wait()
        return super().upload_file(bucket, key, *rest, **options)


class Bench:
    """The parts of a session over one bucket of any store."""

    def __init__(self, storage: ObjectStorage, *, deduplicate: bool = True) -> None:
        self.storage = storage
        self.records = RecordLog(storage, BUCKET)
        self.cas = ContentAddressedStorage(
            storage, BUCKET, records=self.records, deduplicate=deduplicate
        )
        self.derivations = Derivations(storage, BUCKET, self.cas, self.records)
        self.catalog = Catalog(storage, BUCKET, self.records, self.derivations)


def local_store(folder: Path) -> LocalStorageClient:
    """Return an empty store in `folder`, with the bucket made."""
    store = LocalStorageClient(folder)
    store.create_bucket(BUCKET)
    return store


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Run `works` in a thread each and return what they return; the first error is raised."""
    answers: list[Any] = [None] * len(works)
    errors: list[BaseException] = []

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            answers[place] = work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return answers
