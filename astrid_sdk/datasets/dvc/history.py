"""The versions of one dataset: ours, and those that plain DVC made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astrid_sdk.datasets.dvc.dvc_file import DvcFile, place_beside
from astrid_sdk.datasets.dvc.git import GitRepository
from astrid_sdk.datasets.dvc.made import DVC_HASH, Versions
from astrid_sdk.datasets.versions import DatasetVersion, VersionName
from astrid_sdk.errors import InvalidInputError

_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version as `DVCClient.list_versions` tells of it.

    Attributes
    ----------
    version : int or None
        None for one that plain DVC made: it can be pulled by its `dvc_hash`.
    name : str
        What to pull.
    message : str
    created_at : datetime or None
    author : str
    files, size_bytes : int or None
    manifest_hash : str or None
    dvc_hash : str or None
        None where nobody has pushed the version yet.
    git_revision : str or None
    parents : tuple of str
    """

    version: int | None
    name: str
    message: str
    created_at: datetime | None
    author: str
    files: int | None
    size_bytes: int | None
    manifest_hash: str | None
    dvc_hash: str | None
    git_revision: str | None
    parents: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as the ticket wants it."""
        return {name: getattr(self, name) for name in self.__slots__}


def versions_of(versions: Versions, dataset_id: str) -> list[ListedVersion]:
    """Return the versions of a dataset that are ours, v1 first."""
    found: Sequence[DatasetVersion] = versions.datasets.list(dataset_id) if dataset_id else ()
    unsaid = [each.manifest_hash for each in found if DVC_HASH not in each.details]
    trees = versions.trees.find_many(unsaid) if unsaid else {}
    hashes = {manifest_hash: tree.dvc_hash for manifest_hash, tree in trees.items()}
    return [
        _ours(each, each.details.get(DVC_HASH) or hashes.get(each.manifest_hash)) for each in found
    ]


def in_order(listed: Sequence[ListedVersion]) -> list[ListedVersion]:
    """Return versions oldest first; those whose time nobody knows come last."""
    return sorted(listed, key=lambda each: each.created_at or _LAST)


def foreign_to(known: set[str | None], path: Path, said: DvcFile | None) -> list[ListedVersion]:
    """Return what DVC tracked at `path` that is none of `known`, in git's history and now."""
    place = place_beside(path)
    git = GitRepository.around(path.parent)
    found: dict[str, ListedVersion] = {}
    if said is not None and said.dvc_hash:
        found[said.dvc_hash] = _foreign(said)
    # the oldest commit that holds it is the one that made it
    for listed in _committed(git, place) if git is not None else ():
        found[listed.name] = listed
    return [listed for name, listed in found.items() if name not in known]


def foreign_beside(versions: Versions, asked: VersionName, path: Path) -> str:
    """Return what the ``.dvc`` file of `path` names, if plain DVC made it; "" otherwise.

    Who asks for a version by its number or tag wants that one, whatever the file says.
    """
    said = DvcFile.beside(path)
    if said is None or asked.number or asked.tag:
        return ""
    known = {each.dvc_hash for each in versions_of(versions, asked.dataset_id)}
    return "" if said.dvc_hash in known else said.dvc_hash


def _committed(git: GitRepository, place: Path) -> Iterator[ListedVersion]:
    for commit in git.history(place):
        try:
            said = DvcFile.parse(commit.content.decode(), f"{place.name} of {commit.revision[:8]}")
        except (InvalidInputError, UnicodeDecodeError):  # what it held then was no dataset
            continue
        if said.dvc_hash:
            yield _foreign(said, commit.message, commit.created_at, commit.author, commit.revision)


def _ours(version: DatasetVersion, dvc_hash: str | None) -> ListedVersion:
    return ListedVersion(
        version.number,
        version.name,
        version.message,
        version.created_at,
        version.author,
        version.files,
        version.size_bytes,
        version.manifest_hash,
        dvc_hash,
        version.git_revision,
        version.parents,
    )


def _foreign(
    said: DvcFile,
    message: str = "",
    created_at: datetime | None = None,
    author: str = "",
    revision: str | None = None,
) -> ListedVersion:
    return ListedVersion(
        None,
        said.dvc_hash,
        message,
        created_at,
        author,
        said.files,
        said.size_bytes,
        None,
        said.dvc_hash,
        revision,
    )
