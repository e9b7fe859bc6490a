"""What every store promises: the `ObjectStorage` protocol and the values it speaks in."""

import dataclasses
import datetime as dt
import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from astrid_sdk.config import Secret
from astrid_sdk.errors import InvalidInputError

CATALOG_PREFIX = "_catalog"
CONTENT_HASH_METADATA = "astrid-sha256"
"""The user metadata name under which a store that keeps metadata records the content hash."""

_MAX_KEY_BYTES = 1024
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
_BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_CONTENT_HASH = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[!-.0-~]+/[!-~]+( *;[ -~]*)?")


@dataclasses.dataclass(frozen=True)
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
        The server's opaque version mark, without quotes; None when the store has none.
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
    user_metadata: Mapping[str, str] = dataclasses.field(
        default_factory=lambda: types.MappingProxyType({})
    )

    def as_metadata(self) -> dict[str, Any]:
        """Return the same facts as the dictionary of `ObjectStorage.get_file_metadata`."""
        return {
            "size_bytes": self.size_bytes,
            "media_type": self.media_type,
            "etag": self.etag,
            "last_modified": self.last_modified,
            "user_metadata": dict(self.user_metadata),
        }


@dataclasses.dataclass(frozen=True)
class TableLocation:
    """Where a catalogue table is, in the words of a table library.

    Parameters
    ----------
    uri : str
        A plain path, or ``s3://bucket/_catalog/name``.
    options : Mapping[str, Secret or str]
        Storage options by their AWS names; keys to the store are kept as `Secret`.
    """

    uri: str
    options: Mapping[str, Secret | str]

    def reveal_options(self) -> dict[str, str]:
        """Return the options in plain text, to be handed on at once and never kept."""
        return {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in self.options.items()
        }


@runtime_checkable
class ObjectStorage(Protocol):
    """Bytes by key: the promises that every store keeps.

    Every method raises `InvalidInputError` for a key or bucket name outside the rules of
    `check_key` and `check_bucket`, `AccessDeniedError` when the store refuses, and
    `StorageUnavailableError` when it gives no usable answer; an outage is never reported as
    "not there". All methods may be called from many threads, and many processes may use one
    store.
    """

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
        """Write `data` under `key` as a whole or not at all, and return the key.

        It returns only when the object can be read back: the server's answer agreed with the
        bytes sent, or the folder's entry is on the disk. Without `create_only` an object that is
        there is replaced: the last writer to finish wins.

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
        content_hash : str, optional
            The SHA-256 of `data` in hex when the caller knows it: it is not computed again, is
            sent as the checksum of the body, and is recorded by stores that keep metadata.

        Raises
        ------
        ConflictError
            `create_only`, and other bytes are there (``kind="already_exists"``).
        NotFoundError
            There is no such bucket (``kind="no_such_bucket"``).
        CorruptionError
            The store reports other bytes than were sent.
        """
        ...

    def download_file(self, bucket: str, key: str) -> bytes:
        """Return the whole body.

        Raises
        ------
        NotFoundError
            Nothing is there, or there is no such bucket.
        """
        ...

    def download_range(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Return bytes `start` to `stop` (excluded), cut at the end of the body as a slice is.

        Raises
        ------
        NotFoundError
            Nothing is there, or there is no such bucket.
        InvalidInputError
            Not ``0 <= start <= stop``.
        """
        ...

    def delete_file(self, bucket: str, key: str) -> bool:
        """Delete the object; False when there was nothing to delete, also without the bucket.

        Of callers at the same moment more than one may hear True.
        """
        ...

    def list_files(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, all of them, in the order of their bytes.

        `prefix` may be empty, and may end within a name.

        Raises
        ------
        NotFoundError
            There is no such bucket: an empty list always means an empty answer.
        """
        ...

    def list_objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """Yield what `list_files` lists with sizes and times, page by page.

        Media types and user metadata are not part of a listing.
        """
        ...

    def get_file_metadata(self, bucket: str, key: str) -> dict[str, Any]:
        """Return size_bytes, media_type, etag, last_modified and user_metadata.

        Raises
        ------
        NotFoundError
            Nothing is there, or there is no such bucket.
        """
        ...

    def head(self, bucket: str, key: str) -> StoredObject | None:
        """Return what is known about the object; None when it is surely not there."""
        ...

    def create_bucket(self, bucket: str) -> None:
        """Make the bucket; one that is there is left as it is."""
        ...

    def describe(self) -> str:
        """Return where the store is, for people. Never a secret."""
        ...

    def table_location(self, bucket: str, name: str) -> TableLocation:
        """Return how a table library opens the catalogue table `name` of this bucket."""
        ...


def check_key(key: str) -> str:
    """Return `key` if every store can hold it.

    A key has at most 1,024 bytes in UTF-8 and no control characters; its parts between slashes
    are not empty and neither ``.`` nor ``..``.

    Raises
    ------
    InvalidInputError
        ``kind="key"``.
    """
    if any(part in {"", ".", ".."} for part in key.split("/")):
        raise InvalidInputError(
            f"the key {key!r} has an empty, '.' or '..' part; name an object as in 'a/b/c'",
            kind="key",
        )
    _check_text(key, "key")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` if a key could start with it; it may be empty or end in a slash.

    Raises
    ------
    InvalidInputError
        ``kind="key"``.
    """
    *folders, _last = prefix.split("/")
    if any(part in {"", ".", ".."} for part in folders):
        raise InvalidInputError(f"no key can start with {prefix!r}", kind="key")
    _check_text(prefix, "prefix")
    return prefix


def check_bucket(bucket: str) -> str:
    """Return `bucket` if it is a valid S3 bucket name.

    3 to 63 lower-case letters, digits, hyphens and single dots, starting and ending with a
    letter or digit, not formed like an IP address.

    Raises
    ------
    InvalidInputError
        ``kind="bucket"``.
    """
    if not _BUCKET_NAME.fullmatch(bucket) or _IP_ADDRESS.fullmatch(bucket):
        raise InvalidInputError(
            f"{bucket!r} cannot be a bucket's name; use 3 to 63 of a-z, 0-9 and '-'",
            kind="bucket",
        )
    return bucket


def check_content_hash(content_hash: str) -> str:
    """Return `content_hash` if it is 64 lower-case hex digits.

    Raises
    ------
    InvalidInputError
        ``kind="content_hash"``.
    """
    if not _CONTENT_HASH.fullmatch(content_hash):
        raise InvalidInputError(
            f"{content_hash!r} is no content hash; give 64 lower-case hex digits",
            kind="content_hash",
        )
    return content_hash


def check_media_type(content_type: str) -> str:
    """Return `content_type` if it can stand in a header: ``type/subtype``, plain ASCII.

    Raises
    ------
    InvalidInputError
        ``kind="media_type"``.
    """
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise InvalidInputError(
            f"{content_type!r} is no media type; give one such as 'application/fits'",
            kind="media_type",
        )
    return content_type


def check_range(start: int, stop: int) -> None:
    """Refuse a byte range that is not ``0 <= start <= stop``.

    Raises
    ------
    InvalidInputError
        ``kind="range"``.
    """
    if not 0 <= start <= stop:
        raise InvalidInputError(
            f"bytes {start} to {stop} are no range; give 0 <= start <= stop", kind="range"
        )


def _check_text(text: str, what: str) -> None:
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInputError(f"the {what} {text!r} is not valid Unicode", kind="key") from None
    if size_bytes > _MAX_KEY_BYTES:
        raise InvalidInputError(
            f"the {what} {text[:40]!r}… has {size_bytes} bytes; at most {_MAX_KEY_BYTES} fit",
            kind="key",
        )
    if _CONTROL_CHARACTERS.search(text):
        raise InvalidInputError(f"the {what} {text!r} has control characters", kind="key")
