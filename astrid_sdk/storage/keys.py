"""Which names every store can hold: buckets, keys, prefixes, media types, ranges."""

import re
from collections.abc import Mapping

from astrid_sdk.errors import InvalidInputError

_MAX_KEY_BYTES = 1024
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
_BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_CONTENT_HASH = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[!-.0-~]+/[!-~]+( *;[ -~]*)?")


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


_METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_MAX_METADATA_BYTES = 8_000  # R2 takes 8,192 with our own


def check_metadata(user_metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return `user_metadata` if every store that keeps metadata can hold it.

    Raises
    ------
    InvalidInputError
        ``kind="user_metadata"``.
    """
    for name, value in user_metadata.items():
        if not _METADATA_NAME.fullmatch(name):
            raise InvalidInputError(
                f"{name!r} cannot name metadata; use a-z, 0-9 and '-'", kind="user_metadata"
            )
        if _CONTROL_CHARACTERS.search(value):
            raise InvalidInputError(
                f"the metadata {name!r} has control characters", kind="user_metadata"
            )
    size_bytes = sum(len(name) + 4 * len(value) for name, value in user_metadata.items())
    if user_metadata and size_bytes > 4 * _MAX_METADATA_BYTES:
        raise InvalidInputError(
            f"metadata of about {size_bytes} bytes; at most {_MAX_METADATA_BYTES} fit",
            kind="user_metadata",
        )
    return user_metadata
