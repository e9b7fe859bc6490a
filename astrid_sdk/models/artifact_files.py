"""Files of one run or one logged model, wherever they are: in our store, or where MLflow has them.

Both kinds keep plain files under MLflow's own layout, so that MLflow without this package shows
and downloads them.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from typing_extensions import override

from astrid_sdk.errors import NotFoundError
from astrid_sdk.models.translating import talking_to
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.hashing import hash_file
from astrid_sdk.storage.operations import Copy

_PIECE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as a listing tells of it; `created_at` is None where nothing keeps times."""

    path: str
    size_bytes: int
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine that is to go there.

    `blob_key` is where the same bytes are in the store already.
    """

    path: Path
    content_hash: str
    size_bytes: int
    blob_key: str


class ArtifactFiles(Protocol):
    """What can be done with the files below one root."""

    uri: str

    def put(self, files: Mapping[str, LocalFile]) -> None:
        """Write files at their paths; a file that is there is replaced."""

    def write(self, path: str, content: bytes) -> None:
        """Write a small file."""

    def listed(self, below: str = "") -> Iterator[ListedFile]:
        """Yield all files below a folder, however deep, or the file that is called so."""

    def save(self, path: str, target: Path, content_hash: str | None) -> None:
        """Write a file to `target` at constant memory.

        Raises
        ------
        NotFoundError
            It is not there.
        CorruptionError
            It may be raised where the bytes have not the hash; the caller tells for sure.
        """

    def delete(self, paths: list[str]) -> None:
        """Delete files."""


class StoreFiles(ArtifactFiles):
    """Files in a bucket of ours, under one prefix."""

    def __init__(self, storage: ObjectStorage, bucket: str, prefix: str, uri: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._prefix = prefix.strip("/")
        self.uri = uri

    @override
    def put(self, files: Mapping[str, LocalFile]) -> None:
        copies = [
            Copy(bucket=self._bucket, key=self._key(path), source_key=file.blob_key)
            for path, file in files.items()
        ]
        for outcome in list(self._storage.perform_many(copies)):
            outcome.value()

    @override
    def write(self, path: str, content: bytes) -> None:
        self._storage.upload_file(
            self._bucket, self._key(path), content, "application/json", create_only=True
        )

    @override
    def listed(self, below: str = "") -> Iterator[ListedFile]:
        start = self._key(below) if below else self._prefix
        for found in self._storage.list_objects(self._bucket, start):
            path = found.key.removeprefix(f"{self._prefix}/")
            if found.key == start or found.key.startswith(f"{start}/"):
                yield ListedFile(path, found.size_bytes, found.last_modified)

    @override
    def save(self, path: str, target: Path, content_hash: str | None) -> None:
        key = self._key(path)
        self._storage.download_to(self._bucket, key, target, content_hash=content_hash)

    @override
    def delete(self, paths: list[str]) -> None:
        self._storage.delete_files(self._bucket, [self._key(path) for path in paths])

    def raw_pieces(self, path: str) -> Iterator[bytes]:
        """Yield the bytes as they are, also damaged ones: to say what is there instead."""
        found = self._storage.head(self._bucket, self._key(path))
        size_bytes = 0 if found is None else found.size_bytes
        for start in range(0, size_bytes, _PIECE_BYTES):
            stop = start + _PIECE_BYTES
            yield self._storage.download_range(self._bucket, self._key(path), start, stop)

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}"


class MlflowFiles(ArtifactFiles):
    """Files that one of MLflow's own repositories keeps: behind a server, or in another bucket."""

    def __init__(self, repository: Any, uri: str, place: str) -> None:
        self._repository = repository
        self._place = place
        self.uri = uri

    @override
    def put(self, files: Mapping[str, LocalFile]) -> None:
        with talking_to(self._place):
            for path, file in files.items():
                with _called(file.path, path) as local:
                    self._repository.log_artifact(str(local), _folder_of(path))

    @override
    def write(self, path: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="astrid-") as folder, talking_to(self._place):
            local = Path(folder) / Path(path).name
            local.write_bytes(content)
            self._repository.log_artifact(str(local), _folder_of(path))

    @override
    def listed(self, below: str = "") -> Iterator[ListedFile]:
        with talking_to(self._place):
            found = list(self._listed(below))
        yield from found or (self._called(below) if below else ())

    @override
    def save(self, path: str, target: Path, content_hash: str | None) -> None:
        if not self._called(path):
            raise NotFoundError(f"{path} is not among the files at {self.uri}")
        with tempfile.TemporaryDirectory(prefix=".astrid-", dir=target.parent) as folder:
            with talking_to(self._place):
                written = self._repository.download_artifacts(path, folder)
            shutil.move(written, target)

    @override
    def delete(self, paths: list[str]) -> None:
        with talking_to(self._place):
            for path in paths:
                self._repository.delete_artifacts(path)

    def _listed(self, below: str) -> Iterator[ListedFile]:
        for found in self._repository.list_artifacts(below or None):
            if found.is_dir:
                yield from self._listed(found.path)
            else:
                yield ListedFile(found.path, found.file_size or 0)

    def _called(self, path: str) -> list[ListedFile]:
        """Return the one file that is called so; MLflow lists folders only."""
        with talking_to(self._place):
            beside = self._repository.list_artifacts(_folder_of(path))
        return [
            ListedFile(found.path, found.file_size or 0)
            for found in beside
            if found.path == path and not found.is_dir
        ]


def local_file(path: Path, blob_key: str = "") -> LocalFile:
    """Return a file on this machine with its hash."""
    digests, _ = hash_file(path)
    return LocalFile(path, digests.content_hash, digests.size_bytes, blob_key)


@contextmanager
def _called(local: Path, path: str) -> Iterator[Path]:
    """Give the file under the name it is to have: MLflow takes that of the local file."""
    name = path.rpartition("/")[2]
    if local.name == name:
        yield local
        return
    with tempfile.TemporaryDirectory(prefix="astrid-") as folder:
        link = Path(folder) / name
        link.symlink_to(local.absolute())
        yield link


def _folder_of(path: str) -> str | None:
    return path.rpartition("/")[0] or None
