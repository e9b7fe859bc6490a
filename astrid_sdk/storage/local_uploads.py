"""Large uploads under way in a folder: one file each, and a journal of the parts that arrived."""

import dataclasses
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from astrid_sdk.errors import NotFoundError
from astrid_sdk.storage import local_files
from astrid_sdk.storage.operations import Body, PartialUpload, UploadedPart
from astrid_sdk.storage.refusals import (
    check_arrived,
    check_order,
    check_part,
    no_such_upload,
    wrong_parts,
)

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_ABOUT, _BODY, _JOURNAL, _LOCK = "about.json", "body", "parts", "lock"


class LocalUploads:
    """The uploads under way in one folder. They survive the process.

    A part is acknowledged when its bytes are on the disk. The journal may lose its last lines in
    a crash of the machine: the part is then missing at the end, and is sent again.

    Parameters
    ----------
    folder : Path
        Made with the first upload.
    store : str
        How messages name the store.
    """

    def __init__(self, folder: Path, store: str) -> None:
        self._folder = folder
        self._store = store

    def begin(self, bucket: str, key: str, part_bytes: int) -> PartialUpload:
        """Begin an upload."""
        upload = PartialUpload(bucket, key, secrets.token_hex(16), part_bytes, datetime.now(UTC))
        folder = self._folder / upload.upload_id
        hidden = self._folder / f".{upload.upload_id}"
        hidden.mkdir(parents=True)
        about = {"bucket": bucket, "key": key, "part_bytes": part_bytes}
        (hidden / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        for name in (_BODY, _JOURNAL):
            (hidden / name).touch()
        hidden.rename(folder)  # from here on it is listed
        return upload

    def write_part(
        self, asked: PartialUpload, number: int, data: Body, content_hash: str | None
    ) -> UploadedPart:
        """Keep a part."""
        with self._held(asked, shared=True) as (upload, folder):
            check_part(self._store, upload, number, data)
            etag = content_hash or hashlib.sha256(data).hexdigest()
            with local_files.closing(self._body(asked, folder)) as body:
                local_files.write_at(body, data, (number - 1) * upload.part_bytes)
                os.fsync(body)
            part = UploadedPart(number, etag, len(data))
            self._note(folder, part)
            return part

    @contextmanager
    def completed(self, asked: PartialUpload, parts: Sequence[UploadedPart]) -> Iterator[Path]:
        """Give the file of the whole body, once nobody writes to it any more.

        The upload is over when the block ends without an error.
        """
        with self._held(asked) as (upload, folder):
            check_order(self._store, upload, parts)
            check_arrived(self._store, upload, parts, _arrived(folder))
            size_bytes = sum(part.size_bytes for part in parts)
            with local_files.closing(self._body(asked, folder)) as body:
                if os.fstat(body).st_size < size_bytes:  # an earlier try was for fewer parts
                    raise wrong_parts(self._store, asked, "the last were given up before")
                os.ftruncate(body, size_bytes)
                local_files.seal(body)
            yield folder / _BODY
            self._clear(folder)

    def abort(self, asked: PartialUpload) -> bool:
        """Give an upload up; False when it was gone."""
        try:
            with self._held(asked) as (_, folder):
                self._clear(folder)
        except NotFoundError:
            return False
        return True

    def listed(self, bucket: str, prefix: str) -> list[PartialUpload]:
        """Return the uploads under way, in the order of their keys."""
        try:
            ids = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        found = [upload for upload_id in ids if (upload := self._read(upload_id)) is not None]
        mine = [one for one in found if one.bucket == bucket and one.key.startswith(prefix)]
        return sorted(mine, key=lambda upload: (upload.key, upload.started_at, upload.upload_id))

    @contextmanager
    def _held(
        self, asked: PartialUpload, *, shared: bool = False
    ) -> Iterator[tuple[PartialUpload, Path]]:
        if self._find(asked) is None:
            raise no_such_upload(self._store, asked)
        folder = self._folder / asked.upload_id
        with ExitStack() as stack:
            with suppress(FileNotFoundError):
                stack.enter_context(local_files.locked(folder / _LOCK, shared=shared))
            upload = self._find(asked)  # it may have ended while this waited
            if upload is None:
                raise no_such_upload(self._store, asked)
            yield upload, folder

    def _body(self, asked: PartialUpload, folder: Path) -> int:
        """Open the body to write, unless it is an object already.

        It is one when the process was killed before it could clear the upload away.
        """
        try:
            body = os.open(folder / _BODY, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise no_such_upload(self._store, asked) from None
        if os.fstat(body).st_nlink == 1:
            return body
        os.close(body)
        raise no_such_upload(self._store, asked)

    def _find(self, asked: PartialUpload) -> PartialUpload | None:
        found = self._read(asked.upload_id)
        is_it = found is not None and (found.bucket, found.key) == (asked.bucket, asked.key)
        return found if is_it else None

    def _read(self, upload_id: str) -> PartialUpload | None:
        if not _UPLOAD_ID.fullmatch(upload_id):
            return None
        path = self._folder / upload_id / _ABOUT
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            began = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None
        return PartialUpload(about["bucket"], about["key"], upload_id, about["part_bytes"], began)

    def _note(self, folder: Path, part: UploadedPart) -> None:
        line = json.dumps(dataclasses.asdict(part)) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
        with local_files.closing(os.open(folder / _JOURNAL, flags)) as journal:
            os.write(journal, line.encode())  # one small write to the end is never torn apart

    def _clear(self, folder: Path) -> None:
        hidden = folder.with_name(f".{folder.name}")
        folder.rename(hidden)  # at once: half an upload is none
        shutil.rmtree(hidden, ignore_errors=True)


def _arrived(folder: Path) -> list[UploadedPart]:
    """Return the parts that arrived; of one that was sent twice, the later."""
    lines = (folder / _JOURNAL).read_text(encoding="utf-8").splitlines()
    parts = [UploadedPart(**json.loads(line)) for line in lines]
    return list({part.number: part for part in parts}.values())
