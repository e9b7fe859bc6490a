"""Named dataset versions: v1, v2, … of a dataset, each an immutable manifest.

A version is committed by its marker ``datasets/versions/<id>/<n>.json`` (format version 1),
created only where nothing stands, after the manifest and its derivation: numbers have no gaps and
are never reused. An unchanged manifest is no new version.
"""

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from astrid_sdk.canonical import JsonValue, canonical_json
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.errors import ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.formats import read_versioned
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import current_author
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
_VERSIONS = f"{Tier.DATASETS.value}/versions/"
_MARKER = re.compile(r"[1-9][0-9]*\.json")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def _write_manifest(_inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    content = canonical_json(parameters["manifest"])
    return Result([Output("manifest", content, "application/json", ".dataset.json")])


MANIFEST_STEP = Step("dataset_manifest", _write_manifest, Tier.DATASETS)


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A committed version of a dataset.

    Attributes
    ----------
    dataset_id : str
    number : int
        1, 2, …
    manifest_hash : str
    message : str
    created_at : datetime
    author : str
    files : int
    """

    dataset_id: str
    number: int
    manifest_hash: str
    message: str
    created_at: datetime
    author: str
    files: int

    @override
    def __str__(self) -> str:
        return f"{self.dataset_id} v{self.number} ({self.files} files)"


@dataclass(frozen=True, slots=True)
class Committed:
    """What versioning a dataset did: the version, and whether its manifest was computed now."""

    version: DatasetVersion
    is_new: bool
    derived_now: bool


class DatasetRegistry:
    """The dataset versions of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    cas : ContentAddressedStorage
    derivations : Derivations
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        cas: ContentAddressedStorage,
        derivations: Derivations,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._cas = cas
        self._derivations = derivations
        self._markers: dict[str, DatasetVersion] = {}  # they never change

    def commit(self, manifest: DatasetManifest, message: str) -> Committed:
        """Make `manifest` the newest version of its dataset, unless it is that already.

        Raises
        ------
        InvalidInputError
            The dataset's id is not 1 to 63 of ``a-z 0-9 . _ -``.
        """
        dataset_id = _checked(manifest.dataset_id)
        made = self._derivations.derive(
            MANIFEST_STEP,
            {"files": sorted({file.content_hash for file in manifest.files})},
            {"manifest": manifest.to_json()},
            name=dataset_id,
        )
        manifest_hash = made.output("manifest").content_hash
        while True:
            versions = self.list(dataset_id)
            if versions and versions[-1].manifest_hash == manifest_hash:
                return Committed(versions[-1], is_new=False, derived_now=not made.reused)
            version = DatasetVersion(
                dataset_id=dataset_id,
                number=versions[-1].number + 1 if versions else 1,
                manifest_hash=manifest_hash,
                message=message,
                created_at=datetime.now(UTC),
                author=current_author(),
                files=len(manifest.files),
            )
            if self._mark(version):
                return Committed(version, is_new=True, derived_now=not made.reused)

    def list(self, dataset_id: str) -> "list[DatasetVersion]":
        """Return the versions of `dataset_id`, v1 first; empty when there are none."""
        prefix = _marker_prefix(_checked(dataset_id))
        keys = [
            key
            for key in self._storage.list_files(self._bucket, prefix)
            if _MARKER.fullmatch(key.removeprefix(prefix))
        ]
        versions = [_read(self._storage.download_file(self._bucket, key)) for key in keys]
        return sorted(versions, key=lambda version: version.number)

    def versions_of(self, manifests: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return which dataset versions each of `manifests` is, such as ``["sn-train v2"]``.

        Parameters
        ----------
        manifests : collection of str
            Content hashes; those that are no version are absent from the answer.
        """
        for key in self._storage.list_files(self._bucket, _VERSIONS):
            dataset_id, _, name = key.removeprefix(_VERSIONS).partition("/")
            if key not in self._markers and _ID.fullmatch(dataset_id) and _MARKER.fullmatch(name):
                self._markers[key] = _read(self._storage.download_file(self._bucket, key))
        found: dict[str, list[str]] = {}
        for version in sorted(self._markers.values(), key=lambda each: each.number):
            if version.manifest_hash in manifests:
                called = f"{version.dataset_id} v{version.number}"
                found.setdefault(version.manifest_hash, []).append(called)
        return found

    def manifest(self, dataset_id: str, number: int | None = None) -> DatasetManifest:
        """Return the manifest of version `number`, the newest by default.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        versions = self.list(dataset_id)
        wanted = [version for version in versions if number in (None, version.number)]
        if not wanted:
            which = "version" if number is None else f"version {number}"
            raise NotFoundError(f"dataset {dataset_id} has no {which}")
        content = self._cas.retrieve_data(wanted[-1].manifest_hash, tier=Tier.DATASETS)
        return DatasetManifest.from_bytes(content)

    def _mark(self, version: DatasetVersion) -> bool:
        """Create the marker; False when another writer took the number."""
        marker: dict[str, JsonValue] = {
            "format_version": FORMAT_VERSION,
            "dataset_id": version.dataset_id,
            "number": version.number,
            "manifest_hash": version.manifest_hash,
            "message": version.message,
            "created_at": version.created_at.isoformat(),
            "author": version.author,
            "files": version.files,
            "nonce": uuid.uuid4().hex,  # two writers never write the same bytes
        }
        key = f"{_marker_prefix(version.dataset_id)}{version.number}.json"
        try:
            self._storage.upload_file(
                self._bucket, key, canonical_json(marker), "application/json", create_only=True
            )
        except ConflictError:
            return False
        return True


def _checked(dataset_id: str) -> str:
    if not _ID.fullmatch(dataset_id):
        raise InvalidInputError(f"{dataset_id!r} is not a dataset id: 1 to 63 of a-z 0-9 . _ -")
    return dataset_id


def _marker_prefix(dataset_id: str) -> str:
    return f"{_VERSIONS}{dataset_id}/"


def _read(content: bytes) -> DatasetVersion:
    value = read_versioned(content, FORMAT_VERSION, "a dataset version")
    del value["nonce"]
    return DatasetVersion(**{**value, "created_at": datetime.fromisoformat(value["created_at"])})
