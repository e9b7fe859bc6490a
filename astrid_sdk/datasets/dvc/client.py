"""`DVCClient`: folders as dataset versions that stock DVC understands."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from astrid_sdk.datasets.datasets import Datasets
from astrid_sdk.datasets.dvc.choosing import Remotes
from astrid_sdk.datasets.dvc.claims import Claims
from astrid_sdk.datasets.dvc.configuration import Configuration
from astrid_sdk.datasets.dvc.dvc_file import DvcFile, place_beside
from astrid_sdk.datasets.dvc.history import foreign_beside, foreign_to, in_order, versions_of
from astrid_sdk.datasets.dvc.made import Made, Versions
from astrid_sdk.datasets.dvc.names import check_name, is_dvc_hash
from astrid_sdk.datasets.dvc.places import Address, StorePlace
from astrid_sdk.datasets.dvc.pulling import Pulling, check_owner, telling_who_named
from astrid_sdk.datasets.dvc.pushing import push_versions
from astrid_sdk.datasets.dvc.remotes import Pushed
from astrid_sdk.datasets.dvc.tracking import Tracking
from astrid_sdk.datasets.dvc.trees import DvcTree, TreeStore
from astrid_sdk.datasets.dvc.workspace import Workspace
from astrid_sdk.datasets.versions import DATASET_ID, VersionName
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.progress import Progress, shown
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.bulk_items import FileProgress
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.source_files import reading

_LOGGER = logging.getLogger(__name__)


class DVCClient:
    """Folders and files as dataset versions, in the store and as stock DVC sees them.

    The versions are the store's own (`Datasets`): every file by its SHA-256, numbered, immutable.
    DVC is given a view of them: the ``.dvc`` file beside the folder, and its objects in a remote,
    which plain ``dvc pull`` reads and plain ``dvc push`` may add to.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    cas : ContentAddressedStorage
    datasets : Datasets
    seen : SeenContents
        Which contents this machine hashed before.
    remote_url : str, optional
        Where DVC's objects stand unless one says otherwise; ``datasets/dvc`` in the store.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        *,
        cas: ContentAddressedStorage,
        datasets: Datasets,
        seen: SeenContents,
        remote_url: str = "",
    ) -> None:
        self._place = StorePlace.of(storage, bucket)
        url = remote_url or self._place.default_url
        self._remotes = Remotes(storage, bucket, cas, self._place, url)
        self._claims = Claims(storage, bucket)
        self._versions = Versions(datasets, TreeStore(storage, bucket), cas, seen)
        self._tracking = Tracking(cas, self._versions, self._claims)
        self._pulling = Pulling(cas, self._versions, self._claims)

    @override
    def __repr__(self) -> str:
        return f"<DVCClient of {self._remotes.default_url}>"

    def add_dataset(
        self,
        dataset_path: str,
        remote: str = "",
        *,
        dataset_id: str | None = None,
        message: str = "added",
        commit: bool = True,
        save_credentials: bool = False,
        progress: Progress | bool = True,
    ) -> str:
        """Make a folder or file a dataset, and what is in it the first version.

        Parameters
        ----------
        dataset_path : str
            What DVC is to track. Where no repository of DVC is around it, one is made: in the
            root of the git repository, else beside it.
        remote : str
            Where its objects are pushed: the address of a folder or of an ``s3://`` bucket on the
            same server, or the name of a remote in DVC's configuration; "" and other names are
            the store's own.
        dataset_id : str, optional
            What it is called, to continue that dataset or to choose a name; by default the
            folder's name, with a number where somebody has that already.
        message : str, optional
        commit : bool, optional
            Whether git, where the folder is in a repository, commits DVC's files.
        save_credentials : bool, optional
            Write the store's keys into ``.dvc/config.local``, for stock dvc on this machine: only
            its owner can read it, and git does not keep it. Otherwise dvc takes the keys from the
            environment (``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``).
        progress : callable or bool, optional
            Called with files done, files in all, and the file at hand; True shows a bar.

        Returns
        -------
        str
            The dataset's id, such as ``"sn-train"``.

        Raises
        ------
        InvalidInputError
            There is nothing at `dataset_path`, it cannot be a dataset, `remote` cannot be
            reached, or DVC or git refuses; the message says what to do.
        ConflictError
            Its ``.dvc`` file names a dataset that is somebody else's in this store.
        StorageUnavailableError
            The store is away. Calling again goes on.
        """
        path = _existing(dataset_path)
        workspace = Workspace.made_for(path)
        workspace.check_apart(path)
        if workspace.git is not None:
            workspace.git.check_not_tracked(path)
        with workspace.locked():
            configuration = self._configuration(workspace)
            meant = configuration.meant(remote)
            self._remotes.open(meant.address)  # refused now rather than when it is pushed
            named = configuration.add(meant, save_credentials=save_credentials)
            said = self._tracking.owned(workspace, path, dataset_id)
            self._claims.push_to(said.dataset_id, self._shared(named.url))
            said = replace(said, remote="" if named.is_default else named.name)
            with shown(progress, "adding") as tell:
                version = self._tracking.version(
                    workspace, path, said, message, commit=commit, progress=tell
                )
        return version.dataset_id

    def version_dataset(
        self,
        dataset_path: str,
        message: str,
        *,
        commit: bool = True,
        progress: Progress | bool = True,
    ) -> str:
        """Make what is in an added folder or file the next version of its dataset.

        An unchanged folder is no new version. Files that did not change since they were stored
        from this machine are not read, and contents that are stored are not sent again.

        Parameters
        ----------
        dataset_path : str
        message : str
            What is new.
        commit, progress
            As `add_dataset`.

        Returns
        -------
        str
            The version's name, such as ``"sn-train@v2"``.

        Raises
        ------
        InvalidInputError
            It was never added, changed while it was read, or DVC or git refuses.
        ConflictError
            It is somebody else's dataset in this store.
        StorageUnavailableError
            The store is away. Calling again goes on.
        """
        path = _existing(dataset_path)
        workspace = Workspace.around(path)
        said = DvcFile.beside(path)
        if workspace is None or said is None or not said.dataset_id:
            raise InvalidInputError(
                f"{path} is no dataset yet: add it first, with add_dataset", kind="not_added"
            )
        with workspace.locked(), shown(progress, "versioning") as tell:
            owned = self._tracking.owned(workspace, path, None)
            version = self._tracking.version(
                workspace, path, owned, message, commit=commit, progress=tell
            )
        return version.name

    def push_dataset(
        self, dataset_id: str, *, remote: str | None = None, progress: Progress | bool = True
    ) -> None:
        """Bring a dataset to its DVC remote, for plain ``dvc pull``: what is there is not sent.

        Parameters
        ----------
        dataset_id : str
            ``"sn-train"`` for all its versions, ``"sn-train@v2"`` or a tag for one.
        remote : str, optional
            The address of another remote, this once.
        progress : callable or bool, optional

        Raises
        ------
        NotFoundError
            There is no such dataset or version.
        InvalidInputError
            Only DVC itself can reach the remote.
        StorageUnavailableError
            The store is away. Calling again goes on.
        """
        self.pushed(dataset_id, remote=remote, progress=progress)

    def pushed(
        self, dataset_id: str, *, remote: str | None = None, progress: Progress | bool = True
    ) -> Pushed:
        """Do what `push_dataset` does, and return how much was brought there."""
        chosen = self._versions.chosen(dataset_id)
        claim = self._claims.find(chosen[0].dataset_id)
        url = remote if remote is not None else (claim.remote_url if claim else "")
        opened = self._remotes.open(self._address(url, Path.cwd()))
        with shown(progress, "pushing") as tell:
            return push_versions(self._versions, chosen, opened, tell)

    def pull_dataset(
        self,
        dataset_id: str,
        target_path: str,
        *,
        remote: str | None = None,
        force: bool = False,
        progress: Progress | bool = True,
    ) -> None:
        """Make a folder, or a file, exactly what a version holds.

        Files that are right already stay; files that another version of the dataset holds are
        replaced or removed; whatever else is there is never removed. In a repository of DVC the
        ``.dvc`` file beside the target says afterwards what stands there.

        Where that file names what plain DVC made, and no version is asked for, that is pulled, as
        plain ``dvc pull`` does, and a warning in the log says so.

        Parameters
        ----------
        dataset_id : str
            ``"sn-train"`` (the newest version), ``"sn-train@v2"``, ``"sn-train@tag"``, or what
            DVC calls a version (32 hex digits, with ``.dir`` for a folder), also of one that
            plain ``dvc push`` brought to the remote. Such a one is verified by MD5 only, which a
            warning in the log says.
        target_path : str
            The folder; of a dataset that is one file, the file.
        remote : str, optional
            The address of the remote to look for a DVC hash in; by default that of the DVC
            repository around the target, else the store's own.
        force : bool, optional
            Write over files whose bytes no version holds.
        progress : callable or bool, optional

        Raises
        ------
        NotFoundError
            There is no such version, or a content is no longer stored.
        ConflictError
            A file to be written over is in no version (``kind="unsaved"``), or the folder is
            another dataset (``kind="claimed"``). Nothing was changed.
        CorruptionError
            What is stored is not what its name says. It was not handed out.
        InvalidInputError
            Something stands in the way at `target_path`.
        """
        path = _resolved(target_path)
        with shown(progress, "pulling") as tell:
            name, made = self._meant(dataset_id, path)
            workspace = Workspace.around(path)
            if workspace is None:
                self._pull(name, made, path, remote, force=force, progress=tell)
                return
            workspace.check_apart(check_name(path))
            with workspace.locked():
                tree = self._pull(name, made, path, remote, force=force, progress=tell)
                self._pulling.track(tree, made, workspace, path)

    def list_versions(self, dataset_path: str) -> list[dict[str, Any]]:
        """Return the versions of the dataset at a path, oldest first, and of no other.

        Parameters
        ----------
        dataset_path : str
            The folder or file, which need not be there as long as its ``.dvc`` file is; or the
            dataset's id.

        Returns
        -------
        list of dict
            Of each: ``version`` (None for one that plain DVC made), ``name`` (what to pull),
            ``message``, ``created_at`` (aware datetime), ``author``, ``files``, ``size_bytes``,
            ``manifest_hash``, ``dvc_hash``, ``git_revision``, ``parents``.

        Raises
        ------
        InvalidInputError
            Nothing is tracked there.
        """
        path = _resolved(dataset_path)
        said = DvcFile.beside(path) if path.name else None
        dataset_id = said.dataset_id if said else dataset_path
        listed = versions_of(self._versions, dataset_id if DATASET_ID.fullmatch(dataset_id) else "")
        if said is None and not listed:
            raise InvalidInputError(
                f"{path} is no dataset: there is no .dvc file beside it; add it with add_dataset",
                kind="not_added",
            )
        foreign = foreign_to({each.dvc_hash for each in listed}, path, said) if said else []
        return [each.to_dict() for each in in_order([*listed, *foreign])]

    def _meant(self, dataset_id: str, path: Path) -> tuple[str, Made | None]:
        """Return what to pull to `path`: its name, and the version of ours that it is, if any."""
        if is_dvc_hash(dataset_id):
            return dataset_id, self._versions.called(dataset_id)
        version = self._versions.datasets.get(dataset_id)
        check_owner(path, version.dataset_id)
        theirs = foreign_beside(self._versions, VersionName.parse(dataset_id), path)
        if not theirs:
            return dataset_id, self._versions.found(version)
        _LOGGER.warning(
            "%s names %s, which is no version of %s: that is pulled; ask for %s to have the newest",
            place_beside(path).name,
            theirs,
            version.dataset_id,
            version.name,
        )
        return theirs, None

    def _pull(
        self,
        name: str,
        made: Made | None,
        path: Path,
        remote: str | None,
        *,
        force: bool,
        progress: FileProgress | None,
    ) -> DvcTree | None:
        """Write a version of ours, else what the remote has under that name."""
        if made is not None:
            check_owner(path, made.manifest.dataset_id)
            self._pulling.ours(made.manifest, path, force=force, progress=progress)
            return None
        opened = self._remotes.open(self._address(self._near(remote, path), Path.cwd()))
        with telling_who_named(name, path):
            return self._pulling.foreign(name, opened, path, force=force, progress=progress)

    def _near(self, remote: str | None, path: Path) -> str:
        """Return the remote to look in: as told, of the repository around, or the store's own."""
        if remote is not None:
            return remote
        workspace = Workspace.around(path)
        if workspace is None:
            return ""
        said = DvcFile.beside(path)
        return self._configuration(workspace).url_of(said.remote if said else "")

    def _configuration(self, workspace: Workspace) -> Configuration:
        return Configuration(workspace, self._place, self._remotes.default_url)

    def _address(self, url: str, folder: Path) -> Address:
        return self._remotes.address(url, folder)

    def _shared(self, url: str) -> str:
        """Return how a claim tells everybody of a remote: "" for the store's own."""
        return "" if url == self._address("", Path.cwd()).url else url


def _resolved(dataset_path: str) -> Path:
    try:
        return Path(dataset_path).expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as error:  # NUL bytes, loops of links, no home
        raise InvalidInputError(f"{dataset_path!r} is no path: {error}", kind="path") from error


def _existing(dataset_path: str) -> Path:
    path = check_name(_resolved(dataset_path))
    with reading(path):
        path.stat()
    return path
