"""Stores that behave badly in known ways, around a real one; and a bucket to use them on."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import CompleteUpload, Copy, Get, Operation, Put
from astrid_sdk.storage.records import RecordLog
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.testing.stores import SteppedStore

BUCKET = "astrid-storage"
WRITES = (Put, Copy, CompleteUpload)
ResultT = TypeVar("ResultT")


class WrappedStore(SteppedStore):
    """Does what the store inside does, and remembers the keys that were written and read."""

    def __init__(self, inner: ObjectStorage) -> None:
        super().__init__(inner)
        self.written: list[str] = []
        self.read: list[str] = []

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        if isinstance(operation, WRITES):
            self.before_write(operation.where)
            self.written.append(operation.where)
        elif isinstance(operation, Get):
            self.read.append(operation.where)
        return super().perform(operation)

    def before_write(self, key: str) -> None:
        """Do nothing: a place for what is to happen just before an object is written."""


class CrashingStore(WrappedStore):
    """Carries out a number of writes and no more, as a process that is killed between two."""

    def __init__(self, inner: ObjectStorage, writes: int) -> None:
        super().__init__(inner)
        self.left = writes
        self._lock = threading.Lock()

    @override
    def before_write(self, key: str) -> None:
        with self._lock:
            if self.left <= 0:
                raise StorageUnavailableError("the store went away")
            self.left -= 1


class MeetingStore(WrappedStore):
    """Makes writers of keys with one prefix wait for each other, so that they surely race."""

    def __init__(self, inner: ObjectStorage, prefix: str, writers: int) -> None:
        super().__init__(inner)
        self._prefix = prefix
        self._barrier = threading.Barrier(writers, timeout=30)

    @override
    def before_write(self, key: str) -> None:
        if key.startswith(self._prefix):
            self._barrier.wait()


class Bench:
    """The parts of a session over one bucket of any store."""

    def __init__(
        self,
        storage: ObjectStorage,
        *,
        deduplicate: bool = True,
        seen: SeenContents | None = None,
        bucket: str = BUCKET,
    ) -> None:
        self.storage = storage
        self.records = RecordLog(storage, bucket)
        self.cas = ContentAddressedStorage(
            storage, bucket, records=self.records, deduplicate=deduplicate, seen=seen
        )
        self.derivations = Derivations(storage, bucket, self.cas, self.records)
        self.catalog = Catalog(storage, bucket, self.records, self.derivations)


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
