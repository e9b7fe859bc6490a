"""Datasets and their versions as tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from astrid_sdk.datasets.information import DatasetInformation
from astrid_sdk.datasets.shown import Shown
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.rendering import human_bytes


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A dataset in a list: what is said of it, and its newest version, if any."""

    dataset_id: str
    information: DatasetInformation
    newest: DatasetVersion | None = None


class VersionTable(Shown[DatasetVersion]):
    """The versions of a dataset, v1 first."""

    noun: ClassVar[str] = "version"
    head = ("version", "files", "size", "when", "by", "message")

    @override
    def cells(self, value: DatasetVersion) -> tuple[str, ...]:
        when = f"{value.created_at:%Y-%m-%d %H:%M}"
        count = f"{value.files:,}"
        return (value.name, count, size_of(value), when, value.author, value.message)

    @override
    def row(self, value: DatasetVersion) -> Mapping[str, Any]:
        return {"version": value.name, **super().row(value)}


class DatasetTable(Shown[DatasetSummary]):
    """The datasets of a store, by id."""

    noun: ClassVar[str] = "dataset"
    head = ("dataset", "newest", "files", "size", "when", "description")

    @override
    def cells(self, value: DatasetSummary) -> tuple[str, ...]:
        newest = value.newest
        if newest is None:
            return (value.dataset_id, "no version", "", "", "", value.information.description)
        when = f"{newest.created_at:%Y-%m-%d %H:%M}"
        held = (f"v{newest.number}", f"{newest.files:,}", size_of(newest), when)
        return (value.dataset_id, *held, value.information.description)

    @override
    def row(self, value: DatasetSummary) -> Mapping[str, Any]:
        newest, said = value.newest, value.information
        return {
            "dataset_id": value.dataset_id,
            "newest": newest.number if newest else None,
            "files": newest.files if newest else None,
            "size_bytes": newest.size_bytes if newest else None,
            "created_at": newest.created_at if newest else None,
            "description": said.description,
            "licence": said.licence,
        }


def size_of(version: DatasetVersion) -> str:
    """Return the size of a version for people, "" where it is not known."""
    return "" if version.size_bytes is None else human_bytes(version.size_bytes)
