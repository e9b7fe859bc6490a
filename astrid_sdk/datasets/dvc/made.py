"""Versions as the registry has them, with what DVC calls them."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from astrid_sdk.datasets.datasets import Datasets
from astrid_sdk.datasets.dvc.trees import DvcTree, TreeStore
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.versions import DatasetVersion, VersionName
from astrid_sdk.errors import CorruptionError, NotFoundError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.tiers import Tier

DATA = "data"
SINGLE = "single-file"
"""Roles of files: of a folder, and of a dataset that is one file."""
DVC_HASH = "dvc_hash"


@dataclass(frozen=True, slots=True)
class Made:
    """A version: how it was asked for, its manifest's hash, and its manifest."""

    name: str
    manifest_hash: str
    manifest: DatasetManifest


@dataclass(frozen=True)
class Versions:
    """The dataset versions of one store, and their trees.

    Parameters
    ----------
    datasets : Datasets
    trees : TreeStore
    cas : ContentAddressedStorage
    seen : SeenContents
        Knows the MD5 of contents that this machine hashed.
    """

    datasets: Datasets
    trees: TreeStore
    cas: ContentAddressedStorage
    seen: SeenContents = field(repr=False)

    def chosen(self, name: str) -> Sequence[DatasetVersion]:
        """Return the one version that is named, or all of a dataset.

        Raises
        ------
        NotFoundError
            There is none.
        """
        parsed = VersionName.parse(name)
        if parsed.number or parsed.tag:
            return [self.datasets.get(name)]
        return self.datasets.list(parsed.dataset_id) or [self.datasets.get(name)]

    def found(self, version: DatasetVersion) -> "Made":
        """Return a version with its manifest."""
        return Made(version.name, version.manifest_hash, self.datasets.manifest(version))

    def called(self, dvc_hash: str) -> "Made | None":
        """Return a version that DVC calls `dvc_hash`, if one of ours is."""
        for manifest_hash in self.trees.manifests_of(dvc_hash):
            try:
                content = self.cas.retrieve_data(manifest_hash, tier=Tier.DATASETS)
            except NotFoundError:  # its writer was stopped before the version was made
                continue
            return Made(dvc_hash, manifest_hash, DatasetManifest.from_bytes(content))
        return None

    def tree_of(self, made: "Made") -> DvcTree:
        """Return what DVC calls a version; found out by reading its files where nobody has."""
        tree = self.trees.find(made.manifest_hash)
        if tree is None:
            tree = DvcTree(self._md5s(made.manifest), is_folder=is_folder(made.manifest))
            self.trees.keep(made.manifest_hash, tree)
        missing = {file.path for file in made.manifest.files} ^ tree.md5s.keys()
        if missing:
            raise CorruptionError(
                f"what is kept of {made.name} for DVC lists other files than the version, such "
                f"as {min(missing)}: delete the object datasets/dvc-trees/"
                f"{made.manifest_hash}.json and push again"
            )
        return tree

    def contents_of(self, versions: Sequence[DatasetVersion]) -> Collection[str]:
        """Return the hashes of all contents of `versions`."""
        manifests = [self.datasets.manifest(each) for each in versions]
        return {file.content_hash for manifest in manifests for file in manifest.files}

    def _md5s(self, manifest: DatasetManifest) -> dict[str, str]:
        tiers = {file.content_hash: file for file in manifest.files}
        known = self.seen.md5s(tiers)
        read = {each: self._md5(file) for each, file in tiers.items() if each not in known}
        self.seen.remember_md5s(read)
        md5s = known | read
        return {file.path: md5s[file.content_hash] for file in manifest.files}

    def _md5(self, file: DatasetFile) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        for piece in self.cas.retrieve_stream(file.content_hash, tier=file.tier):
            digest.update(piece)
        return digest.hexdigest()


def is_folder(manifest: DatasetManifest) -> bool:
    """Return whether the dataset is a folder, not one file."""
    return [file.role for file in manifest.files] != [SINGLE]
