"""Writes on their way into the outbox: whole ones, and large ones that come in parts."""

import dataclasses
import os
import secrets
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from astrid_sdk.errors import InvalidInputError, StorageUnavailableError
from astrid_sdk.storage import refusals
from astrid_sdk.storage.local_files import closing, write_at
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    Operation,
    PartialUpload,
    Put,
    UploadedPart,
    UploadPart,
    Written,
)
from astrid_sdk.storage.outbox import Draft, Outbox, told_of_disk
from astrid_sdk.storage.read_cache import hash_named_by

_STARTS: Final = "spooled-"
_HERE: Final = "the outbox of this machine"


def may_wait(put: Put) -> bool:
    """Return whether a write means the same later: no condition, or its key names its hash."""
    if put.replace_etag is not None:
        return False
    return not put.create_only or hash_named_by(put.key) is not None


@dataclasses.dataclass(slots=True)
class _Upload:
    begin: BeginUpload
    body: Path
    parts: dict[int, UploadedPart] = dataclasses.field(default_factory=dict)


class Spool:
    """Takes writes for an outbox, after looking that they may wait.

    Parameters
    ----------
    outbox : Outbox
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lock = threading.Lock()
        self._uploads: dict[str, _Upload] = {}

    def queue(self, put: Put) -> Written:
        """Let a whole write wait.

        Raises
        ------
        InvalidInputError
            The bytes are not those of the hash that was given, or that the key names.
        StorageUnavailableError
            The disk of this machine takes no more either.
        """
        with told_of_disk():
            return self._queue(put, self._outbox.draft([put.data]))

    def has(self, operation: Operation[Any]) -> bool:
        """Return whether an operation is about an upload that was begun here."""
        return isinstance(
            operation, UploadPart | CompleteUpload | AbortUpload
        ) and operation.upload.upload_id.startswith(_STARTS)

    def begin(self, begin: BeginUpload) -> PartialUpload:
        """Begin a large upload into the outbox."""
        upload_id = _STARTS + secrets.token_hex(16)
        with told_of_disk():
            body = self._outbox.new_body()
        with self._lock:
            self._uploads[upload_id] = _Upload(begin, body)
        return PartialUpload(
            begin.bucket, begin.key, upload_id, begin.part_bytes, datetime.now(UTC)
        )

    def perform(self, operation: Operation[Any]) -> Any:
        """Carry out what `has` says is about an upload that was begun here."""
        if isinstance(operation, UploadPart):
            return self._take(operation)
        if isinstance(operation, CompleteUpload):
            return self._complete(operation)
        assert isinstance(operation, AbortUpload)  # noqa: S101 - `has` lets no other pass
        return self._abort(operation.upload)

    def _take(self, part: UploadPart) -> UploadedPart:
        upload = self._known(part.upload)
        refusals.check_part(_HERE, part.upload, part.number, part.data)
        with told_of_disk(), closing(os.open(upload.body, os.O_WRONLY)) as descriptor:
            write_at(descriptor, part.data, (part.number - 1) * part.upload.part_bytes)
        taken = UploadedPart(part.number, secrets.token_hex(16), part.sent_bytes)
        with self._lock:
            upload.parts[part.number] = taken
        return taken

    def _complete(self, complete: CompleteUpload) -> Written:
        upload = self._known(complete.upload)
        refusals.check_order(_HERE, complete.upload, complete.parts)
        refusals.check_arrived(_HERE, complete.upload, complete.parts, [*upload.parts.values()])
        put = Put(
            bucket=complete.bucket,
            key=complete.upload.key,
            data=b"",
            content_type=upload.begin.content_type,
            create_only=complete.create_only,
            replace_etag=complete.replace_etag,
            content_hash=complete.content_hash or upload.begin.content_hash,
            user_metadata=upload.begin.user_metadata,
        )
        if not may_wait(put):
            raise StorageUnavailableError(
                f"the store is away, and a write of {put.key!r} on a condition cannot wait: "
                "nothing was written; try again when it is back"
            )
        with told_of_disk():
            os.truncate(upload.body, sum(part.size_bytes for part in complete.parts))
            written = self._queue(put, self._outbox.finish(upload.body))
        with self._lock:
            del self._uploads[complete.upload.upload_id]
        return written

    def _abort(self, upload: PartialUpload) -> bool:
        with self._lock:
            known = self._uploads.pop(upload.upload_id, None)
        if known is None:
            return False
        known.body.unlink(missing_ok=True)
        return True

    def _known(self, upload: PartialUpload) -> _Upload:
        with self._lock:
            known = self._uploads.get(upload.upload_id)
        if known is None:
            raise refusals.no_such_upload(_HERE, upload)
        return known

    def _queue(self, put: Put, draft: Draft) -> Written:
        expected = {put.content_hash or draft.content_hash, draft.content_hash}
        if put.create_only:
            expected.add(str(hash_named_by(put.key)))
        if expected != {draft.content_hash}:
            draft.body.unlink(missing_ok=True)
            raise InvalidInputError(
                f"the bytes for {put.key!r} have the hash {draft.content_hash}, which is not the "
                "one they were said to have; nothing was written: check the source",
                kind="content_hash",
            )
        self._outbox.queue(put, draft)
        return Written(put.key, None, is_spooled=True)
