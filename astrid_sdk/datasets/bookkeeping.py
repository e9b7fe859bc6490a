"""The book that a store keeps of its datasets: versions, what is said of them, tags."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.choosing import Choosing, Chosen, Files
from astrid_sdk.datasets.filling import Filling
from astrid_sdk.datasets.information import DatasetInformation, InformationBook, required
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.datasets.registry import Committed, DatasetRegistry
from astrid_sdk.datasets.tables import DatasetSummary, DatasetTable, VersionTable
from astrid_sdk.datasets.tags import Tag, Tags, TagTable
from astrid_sdk.datasets.versions import DatasetVersion, VersionName, check_dataset_id
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.progress import Progress, shown
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_LOGGER = logging.getLogger(__name__)


class DatasetBook:
    """What datasets there are: their versions, what is said of them, their tags.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    cas : ContentAddressedStorage
    catalog : Catalog
    derivations : Derivations
    lineages : callable
        Returns the lineage of this store, which names dataset versions in turn.
    labels : callable
        Returns what people said last, by content hash.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        *,
        cas: ContentAddressedStorage,
        catalog: Catalog,
        derivations: Derivations,
        lineages: Callable[[], Lineages],
        labels: Callable[[], Mapping[str, str]],
    ) -> None:
        self._cas = cas
        self._catalog = catalog
        self._derivations = derivations
        self._lineages = lineages
        self._registry = DatasetRegistry(storage, bucket, cas, derivations)
        self._information = InformationBook(storage, bucket)
        self._tags = Tags(storage, bucket)
        self._filling = Filling(catalog, self._raw_behind, labels)
        self._choosing = Choosing(cas, catalog, self._filling)

    def create(
        self,
        dataset_id: str,
        *,
        description: str = "",
        licence: str = "",
        creators: str | Sequence[str] = (),
        how: str = "",
        **details: str,
    ) -> DatasetInformation:
        """Name a new dataset, and say what it is.

        Parameters
        ----------
        dataset_id : str
            1 to 63 of ``a-z 0-9 . _ -``.
        description, how : str
            What it is, and how it is made.
        licence : str
            An SPDX expression such as ``"CC-BY-4.0"``.
        creators : str or sequence of str
            Whom to cite, in order.
        **details : str
            What else there is to say, such as ``survey="ZTF"``.

        Raises
        ------
        ConflictError
            There is one of that id already.
        InvalidInputError
            The id, the licence or a value cannot be one.
        """
        said = {"description": description, "licence": licence, "creators": creators, "how": how}
        return self._information.create(dataset_id, {**said, "details": details})

    def describe(self, dataset_id: str, **changes: Any) -> DatasetInformation:
        """Say something else of a dataset; what was said before is kept, and no longer counts.

        Parameters
        ----------
        dataset_id : str
        **changes
            As `create` takes them; what is not among them stays. None takes a detail out.

        Raises
        ------
        NotFoundError
            There is no such dataset.
        InvalidInputError
            A value cannot be one.
        """
        self.information(dataset_id)
        return self._information.change(dataset_id, changes)

    def information(self, dataset_id: str) -> DatasetInformation:
        """Return what was said of a dataset last.

        Raises
        ------
        NotFoundError
            There is no such dataset.
        """
        said = self._information.last(dataset_id)
        has_versions = not said.number and self._registry.has_versions(dataset_id)
        return required(said, has_versions=has_versions)

    def version(
        self,
        dataset_id: str,
        files: Files = None,
        *,
        message: str = "",
        parents: Sequence[str] | None = None,
        details: Mapping[str, str] | None = None,
        progress: Progress | bool = True,
    ) -> DatasetVersion:
        """Make the next version of a dataset; an unchanged one is no new version.

        Where nothing changed, the newest version is returned with the message it has, and a warning
        in the log says that a new message was not kept.

        Parameters
        ----------
        dataset_id : str
        files : optional
            A folder, whose files are stored, hidden ones too, as DVC counts them; rows of `find`;
            training samples; files of another version; content hashes; or a mapping of path to
            content hash. What the catalogue knows of them is filled in. None is the files of the
            newest version as people label them now, without those that were excluded since; the
            first time, every labelled triplet of the store.
        message : str
            What is new, for whoever chooses a version later.
        parents : sequence of str, optional
            What it was made from, such as ``"sn-train@v1"``; the version before by default.
        details : mapping of str to str, optional
        progress : callable or bool, optional
            Told while a folder is stored; True shows a bar.

        Returns
        -------
        DatasetVersion

        Raises
        ------
        InvalidInputError
            `files` names no contents, nothing is left of them (``kind="no_files"``), a path cannot
            be one, or the id is none.
        NotFoundError
            A content is not stored.
        StorageUnavailableError
            The store is away: a number cannot be promised. Nothing was written.
        """
        self._registry.require_store(dataset_id)
        chosen = self._chosen(dataset_id, files, progress=progress)
        if not chosen.filled.files:
            raise _nothing(dataset_id, files)
        named = None if parents is None else [self.get(parent).name for parent in parents]
        manifest = DatasetManifest(dataset_id, chosen.filled.files, chosen.left_out)
        sources = chosen.filled.unlinked
        made = self._registry.commit(
            manifest, message, parents=named, details=details, sources=sources
        )
        if not made.is_new:
            _say_unchanged(made.version, message)
        return made.version

    def commit(
        self,
        manifest: DatasetManifest,
        message: str,
        *,
        parents: Sequence[str] | None = None,
        git_revision: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Committed:
        """Make `manifest` the newest version of its dataset, unless it is that already.

        What the catalogue knows of the files is filled in; see `DatasetRegistry.commit`.
        """
        self._registry.require_store(manifest.dataset_id)
        filled = self._filling(manifest.files, strictly=False)
        return self._registry.commit(
            replace(manifest, files=filled.files),
            message,
            parents=parents,
            git_revision=git_revision,
            details=details,
            sources=filled.unlinked,
        )

    @overload
    def list(self, dataset_id: str) -> VersionTable: ...

    @overload
    def list(self, dataset_id: None = None) -> DatasetTable: ...

    def list(self, dataset_id: str | None = None) -> VersionTable | DatasetTable:
        """Return the datasets of the store, or the versions of one, v1 first."""
        if dataset_id is not None:
            return VersionTable(self._registry.list(dataset_id))
        said = self._information.all()
        newest = {version.dataset_id: version for version in self._registry.newest()}
        names = sorted(said.keys() | newest.keys())
        return DatasetTable(
            [
                DatasetSummary(name, said.get(name, DatasetInformation(name)), newest.get(name))
                for name in names
            ]
        )

    def get(self, name: str | VersionName | DatasetVersion) -> DatasetVersion:
        """Return a version by its name: ``"sn-train"`` (the newest), ``"sn-train@v2"``, or a tag.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        if isinstance(name, DatasetVersion):
            return name
        parsed = VersionName.parse(name) if isinstance(name, str) else name
        return self._registry.get(self._tags.resolved(parsed))

    def manifest(self, name: str | DatasetVersion, number: int | None = None) -> DatasetManifest:
        """Return what a version holds; see `get` for its name.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        if isinstance(name, str) and number is not None:
            return self._registry.manifest(check_dataset_id(name), number)
        return self._registry.manifest_of(self.get(name))

    def tag(self, name: str | DatasetVersion, tag: str) -> Tag:
        """Give a version a name; the answer says where a tag that moves stood before.

        Raises
        ------
        NotFoundError
            There is no such version.
        InvalidInputError
            `tag` has other characters than a dataset id, or is a version's number.
        """
        return self._tags.give(self.get(name), tag)

    def tags(self, dataset_id: str) -> TagTable:
        """Return the tags of a dataset, by name."""
        return self._tags.list(dataset_id)

    def versions_of(self, manifests: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return which dataset versions each of `manifests` is, such as ``["sn-train v2"]``."""
        return self._registry.versions_of(manifests)

    def _raw_behind(self, contents: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return self._lineages().raw_behind(contents)

    def _chosen(self, dataset_id: str, files: Files, *, progress: Progress | bool) -> Chosen:
        if files is not None:
            with shown(progress, "storing") as tell:
                return self._choosing.given(files, tell)
        versions = self._registry.list(dataset_id)
        return self._choosing.again(self.manifest(versions[-1]) if versions else None)


def _nothing(dataset_id: str, files: Files) -> InvalidInputError:
    why = (
        f"every file of the newest version of {dataset_id} is excluded"
        if files is None
        else "what was given holds no content; a search may have found none"
    )
    return InvalidInputError(f"nothing to version: {why}", kind="no_files")


def _say_unchanged(version: DatasetVersion, message: str) -> None:
    if message in {"", version.message}:
        _LOGGER.info("nothing changed since %s: it stays the newest version", version.name)
        return
    _LOGGER.warning(
        "nothing changed since %s: it stays the newest version, and the message %r is not kept",
        version.name,
        message,
    )
