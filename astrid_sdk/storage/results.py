"""What stores answer, as values: what is known of an object, what was written, what was read."""

import dataclasses
import datetime as dt
import types
from collections.abc import Mapping, Sequence
from typing import Any

NO_METADATA: Mapping[str, str] = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store knows about one object without reading it.

    Parameters
    ----------
    key : str
        The object's whole key.
    size_bytes : int
        Length of the body.
    media_type : str or None
        As given when the object was written; None when the store does not keep it (folders) or
        did not say (listings).
    etag : str or None
        The store's opaque version mark, without quotes: another one means other bytes.
    last_modified : datetime.datetime or None
        When the object was last written, by the server's clock, in UTC.
    user_metadata : Mapping[str, str]
        Names in lower case; empty when the store keeps none.
    """

    key: str
    size_bytes: int
    media_type: str | None = None
    etag: str | None = None
    last_modified: dt.datetime | None = None
    user_metadata: Mapping[str, str] = dataclasses.field(default_factory=lambda: NO_METADATA)

    def as_metadata(self) -> dict[str, Any]:
        """Return the same facts as the dictionary of `ObjectStorage.get_file_metadata`."""
        return {
            "size_bytes": self.size_bytes,
            "media_type": self.media_type,
            "etag": self.etag,
            "last_modified": self.last_modified,
            "user_metadata": dict(self.user_metadata),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """An object was written, or the same bytes were there already.

    Parameters
    ----------
    key : str
    etag : str or None
        Its version mark; None where it waits in the outbox.
    is_new : bool
        False where the same bytes were found there and left.
    is_spooled : bool
        True where the store was away and the object waits in the outbox of this machine.
    """

    key: str
    etag: str | None
    is_new: bool = True
    is_spooled: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Fetched:
    """Bytes that were read: all of an object, or a range of it.

    Parameters
    ----------
    data : bytes
    stored : StoredObject
        The object they are of; `size_bytes` is the whole object's.
    """

    data: bytes
    stored: StoredObject


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Some of a listing, in the order of the keys' bytes; `next_token` is None on the last."""

    objects: Sequence[StoredObject]
    next_token: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class PartialUpload:
    """A large upload under way: parts of `part_bytes` each, but for the last."""

    bucket: str
    key: str
    upload_id: str
    part_bytes: int = 0
    started_at: dt.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part that has arrived; numbers start at 1. `content_hash` is "" where nobody told."""

    number: int
    etag: str
    size_bytes: int
    content_hash: str = ""
