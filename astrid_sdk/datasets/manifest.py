"""A dataset version's manifest: which contents, under which paths, with which labels."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from astrid_sdk.canonical import canonical_json
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.formats import read_versioned

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """One content in a dataset.

    Attributes
    ----------
    content_hash : str
    path : str
        Relative, with slashes; unique in the dataset.
    tier : str
        Where the content stands.
    role : str
        Such as ``"detections"`` or ``"triplet"``.
    label : str, optional
    sources : tuple of str
        Raw observations it goes back to.
    """

    content_hash: str
    path: str
    tier: str
    role: str
    label: str | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A night that is not in the dataset, and why."""

    night: str
    reason: str


@dataclass(frozen=True, slots=True)
class DatasetManifest:
    """What a dataset version holds; the same contents give the same bytes.

    Attributes
    ----------
    dataset_id : str
    files : sequence of DatasetFile
        In the order of their paths.
    left_out : sequence of LeftOut
    """

    dataset_id: str
    files: Sequence[DatasetFile]
    left_out: Sequence[LeftOut] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values.

        Raises
        ------
        InvalidInputError
            Two files have one path, or a path leads out of the dataset.
        """
        for file in self.files:
            _check_path(file.path)
        paths = sorted(file.path for file in self.files)
        twice = [path for path, after in pairwise(paths) if path == after]
        if twice:
            raise InvalidInputError(f"two files of {self.dataset_id} have the path {twice[0]}")
        return {
            "format_version": FORMAT_VERSION,
            "dataset_id": self.dataset_id,
            "files": [asdict(file) for file in sorted(self.files, key=lambda file: file.path)],
            "left_out": [asdict(night) for night in self.left_out],
        }

    def to_bytes(self) -> bytes:
        """Return the manifest as canonical JSON."""
        return canonical_json(self.to_json())

    @classmethod
    def from_bytes(cls, content: bytes) -> "DatasetManifest":
        """Return the manifest that `to_bytes` wrote.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        value = read_versioned(content, FORMAT_VERSION, "a dataset manifest")
        files = [
            DatasetFile(**{**file, "sources": tuple(file["sources"])}) for file in value["files"]
        ]
        left_out = [LeftOut(**night) for night in value["left_out"]]
        return cls(value["dataset_id"], tuple(files), tuple(left_out))


def _check_path(path: str) -> None:
    """Refuse a path that would be written elsewhere when the dataset is unpacked."""
    if "\\" in path or any(part in {"", ".", ".."} for part in path.split("/")):
        raise InvalidInputError(
            f"{path!r} is no path in a dataset: give a relative one with slashes, as in 'a/b.fits'",
            kind="path",
        )
