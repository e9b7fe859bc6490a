"""A folder of the user's becomes the next version of its dataset."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from astrid_sdk.datasets.dvc.dvc_file import DvcFile, place_beside, write_beside
from astrid_sdk.datasets.dvc.made import DATA, DVC_HASH, SINGLE
from astrid_sdk.datasets.dvc.names import check_inside, dataset_id_of
from astrid_sdk.datasets.dvc.trees import DvcTree
from astrid_sdk.datasets.dvc.walking import files_of
from astrid_sdk.datasets.dvc.working import Working
from astrid_sdk.datasets.dvc.workspace import Workspace
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.versions import DatasetVersion, check_dataset_id
from astrid_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.sky.file_names import media_type_of
from astrid_sdk.storage.bulk_items import FileProgress
from astrid_sdk.storage.store_report import StoredFile
from astrid_sdk.tiers import Tier


class Tracking(Working):
    """Makes versions of folders."""

    def owned(self, workspace: Workspace, path: Path, dataset_id: str | None) -> DvcFile:
        """Return whose the folder is, its id claimed; continued where its ``.dvc`` file says so.

        Raises
        ------
        ConflictError
            The dataset of that id is not this folder's (``kind="claimed"``).
        """
        said = DvcFile.beside(path) or DvcFile("")
        wanted = check_dataset_id(dataset_id) if dataset_id else said.dataset_id
        if wanted and wanted == said.dataset_id and said.token:
            if not self.claims.claim(wanted, said.token):
                raise _claimed(path, wanted)
            return said
        token = workspace.token_of(path)
        if wanted:
            claim = self.claims.find(wanted)
            if claim is None:
                self.claims.claim(wanted, token)
                claim = self.claims.find(wanted)
            return replace(said, dataset_id=wanted, token=claim.token if claim else token)
        found = self.claims.first_free(
            lambda number: dataset_id_of(path.name, again=number), token, self._is_in_use
        )
        return replace(said, dataset_id=found, token=token)

    def version(
        self,
        workspace: Workspace,
        path: Path,
        said: DvcFile,
        message: str,
        *,
        commit: bool,
        progress: FileProgress | None,
    ) -> DatasetVersion:
        """Store what is new, say it to DVC and git, and commit the version last."""
        git = workspace.git if commit else None
        if git is not None:
            git.check_can_commit()
            git.check_not_ignored(place_beside(path))
        stored = self._stored(workspace, path, progress)
        is_folder = path.is_dir()
        tree = DvcTree({file.name: file.md5 for file in stored}, is_folder=is_folder)
        size_bytes = sum(file.size_bytes for file in stored)
        write_beside(path, tree, size_bytes, said)
        ignoring = workspace.ignore_data(path)
        revision = None
        if git is not None:
            kept = [place_beside(path), *ignoring, *workspace.own_files]
            git.commit(kept, message)
        if workspace.git is not None:
            revision = workspace.git.last_revision(place_beside(path))
        role = DATA if is_folder else SINGLE
        manifest = DatasetManifest(said.dataset_id, tuple(_file(file, role) for file in stored))
        made = self.versions.datasets.commit(
            manifest, message, git_revision=revision, details={DVC_HASH: tree.dvc_hash}
        )
        self.versions.trees.keep(made.version.manifest_hash, tree)
        return made.version

    def _is_in_use(self, dataset_id: str) -> bool:
        try:
            self.versions.datasets.information(dataset_id)
        except NotFoundError:
            return False
        return True

    def _stored(
        self, workspace: Workspace, path: Path, progress: FileProgress | None
    ) -> Sequence[StoredFile]:
        """Store the files; those that did not change since they were stored are not read.

        Raises
        ------
        AstridError
            One could not be stored: there is no version without it.
        """
        if path.is_dir():
            files = files_of(path, workspace.root)
        else:
            files = [(check_inside(path.name), path)]
        report = self.cas.store_files(
            files, _media_type, tier=Tier.DATASETS, progress=progress, with_md5=True
        )
        for failed in report.failed:
            raise failed.error or InvalidInputError(f"{failed.name}: {failed.reason}")
        if any(file.is_spooled for file in report.stored):
            raise StorageUnavailableError(
                "the store went away: the files wait on this machine, and there is no version "
                "before they are stored; call again when the store answers"
            )
        return report.stored


def _media_type(path: Path) -> str:
    return media_type_of(path.name)


def _file(file: StoredFile, role: str) -> DatasetFile:
    return DatasetFile(
        file.content_hash, file.name, Tier.DATASETS.value, role, size_bytes=file.size_bytes
    )


def _claimed(path: Path, dataset_id: str) -> ConflictError:
    return ConflictError(
        f"{path} says that it is the dataset {dataset_id}, which is somebody else's in this store: "
        "open the store it came from, or add it with dataset_id= and another id",
        kind="claimed",
    )
