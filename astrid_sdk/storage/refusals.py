"""What a store says when it refuses: the same sentences in every store of this SDK."""

import hashlib
from collections.abc import Sequence

from astrid_sdk.errors import ConflictError, CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.storage.operations import (
    Body,
    CompleteUpload,
    Get,
    Operation,
    PartialUpload,
    Put,
    UploadedPart,
)


def place(store: str, bucket: str, key: str = "") -> str:
    """Return how messages name an object, or a bucket, of the store described as `store`."""
    what = f"bucket {bucket!r} in {store}"
    return f"{key!r} of {what}" if key else what


def no_such_bucket(store: str, bucket: str) -> NotFoundError:
    """Return the error for an operation in a bucket that is not there."""
    return NotFoundError(
        f"there is no bucket {bucket!r} in {store}; make it with create_bucket",
        kind="no_such_bucket",
    )


def not_found(store: str, bucket: str, key: str) -> NotFoundError:
    """Return the error for reading an object that is not there."""
    return NotFoundError(f"{place(store, bucket, key)} is not there; check the key")


def already_exists(store: str, bucket: str, key: str) -> ConflictError:
    """Return the error for creating an object where other bytes are."""
    return ConflictError(
        f"{place(store, bucket, key)} is there already with other bytes; nothing was changed: "
        "read it, then decide",
        kind="already_exists",
    )


def changed(store: str, bucket: str, key: str) -> ConflictError:
    """Return the error for reading or replacing another version than the one named."""
    return ConflictError(
        f"{place(store, bucket, key)} is no longer the version that was named; nothing was "
        "changed: read it again, then decide",
        kind="changed",
    )


def no_such_upload(store: str, upload: PartialUpload) -> NotFoundError:
    """Return the error for an upload that was completed, aborted or never begun."""
    return NotFoundError(
        f"no upload {upload.upload_id!r} of {place(store, upload.bucket, upload.key)} is under "
        "way; begin again",
        kind="no_such_upload",
    )


def wrong_parts(store: str, upload: PartialUpload, why: str) -> InvalidInputError:
    """Return the error for parts that make no object; `why` is what is wrong with them."""
    return InvalidInputError(
        f"the parts of {place(store, upload.bucket, upload.key)} make no object: {why}; send "
        "what is missing, or abort the upload",
        kind="parts",
    )


def unknown_operation(store: str, operation: Operation[object]) -> InvalidInputError:
    """Return the error for an operation that the store was not written for."""
    return InvalidInputError(
        f"{store} does not know how to {operation.verb}; use a newer store", kind="unsupported"
    )


def check_part(store: str, upload: PartialUpload, number: int, data: Body) -> None:
    """Refuse a part that cannot be one of `upload`.

    Raises
    ------
    InvalidInputError
        ``kind="parts"``.
    """
    if number < 1 or not 0 < len(data) <= upload.part_bytes:
        raise wrong_parts(
            store,
            upload,
            f"part {number} has {len(data)} bytes, where parts count from 1 and have 1 to "
            f"{upload.part_bytes}",
        )


def check_order(store: str, upload: PartialUpload, parts: Sequence[UploadedPart]) -> None:
    """Refuse parts that are not 1, 2, 3 and so on, all but the last as long as agreed.

    Raises
    ------
    InvalidInputError
        ``kind="parts"``.
    """
    if not parts or [part.number for part in parts] != list(range(1, len(parts) + 1)):
        raise wrong_parts(store, upload, "their numbers are not 1, 2, 3 and so on")
    if any(part.size_bytes != upload.part_bytes for part in parts[:-1]):
        raise wrong_parts(store, upload, f"one before the last has not {upload.part_bytes} bytes")


def check_arrived(
    store: str,
    upload: PartialUpload,
    parts: Sequence[UploadedPart],
    arrived: Sequence[UploadedPart],
) -> None:
    """Refuse parts that did not arrive as they are named.

    Raises
    ------
    InvalidInputError
        ``kind="parts"``.
    """
    missing = sorted(part.number for part in set(parts) - set(arrived))
    if missing:
        raise wrong_parts(store, upload, f"parts {missing} did not arrive as they are named")


def check_whole(store: str, get: Get, data: Body, recorded: str | None = None) -> None:
    """Refuse to hand out a whole body that has not the hash asked for, or else the recorded one.

    Raises
    ------
    CorruptionError
        The bytes have another SHA-256.
    """
    expected = get.content_hash or recorded
    if expected is None or not get.is_whole or hashlib.sha256(data).hexdigest() == expected:
        return
    raise other_bytes(store, get, expected)


def other_bytes(store: str, get: Get, expected: str) -> CorruptionError:
    """Return the error for a body without the hash it must have; a second look may tell more."""
    return CorruptionError(
        f"the bytes of {place(store, get.bucket, get.key)} are not those of the hash {expected}; "
        "they were not handed out: read again, then restore the object",
        transient=True,
    )


def conflict(store: str, operation: Put | CompleteUpload, key: str) -> ConflictError:
    """Return the error for a condition of `operation` that does not hold."""
    make = already_exists if operation.create_only else changed
    return make(store, operation.bucket, key)
