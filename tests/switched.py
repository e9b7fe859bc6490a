"""A store that can be switched off, and what is written into it."""

from typing import Any

from typing_extensions import override

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    StorageUnavailableError,
)
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Operation, Put
from astrid_sdk.testing.stores import RecordingStore, SteppedStore

BUCKET = "astrid-storage"


class Switched(SteppedStore):
    """A store that is there or away, as `is_away` says; or that refuses some keys."""

    def __init__(self) -> None:
        self.memory = MemoryStorageClient()
        self.memory.create_bucket(BUCKET)
        self.recording = RecordingStore(self.memory)
        super().__init__(self.recording)
        self.is_away = False
        self.error: AstridError = StorageUnavailableError(
            "away", kind="unreachable", wrote=None, transient=True
        )
        self.loses_answers_of: set[str] = set()
        self.refuses: set[str] = set()
        self.cuts_after_parts: int | None = None

    @override
    def perform(self, operation: Operation[Any]) -> Any:
        if operation.verb == "part" and self.cuts_after_parts is not None:
            self.is_away = self.is_away or self.cuts_after_parts == 0
            self.cuts_after_parts -= 1
        if self.is_away:
            raise self.error
        if operation.writes and operation.where in self.refuses:
            raise AccessDeniedError(f"{operation.where} is not yours", wrote=False)
        result = self.inner.perform(operation)
        if operation.writes and operation.where in self.loses_answers_of:
            self.loses_answers_of.remove(operation.where)
            raise self.error
        return result

    def body(self, key: str) -> bytes:
        return self.memory.download_file(BUCKET, key)


def put(key: str, data: bytes = b"x", **options: Any) -> Put:
    return Put(bucket=BUCKET, key=key, data=data, content_type="text/plain", **options)


def blob(data: bytes, tier: str = "models") -> str:
    digest = sha256_hex(data)
    return f"{tier}/sha256/{digest[:2]}/{digest}"


def pack(data: bytes) -> str:
    digest = sha256_hex(data)
    return f"_records/{digest[:2]}/{digest}.ndjson"
