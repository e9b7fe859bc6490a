"""``r2://bucket/path`` for MLflow itself, where this package is installed.

MLflow finds it by an entry point (`astrid_sdk.models.r2_scheme`). Bytes go through our storage
layer: verified, in parallel, at constant memory, retried at the pace the server can take. The
bucket is entered by ``ASTRID_R2_*``.
"""

import functools
import posixpath
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from typing_extensions import override

from astrid_sdk.config import StorageConfig
from astrid_sdk.models.artifact_files import StoreFiles
from astrid_sdk.models.recorded_hashes import FileHash, record
from astrid_sdk.sky.file_names import media_type_of
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.hashing import hash_file
from astrid_sdk.storage.r2_client import R2StorageClient


class StoreArtifactRepository(ArtifactRepository):  # type: ignore[misc]  # MLflow's has no types
    """Artifacts below one ``r2://`` URI.

    Parameters
    ----------
    artifact_uri : str
    tracking_uri, registry_uri : str, optional
        As MLflow gives them.
    storage : ObjectStorage, optional
        The store; by default the one that ``ASTRID_R2_*`` names.
    """

    def __init__(
        self,
        artifact_uri: str,
        tracking_uri: str | None = None,
        registry_uri: str | None = None,
        storage: ObjectStorage | None = None,
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        parts = urlsplit(artifact_uri)
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        self._storage = storage or _storage_of_environment()

    @override
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        path = posixpath.join(artifact_path or "", Path(local_file).name)
        record(self._files, [self._upload(Path(local_file), path)])

    @override
    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        folder = Path(local_dir)
        found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        names = [path.relative_to(folder).as_posix() for path in found]
        paths = [posixpath.join(artifact_path or "", name) for name in names]
        with ThreadPoolExecutor(self._storage.most_at_once) as pool:
            hashes = list(pool.map(self._upload, found, paths))
        if hashes:
            record(self._files, hashes)

    @override
    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what is directly below `path`: files and folders."""
        above = f"{path.rstrip('/')}/" if path else ""
        found: dict[str, FileInfo] = {}
        for file in self._files.listed(above.rstrip("/")):
            name, deeper, _ = file.path.removeprefix(above).partition("/")
            if file.path != (path or "").rstrip("/"):
                size_bytes = None if deeper else file.size_bytes
                found[name] = FileInfo(above + name, bool(deeper), size_bytes)
        return [found[name] for name in sorted(found)]

    @override
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        listed = self._files.listed((artifact_path or "").strip("/"))
        self._files.delete([file.path for file in listed])

    @override
    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        self._files.save(remote_file_path, Path(local_path), None)

    def _upload(self, local: Path, path: str) -> FileHash:
        digests, _ = hash_file(local)
        key = "/".join(filter(None, (self._prefix, path)))
        self._storage.upload_source(
            self._bucket, key, local, media_type_of(local.name), content_hash=digests.content_hash
        )
        return FileHash(path, digests.content_hash, digests.size_bytes)

    @property
    def _files(self) -> StoreFiles:
        return StoreFiles(self._storage, self._bucket, self._prefix, self.artifact_uri)


@functools.cache
def _storage_of_environment() -> ObjectStorage:
    """Return the store, one for all URIs of this process."""
    return R2StorageClient(StorageConfig.from_environment())
