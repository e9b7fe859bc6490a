"""Versions into a remote of DVC."""

from collections.abc import Sequence

from astrid_sdk.datasets.dvc.made import Versions
from astrid_sdk.datasets.dvc.remotes import Content, Pushed, Remote
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.storage.bulk_items import FileProgress


def push_versions(
    versions: Versions,
    chosen: Sequence[DatasetVersion],
    remote: Remote,
    progress: FileProgress | None,
) -> Pushed:
    """Bring what the remote lacks of some versions there; see `Remote.push`."""
    contents: dict[str, Content] = {}
    listings: dict[str, bytes] = {}
    for version in chosen:
        made = versions.found(version)
        tree = versions.tree_of(made)
        for file in made.manifest.files:
            md5 = tree.md5s[file.path]
            contents[md5] = Content(md5, file.content_hash, file.tier, _size_of(versions, file))
        if tree.is_folder:
            listings[tree.dvc_hash] = tree.content
    return remote.push(contents.values(), listings, progress)


def _size_of(versions: Versions, file: DatasetFile) -> int:
    """Return a file's size; manifests of an early release did not hold it."""
    if file.size_bytes is not None:
        return file.size_bytes
    pieces = versions.cas.retrieve_stream(file.content_hash, tier=file.tier)
    return sum(map(len, pieces))
