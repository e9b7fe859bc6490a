"""What can be asked of a store, as values: one frozen class per operation, and what it answers.

A store carries out operations (`ObjectStorage.perform`); a behaviour such as retrying or logging
wraps a store and sees each of them pass. The methods people call build these values.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from typing_extensions import override

from astrid_sdk.errors import AstridError
from astrid_sdk.storage.results import (
    NO_METADATA,
    Fetched,
    Page,
    PartialUpload,
    StoredObject,
    UploadedPart,
    Written,
)

__all__ = [
    "CONTENT_HASH_METADATA",
    "NO_METADATA",
    "AbortUpload",
    "BeginUpload",
    "Body",
    "CompleteUpload",
    "Copy",
    "CreateBucket",
    "Delete",
    "Fetched",
    "Get",
    "Head",
    "ListPage",
    "ListUploads",
    "Operation",
    "Outcome",
    "Page",
    "PartialUpload",
    "Put",
    "StoredObject",
    "UploadPart",
    "UploadedPart",
    "Written",
    "weight_of",
]

CONTENT_HASH_METADATA = "astrid-sha256"
"""The user metadata name under which a store that keeps metadata records the content hash."""

ResultT_co = TypeVar("ResultT_co", covariant=True)
Body: TypeAlias = bytes | bytearray | memoryview


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[ResultT_co]):
    """One thing asked of a store."""

    verb: ClassVar[str]
    doing: ClassVar[str]  # completes "could not …" in messages
    writes: ClassVar[bool] = False

    bucket: str

    @property
    def where(self) -> str:
        """The key or prefix it is about; "" for a whole bucket."""
        return ""

    @property
    def sent_bytes(self) -> int:
        """How many bytes of content it sends."""
        return 0

    def again(self, _error: AstridError) -> "Operation[ResultT_co]":
        """Return what to ask when it is tried again after `_error`."""
        return self


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _ObjectOperation(Operation[ResultT_co]):
    key: str

    @property
    @override
    def where(self) -> str:
        return self.key


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Put(_ObjectOperation[Written]):
    """Write a whole object.

    Parameters
    ----------
    data : bytes-like
    content_type : str
    create_only : bool
        Write only where nothing is; the same bytes there already are success.
    replace_etag : str, optional
        Write only over the version with this mark.
    content_hash : str, optional
        SHA-256 of `data` in hex, when it is known.
    user_metadata : Mapping[str, str]
        ASCII names; any text as value.
    confirm : bool
        Look that the object is there before acknowledging. False is for callers that look
        themselves, such as a batch with one listing at its end.
    """

    verb: ClassVar[str] = "put"
    doing: ClassVar[str] = "write"
    writes: ClassVar[bool] = True

    data: Body = dataclasses.field(repr=False)
    content_type: str
    create_only: bool = False
    replace_etag: str | None = None
    content_hash: str | None = None
    user_metadata: Mapping[str, str] = dataclasses.field(default_factory=lambda: NO_METADATA)
    confirm: bool = True

    @property
    @override
    def sent_bytes(self) -> int:
        return len(self.data)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Get(_ObjectOperation[Fetched]):
    """Read an object, or bytes `start` to `stop` (excluded) of it.

    `etag`: only of the version with this mark, else `ConflictError` of kind ``"changed"``.
    `content_hash`: the SHA-256 that a whole body must have; else the recorded one must agree.
    `into`: a writable buffer as long as the range; a store may put the bytes there and leave
    `Fetched.data` empty.
    """

    verb: ClassVar[str] = "get"
    doing: ClassVar[str] = "read"

    start: int = 0
    stop: int | None = None
    etag: str | None = None
    content_hash: str | None = None
    into: memoryview | None = dataclasses.field(default=None, repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether all of the object is asked for."""
        return self.start == 0 and self.stop is None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Head(_ObjectOperation[StoredObject | None]):
    """Look an object up; None when it is surely not there."""

    verb: ClassVar[str] = "head"
    doing: ClassVar[str] = "look up"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delete(_ObjectOperation[bool]):
    """Delete an object; False when there was nothing to delete.

    `was_there`: an earlier try of this very call saw the object, and then lost the answer.
    """

    verb: ClassVar[str] = "delete"
    doing: ClassVar[str] = "delete"
    writes: ClassVar[bool] = True

    was_there: bool = False

    @override
    def again(self, error: AstridError) -> "Delete":
        return dataclasses.replace(self, was_there=self.was_there or error.wrote is None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Copy(_ObjectOperation[Written]):
    """Copy `source_key` to `key` within the store, without sending the bytes through here.

    `confirm`: as of `Put`; False also spares the look at the source.
    """

    verb: ClassVar[str] = "copy"
    doing: ClassVar[str] = "copy to"
    writes: ClassVar[bool] = True

    source_key: str
    confirm: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListPage(Operation[Page]):
    """List at most `limit` keys that start with `prefix`, after `token` of the page before."""

    verb: ClassVar[str] = "list"
    doing: ClassVar[str] = "list"

    prefix: str = ""
    token: str | None = None
    start_after: str = ""
    limit: int = 1000

    @property
    @override
    def where(self) -> str:
        return self.prefix


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BeginUpload(_ObjectOperation[PartialUpload]):
    """Begin a large upload; nothing can be seen under `key` before it is completed."""

    verb: ClassVar[str] = "begin"
    doing: ClassVar[str] = "begin an upload of"
    writes: ClassVar[bool] = True

    content_type: str
    part_bytes: int
    content_hash: str | None = None
    user_metadata: Mapping[str, str] = dataclasses.field(default_factory=lambda: NO_METADATA)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UploadPart(Operation[UploadedPart]):
    """Send part `number` (from 1) of `upload`; sending it again replaces it."""

    verb: ClassVar[str] = "part"
    doing: ClassVar[str] = "send a part of"
    writes: ClassVar[bool] = True

    upload: PartialUpload
    number: int
    data: Body = dataclasses.field(repr=False)
    content_hash: str | None = None

    @property
    @override
    def where(self) -> str:
        return self.upload.key

    @property
    @override
    def sent_bytes(self) -> int:
        return len(self.data)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CompleteUpload(Operation[Written]):
    """Make the object of all `parts`, in the order of their numbers.

    The conditions are those of `Put`; `content_hash` is how an earlier try whose answer was lost
    is recognised.
    """

    verb: ClassVar[str] = "complete"
    doing: ClassVar[str] = "complete"
    writes: ClassVar[bool] = True

    upload: PartialUpload
    parts: tuple[UploadedPart, ...]
    create_only: bool = False
    replace_etag: str | None = None
    content_hash: str | None = None

    @property
    @override
    def where(self) -> str:
        return self.upload.key


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AbortUpload(Operation[bool]):
    """Give an upload up and free its parts; False when it was gone."""

    verb: ClassVar[str] = "abort"
    doing: ClassVar[str] = "abort the upload of"
    writes: ClassVar[bool] = True

    upload: PartialUpload

    @property
    @override
    def where(self) -> str:
        return self.upload.key


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListUploads(Operation[Sequence[PartialUpload]]):
    """List the uploads under way whose key starts with `prefix`."""

    verb: ClassVar[str] = "uploads"
    doing: ClassVar[str] = "list uploads of"

    prefix: str = ""

    @property
    @override
    def where(self) -> str:
        return self.prefix


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreateBucket(Operation[None]):
    """Make the bucket; one that is there is left as it is."""

    verb: ClassVar[str] = "create-bucket"
    doing: ClassVar[str] = "make"
    writes: ClassVar[bool] = True


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome(Generic[ResultT_co]):
    """What became of one operation of many: `result`, or the `error` that ended it."""

    operation: Operation[ResultT_co]
    result: ResultT_co | None = None
    error: AstridError | None = None
    request_id: str = ""

    def value(self) -> ResultT_co:
        """Return the result.

        Raises
        ------
        AstridError
            The error that ended the operation.
        """
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # set unless there is an error


_UNKNOWN_WEIGHT = 64 << 10


def weight_of(operation: Operation[Any]) -> int:
    """Return about how many bytes of memory `operation` takes while it is under way."""
    if isinstance(operation, Get) and operation.stop is not None:
        return operation.stop - operation.start
    return operation.sent_bytes or _UNKNOWN_WEIGHT
