"""Named dataset versions: v1, v2, … of a dataset, each an immutable manifest.

A version is committed by its marker ``datasets/versions/<id>/<n>.json`` (format version 2),
created only where nothing stands, after the manifest and its derivation: numbers have no gaps and
are never reused. An unchanged manifest is no new version.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.datasets.history import Histories
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.datasets.manifest_step import MANIFEST, MANIFEST_STEP, MEDIA_TYPE, hashes_of
from astrid_sdk.datasets.markers import marker_of, read_marker
from astrid_sdk.datasets.versions import (
    DATASET_ID,
    DatasetVersion,
    VersionName,
    check_dataset_id,
)
from astrid_sdk.errors import NotFoundError, StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import current_author
from astrid_sdk.tiers import Tier

__all__ = ["MANIFEST_STEP", "Committed", "DatasetRegistry", "DatasetVersion"]

_VERSIONS = f"{Tier.DATASETS.value}/versions/"
_NAMED = 10
_BEFORE: Final = None
"""As parents: the version before."""


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
        self._markers = Histories(storage, bucket, _VERSIONS)
        self._cas = cas
        self._derivations = derivations

    def commit(
        self,
        manifest: DatasetManifest,
        message: str,
        *,
        parents: Sequence[str] | None = _BEFORE,
        git_revision: str | None = None,
        details: Mapping[str, str] | None = None,
        sources: Collection[str] = (),
    ) -> Committed:
        """Make `manifest` the newest version of its dataset, unless it is that already.

        Parameters
        ----------
        manifest : DatasetManifest
        message : str
        parents : sequence of str, optional
            What it was made from, such as ``"sn-train@v1"``; the version before by default.
        git_revision : str, optional
        details : mapping of str to str, optional
        sources : collection of str
            Contents it goes back to that lineage does not find above its files.

        Raises
        ------
        InvalidInputError
            The dataset's id is not 1 to 63 of ``a-z 0-9 . _ -``, or a path is none.
        StorageUnavailableError
            The store is away: a number cannot be promised. Nothing was written.
        """
        dataset_id = check_dataset_id(manifest.dataset_id)
        named = parents if parents is _BEFORE else [_full_name(parent) for parent in parents]
        self.require_store(dataset_id)
        made = self._derived(manifest, sources)
        manifest_hash = made.output(MANIFEST).content_hash
        while True:
            last = self._last(dataset_id)
            if last is not None and last.manifest_hash == manifest_hash:
                return Committed(last, is_new=False, derived_now=not made.reused)
            version = DatasetVersion(
                dataset_id=dataset_id,
                number=last.number + 1 if last else 1,
                manifest_hash=manifest_hash,
                message=message,
                created_at=datetime.now(UTC),
                author=current_author(),
                files=len(manifest.files),
                size_bytes=manifest.size_bytes,
                parents=tuple(([last.name] if last else []) if named is _BEFORE else named),
                git_revision=git_revision,
                details=dict(details or {}),
            )
            if self._markers.create((dataset_id, version.number), marker_of(version)):
                return Committed(version, is_new=True, derived_now=not made.reused)

    def require_store(self, dataset_id: str) -> None:
        """Refuse to begin a version that could not be numbered.

        Raises
        ------
        StorageUnavailableError
            The store is away.
        """
        try:
            self._markers.numbers_of(check_dataset_id(dataset_id))
        except StorageUnavailableError as error:
            raise error.saying(
                f"{dataset_id} gets no version while the store is away, because its number could "
                "not be promised; nothing was written: call again when the store answers "
                f"({error.message})"
            ) from error

    def list(self, dataset_id: str) -> Sequence[DatasetVersion]:
        """Return the versions of `dataset_id`, v1 first; empty when there are none."""
        numbers = self._markers.numbers_of(check_dataset_id(dataset_id))
        return self._read([(dataset_id, number) for number in numbers])

    def newest(self) -> Sequence[DatasetVersion]:
        """Return the newest version of every dataset, by id."""
        numbers = self._markers.numbers()
        names = sorted(name for name in numbers if DATASET_ID.fullmatch(name))
        return self._read([(name, numbers[name][-1]) for name in names])

    def get(self, name: VersionName) -> DatasetVersion:
        """Return the version with this number, the newest where none is named.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        dataset_id = check_dataset_id(name.dataset_id)
        if name.number is not None:
            return self._numbered(dataset_id, name.number)
        last = self._last(dataset_id)
        if last is None:
            raise NotFoundError(f"dataset {dataset_id} has no version{self._those_that_have()}")
        return last

    def has_versions(self, dataset_id: str) -> bool:
        """Return whether there is a version of `dataset_id`; none is read."""
        return bool(self._markers.numbers_of(check_dataset_id(dataset_id)))

    def versions_of(self, manifests: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return which dataset versions each of `manifests` is, such as ``["sn-train v2"]``.

        Parameters
        ----------
        manifests : collection of str
            Content hashes; those that are no version are absent from the answer.
        """
        numbers = self._markers.numbers()
        places = [
            (name, number)
            for name in sorted(numbers)
            if DATASET_ID.fullmatch(name)
            for number in numbers[name]
        ]
        found: dict[str, list[str]] = {}
        for version in sorted(self._read(places), key=lambda each: each.number):
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
        return self.manifest_of(self.get(VersionName(dataset_id, number)))

    def manifest_of(self, version: DatasetVersion) -> DatasetManifest:
        """Return the manifest of a version."""
        content = self._cas.retrieve_data(version.manifest_hash, tier=Tier.DATASETS)
        return DatasetManifest.from_bytes(content)

    def _derived(self, manifest: DatasetManifest, sources: Collection[str]) -> Derivation:
        """Store the manifest, and what ties it to its files."""
        content = manifest.to_bytes()
        self._cas.put_blob(content, MEDIA_TYPE, Tier.DATASETS)
        inputs: dict[str, Any] = {"files": hashes_of(manifest)}
        if sources:
            inputs["sources"] = sorted(sources)
        parameters = {"dataset_id": manifest.dataset_id, "manifest_hash": sha256_hex(content)}
        return self._derivations.derive(MANIFEST_STEP, inputs, parameters, name=manifest.dataset_id)

    def _numbered(self, dataset_id: str, number: int) -> DatasetVersion:
        try:
            return self._read([(dataset_id, number)])[0]
        except NotFoundError as error:
            if error.kind == "no_such_bucket":
                raise
            raise NotFoundError(f"dataset {dataset_id} has no version {number}") from error

    def _those_that_have(self) -> str:
        names = sorted(filter(DATASET_ID.fullmatch, self._markers.numbers()))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"; those that have: {', '.join(names[:_NAMED])}{more}" if names else ""

    def _last(self, dataset_id: str) -> DatasetVersion | None:
        numbers = self._markers.numbers_of(dataset_id)
        return self._read([(dataset_id, numbers[-1])])[0] if numbers else None

    def _read(self, places: Sequence[tuple[str, int]]) -> Sequence[DatasetVersion]:
        contents = self._markers.read(places)
        return [read_marker(*pair) for pair in zip(places, contents, strict=True)]


def _full_name(parent: str) -> str:
    name = VersionName.parse(parent)
    return f"{name.dataset_id}@v{name.number}" if name.number else parent.strip()
