"""Versions into folders: ours verified by SHA-256, what only DVC has by MD5."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from astrid_sdk.datasets.dvc.dvc_file import DvcFile, place_beside, write_beside
from astrid_sdk.datasets.dvc.made import Made, Versions, is_folder
from astrid_sdk.datasets.dvc.remotes import Remote
from astrid_sdk.datasets.dvc.target import Target, in_threads
from astrid_sdk.datasets.dvc.trees import DIR, DvcTree
from astrid_sdk.datasets.dvc.working import Working
from astrid_sdk.datasets.dvc.workspace import Workspace
from astrid_sdk.datasets.dvc.writing import md5_of_file
from astrid_sdk.datasets.fetching import Wanted, fetch
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.errors import ConflictError, NotFoundError
from astrid_sdk.storage.bulk_items import FileProgress

_LOGGER = logging.getLogger(__name__)


class Pulling(Working):
    """Writes versions where they are wanted."""

    def ours(
        self,
        manifest: DatasetManifest,
        path: Path,
        *,
        force: bool,
        progress: FileProgress | None,
    ) -> None:
        """Make the folder or file at `path` what the manifest lists."""
        wanted = {file.path: file.content_hash for file in manifest.files}
        target = Target(path, wanted, is_folder(manifest), self.cas.hash_files)
        kept = _Kept(self.versions, manifest)
        missing = target.clear(kept.holds, force=force)
        if target.is_folder:
            path.mkdir(parents=True, exist_ok=True)
        self._retrieve(missing, manifest, target, progress)

    def track(
        self, foreign: DvcTree | None, made: Made | None, workspace: Workspace, path: Path
    ) -> None:
        """Say to DVC and to git's ignore rules what stands at `path` now."""
        said = DvcFile.beside(path) or DvcFile("")
        tree = foreign
        if made is not None:
            dataset_id = made.manifest.dataset_id
            claim = self.claims.find(dataset_id)
            said = replace(said, dataset_id=dataset_id, token=claim.token if claim else "")
            tree = self.versions.tree_of(made)
        if tree is None:
            return
        files = [path / name for name in tree.md5s] if tree.is_folder else [path]
        write_beside(path, tree, sum(file.stat().st_size for file in files), said)
        workspace.ignore_data(path)

    def foreign(
        self,
        dvc_hash: str,
        remote: Remote,
        path: Path,
        *,
        force: bool,
        progress: FileProgress | None,
    ) -> DvcTree:
        """Make the folder or file at `path` what DVC calls `dvc_hash`, from the remote.

        Raises
        ------
        NotFoundError
            The remote does not hold it.
        """
        if dvc_hash.endswith(DIR):
            tree = DvcTree.from_content(remote.read(dvc_hash), dvc_hash)
        else:
            tree = DvcTree({path.name: dvc_hash}, is_folder=False)
        target = Target(path, tree.md5s, tree.is_folder, _md5s_of)
        missing = target.clear(self._md5s_kept(path).__contains__, force=force)
        if target.is_folder:
            path.mkdir(parents=True, exist_ok=True)
        remote.fetch(missing, progress)
        _LOGGER.warning(
            "%s came from %s and is no version of ours: its %d files were verified by MD5 only",
            dvc_hash,
            remote.describe(),
            len(tree.md5s),
        )
        return tree

    def _md5s_kept(self, path: Path) -> set[str]:
        """Return the MD5s of what our versions of the dataset at `path` hold."""
        said = DvcFile.beside(path)
        if said is None or not said.dataset_id:
            return set()
        listed = self.versions.datasets.list(said.dataset_id)
        trees = self.versions.trees.find_many([each.manifest_hash for each in listed])
        return {md5 for tree in trees.values() for md5 in tree.md5s.values()}

    def _retrieve(
        self,
        missing: Mapping[Path, str],
        manifest: DatasetManifest,
        target: Target,
        progress: FileProgress | None,
    ) -> None:
        folder = target.path if target.is_folder else target.path.parent
        tier_of = {file.content_hash: file.tier for file in manifest.files}
        wanted = [
            Wanted(content_hash, path.relative_to(folder).as_posix(), tier_of[content_hash])
            for path, content_hash in missing.items()
        ]
        fetch(self.cas, wanted, folder, progress)


def check_owner(path: Path, dataset_id: str) -> None:
    """Refuse to make the folder of one dataset a version of another.

    Raises
    ------
    ConflictError
        The ``.dvc`` file beside `path` is of another dataset (``kind="claimed"``).
    """
    said = DvcFile.beside(path)
    if said is not None and said.dataset_id not in {"", dataset_id}:
        raise ConflictError(
            f"{path} is where the dataset {said.dataset_id} stands: pull {dataset_id} to another "
            "folder",
            kind="claimed",
        )


@contextmanager
def telling_who_named(dvc_hash: str, path: Path) -> Iterator[None]:
    """Say of a hash that is not found that the ``.dvc`` file of `path` names it, if it does."""
    try:
        yield
    except NotFoundError as error:
        said = DvcFile.beside(path)
        if said is None or said.dvc_hash != dvc_hash:
            raise
        raise error.saying(
            f"{error.message}. {place_beside(path).name} names {dvc_hash}; to have a version of "
            "ours instead, ask for it by its number, such as 'sn-train@v2'"
        ) from error


class _Kept:
    """Which contents can be had again: those of all versions of one dataset."""

    def __init__(self, versions: Versions, manifest: DatasetManifest) -> None:
        self._versions = versions
        self._manifest = manifest
        self._held: set[str] | None = None

    def holds(self, content_hash: str) -> bool:
        """Return whether some version holds the content."""
        if self._held is None:
            listed: Sequence[DatasetFile] = self._manifest.files
            others = self._versions.datasets.list(self._manifest.dataset_id)
            self._held = {file.content_hash for file in listed}
            self._held |= set(self._versions.contents_of(others))
        return content_hash in self._held


def _md5s_of(paths: Sequence[Path]) -> dict[Path, str]:
    return in_threads(md5_of_file, paths)
