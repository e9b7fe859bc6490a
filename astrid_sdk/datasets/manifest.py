"""A dataset version's manifest: which contents, under which paths, with which labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from astrid_sdk.canonical import canonical_json
from astrid_sdk.datasets.versions import check_dataset_id, check_path
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.formats import read_versioned
from astrid_sdk.storage.keys import check_content_hash

FORMAT_VERSION = 2  # 1 had neither size nor position; it is read
_OLDEST = 1


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
    size_bytes : int, optional
        None only in manifests of format 1.
    ra_deg, dec_deg : float, optional
        Where on the sky it is, ICRS degrees; None where that is not known.
    """

    content_hash: str
    path: str
    tier: str
    role: str
    label: str | None = None
    sources: tuple[str, ...] = ()
    size_bytes: int | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None


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

    @property
    def size_bytes(self) -> int | None:
        """The bytes of all files together; None where one's size is not known."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values.

        Raises
        ------
        InvalidInputError
            The id is none, two files have one path, a path leads out of the dataset or is a folder
            too, or a content is not named by its hash.
        """
        check_dataset_id(self.dataset_id)
        files = sorted(self.files, key=lambda file: file.path)
        self._check(files)
        return {
            "format_version": FORMAT_VERSION,
            "dataset_id": self.dataset_id,
            "files": [{name: getattr(file, name) for name in _FIELDS} for file in files],
            "left_out": [{"night": night.night, "reason": night.reason} for night in self.left_out],
        }

    def _check(self, files: Sequence[DatasetFile]) -> None:
        paths: set[str] = set()
        for file in files:
            check_content_hash(file.content_hash)
            if check_path(file.path) in paths:
                raise self._clash(f"two files have the path {file.path}")
            paths.add(file.path)
        folders = {folder for path in paths for folder in _folders(path)}
        if both := sorted(paths & folders):
            raise self._clash(f"{both[0]} is a file, and other files lie below it")

    def _clash(self, said: str) -> InvalidInputError:
        return InvalidInputError(
            f"{said}: give each file of {self.dataset_id} its own", kind="path"
        )

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
        value = read_versioned(content, FORMAT_VERSION, "a dataset manifest", oldest=_OLDEST)
        files = [
            DatasetFile(**{**file, "sources": tuple(file["sources"])}) for file in value["files"]
        ]
        left_out = [LeftOut(**night) for night in value["left_out"]]
        return cls(value["dataset_id"], tuple(files), tuple(left_out))


_FIELDS = DatasetFile.__slots__


def _folders(path: str) -> Sequence[str]:
    """Return the folders above a path: ``a`` and ``a/b`` above ``a/b/c``."""
    return list(accumulate(path.split("/")[:-1], lambda above, name: f"{above}/{name}"))
