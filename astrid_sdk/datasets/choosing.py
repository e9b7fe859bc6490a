"""What a dataset is made of, from whatever people give: folders, searches, samples, hashes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from astrid_sdk import arrow
from astrid_sdk.catalog.models.training_sample import TrainingSample
from astrid_sdk.catalog.search.finding import FoundTable, Query, find
from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.filling import Filled, Filling
from astrid_sdk.datasets.folders import store_folder
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest, LeftOut
from astrid_sdk.datasets.roles import TRIPLET, role_of
from astrid_sdk.datasets.versions import check_path
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.bulk_items import FileProgress
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

Files: TypeAlias = "str | Path | DatasetManifest | Mapping[str, Any] | Iterable[Any] | None"
"""A folder, the rows of a search, files of a dataset, samples, hashes, or paths with hashes."""

_DIGITS = 64
_COLUMNS = ("content_hash", "tier")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a version is to hold: its files, and what is left out."""

    filled: Filled
    left_out: Sequence[LeftOut] = ()


@dataclass(frozen=True, slots=True)
class Choosing:
    """Makes files of a dataset from what people give.

    Parameters
    ----------
    cas : ContentAddressedStorage
    catalog : Catalog
    filling : Filling
    """

    cas: ContentAddressedStorage
    catalog: Catalog
    filling: Filling

    def given(self, files: Files, progress: FileProgress | None = None) -> Chosen:
        """Return the files that are meant.

        Raises
        ------
        InvalidInputError
            It names no contents, or there is no such folder.
        NotFoundError
            A content is not stored.
        """
        if isinstance(files, str | Path):
            return Chosen(self.filling(store_folder(self.cas, self.catalog, Path(files), progress)))
        if isinstance(files, DatasetManifest):
            return Chosen(self.filling(files.files), files.left_out)
        if isinstance(files, Mapping):
            return Chosen(self.filling(_of_mapping(files, self.catalog.resolve)))
        if isinstance(files, FoundTable):
            return Chosen(self.filling(_of_table(files)))
        if not isinstance(files, Iterable):
            raise _unusable(files)
        return Chosen(self.filling([_of_item(each, self.catalog.resolve) for each in files]))

    def again(self, before: DatasetManifest | None) -> Chosen:
        """Return the files of a version, labelled as people say now; without one all triplets.

        What was excluded since is not among them.
        """
        if before is None:
            return Chosen(self._all_labelled())
        told = told_of(self.catalog, {file.content_hash for file in before.files})
        kept = [file for file in before.files if not _is_excluded(told.get(file.content_hash, []))]
        labels = self.filling.labels()
        said = [replace(file, label=labels.get(file.content_hash, file.label)) for file in kept]
        return Chosen(self.filling(said), before.left_out)

    def _all_labelled(self) -> Filled:
        labels = self.filling.labels()
        rows = find(self.catalog, Query(tier=Tier.DETECTIONS)).to_arrow([*_COLUMNS, "role"])
        files = [
            DatasetFile(content_hash, "", tier, TRIPLET)
            for content_hash, tier, role in _columns(rows)
            if content_hash in labels and role_of(role) == TRIPLET
        ]
        if not files:
            raise InvalidInputError(
                "no triplet of the store is labelled yet: label some, or give version() the files "
                "it is to hold",
                kind="no_files",
            )
        return self.filling(files)


def _of_table(rows: FoundTable) -> Iterator[DatasetFile]:
    """Return the contents of a search, without making its rows."""
    for content_hash, tier in _columns(rows.to_arrow(_COLUMNS)):
        yield DatasetFile(content_hash, path="", tier=tier, role="")


def _columns(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(arrow.to_list(column) for column in rows.columns), strict=True)


def _of_mapping(files: Mapping[str, Any], resolve: Callable[[str], str]) -> "Sequence[DatasetFile]":
    return [
        replace(_of_item(content, resolve), path=check_path(path))
        for path, content in files.items()
    ]


def _of_item(item: Any, resolve: Callable[[str], str]) -> DatasetFile:
    if isinstance(item, DatasetFile):
        return item
    if isinstance(item, str):
        return _unsaid(item if len(item) == _DIGITS else resolve(item))
    if isinstance(item, TrainingSample):
        return replace(
            _unsaid(item.content_hash),
            label=item.label,
            sources=item.source_hashes,
            ra_deg=item.ra_deg,
            dec_deg=item.dec_deg,
        )
    content_hash = getattr(item, "content_hash", None)
    if not isinstance(content_hash, str):
        raise _unusable(item)
    return replace(_unsaid(content_hash), tier=str(getattr(item, "tier", "")))


def _unsaid(content_hash: str) -> DatasetFile:
    """Return a file of which only the content is said."""
    return DatasetFile(content_hash, path="", tier="", role="")


def _is_excluded(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row["excluded"] for row in rows)


def _unusable(given: object) -> InvalidInputError:
    return InvalidInputError(
        f"a dataset is not made of {type(given).__name__}: give a folder, rows of find(), training "
        "samples, files of another version, content hashes, or paths with content hashes",
        kind="files",
    )
