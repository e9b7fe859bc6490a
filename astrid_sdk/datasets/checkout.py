"""A dataset version in a folder: what is there already stays, what is missing is fetched."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from astrid_sdk.datasets.dvc.walking import counted_below
from astrid_sdk.datasets.fetching import Wanted, fetch
from astrid_sdk.datasets.links import refuse_linked_folders
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.shown import Shown
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.progress import Progress
from astrid_sdk.rendering import human_bytes
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_HASH_DIGITS = 8


class FileState(StrEnum):
    """What became of a file of the folder."""

    FETCHED = "fetched"
    KEPT = "kept"
    SET_ASIDE = "set aside"
    LEFT_OVER = "left over"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file of the folder, and what became of it.

    Attributes
    ----------
    path : str
        In the folder.
    state : FileState
        Fetched or kept: of the version. Set aside: what stood in a file's way and is in no
        version, under its new path. Left over, removed: of another version of the dataset.
    content_hash : str
    size_bytes : int, optional
    """

    path: str
    state: FileState
    content_hash: str
    size_bytes: int | None = None


class Checkout(Shown[CheckedFile]):
    """A version in a folder, file by file.

    Parameters
    ----------
    version : DatasetVersion
    folder : Path
    files : sequence of CheckedFile
    """

    noun: ClassVar[str] = "file"
    head = ("path", "state", "size")

    def __init__(self, files: Sequence[CheckedFile], version: DatasetVersion, folder: Path) -> None:
        super().__init__(files)
        self.version = version
        self.folder = folder

    @property
    def counts(self) -> Mapping[str, int]:
        """How many files there are in each state."""
        return Counter(file.state.value for file in self)

    def of_state(self, state: FileState | str) -> list[str]:
        """Return the paths of the files in one state, such as ``"fetched"``."""
        return [file.path for file in self if file.state == state]

    @override
    def cells(self, value: CheckedFile) -> tuple[str, ...]:
        size = "" if value.size_bytes is None else human_bytes(value.size_bytes)
        return (value.path, value.state.value, size)

    @override
    def row(self, value: CheckedFile) -> Mapping[str, Any]:
        return {**super().row(value), "state": value.state.value}

    @override
    def _part(self, values: Sequence[CheckedFile]) -> "Checkout":
        return Checkout(values, self.version, self.folder)

    @override
    def _counted(self) -> str:
        told = ", ".join(f"{count:,} {state}" for state, count in self.counts.items())
        return f"{self.version.name} in {self.folder}: {told or 'no files'}"


def check_out(
    cas: ContentAddressedStorage,
    version: DatasetVersion,
    manifest: DatasetManifest,
    folder: Path,
    others: Iterable[DatasetManifest],
    *,
    prune: bool = False,
    progress: Progress | None = None,
) -> Checkout:
    """Make the files of `manifest` stand in `folder`, verified; see `Datasets.checkout`.

    Parameters
    ----------
    cas : ContentAddressedStorage
    version : DatasetVersion
    manifest : DatasetManifest
    folder : Path
    others : iterable of DatasetManifest
        Of other versions, read only where a file stands in the way or is none of this one.
    prune : bool
    progress : callable, optional
    """
    root = folder.expanduser()
    _require_folder(root)
    _require_files(root, manifest)
    places = {file.path: root / file.path for file in manifest.files}
    refuse_linked_folders(root, places.values())
    there = {path: at for path, at in places.items() if at.is_file()}
    hashes = cas.hash_files(_of_the_right_size(manifest, there))
    known = _Known(cas, others)
    kept: list[DatasetFile] = []
    wanted: list[DatasetFile] = []
    for file in manifest.files:
        path = there.get(file.path)
        is_there = path is not None and hashes.get(path) == file.content_hash
        (kept if is_there else wanted).append(file)
    in_the_way = {file.path: there[file.path] for file in wanted if file.path in there}
    aside = [*_set_aside(root, in_the_way, known)]
    named = [Wanted(file.content_hash, file.path, file.tier) for file in wanted]
    fetch(cas, named, root, progress, done=len(kept))
    extra = {path: at for path, at in counted_below(root, None).items() if path not in places}
    left = [*_left_over(extra, known, prune=prune)]
    files = [*_checked(wanted, FileState.FETCHED), *_checked(kept, FileState.KEPT), *aside, *left]
    return Checkout(sorted(files, key=lambda file: file.path), version, root)


class _Known:
    """What other versions hold, read as far as it is asked for."""

    def __init__(self, cas: ContentAddressedStorage, others: Iterable[DatasetManifest]) -> None:
        self.cas = cas
        self._others = iter(others)
        self._seen: set[str] = set()
        self._paths: set[str] = set()

    def has_path(self, path: str) -> bool:
        self._read_all()
        return path in self._paths

    def has(self, content_hash: str) -> bool:
        self._read_all()
        return content_hash in self._seen

    def _read_all(self) -> None:
        for manifest in self._others:
            self._seen.update(file.content_hash for file in manifest.files)
            self._paths.update(file.path for file in manifest.files)


def _of_the_right_size(manifest: DatasetManifest, there: Mapping[str, Path]) -> list[Path]:
    """Return the files that may hold what they are to hold: others need not be read."""
    return [
        there[file.path]
        for file in manifest.files
        if file.path in there and file.size_bytes in (None, there[file.path].stat().st_size)
    ]


def _set_aside(root: Path, in_the_way: Mapping[str, Path], known: _Known) -> Iterator[CheckedFile]:
    """Move what no version holds out of the way: nobody else may have those bytes."""
    hashes = known.cas.hash_files(list(in_the_way.values()))
    for at in in_the_way.values():
        content_hash = hashes[at]
        if known.has(content_hash):
            continue
        target = at.with_name(f"{at.name}.aside-{content_hash[:_HASH_DIGITS]}")
        at.rename(target)
        moved = target.relative_to(root).as_posix()
        yield CheckedFile(moved, FileState.SET_ASIDE, content_hash, target.stat().st_size)


def _left_over(extra: Mapping[str, Path], known: _Known, *, prune: bool) -> Iterator[CheckedFile]:
    """Yield what other versions left behind, as it was; removed where that is asked for."""
    suspects = {path: at for path, at in extra.items() if known.has_path(path)}
    hashes = known.cas.hash_files(list(suspects.values()))
    for path, at in suspects.items():
        if known.has(hashes[at]):
            size_bytes = at.stat().st_size
            if prune:
                at.unlink()
            state = FileState.REMOVED if prune else FileState.LEFT_OVER
            yield CheckedFile(path, state, hashes[at], size_bytes)


def _checked(files: Iterable[DatasetFile], state: FileState) -> Iterator[CheckedFile]:
    for file in files:
        yield CheckedFile(file.path, state, file.content_hash, file.size_bytes)


def _require_folder(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"cannot make the folder {root}: {error.strerror}; choose another", kind="no_folder"
        ) from error


def _require_files(root: Path, manifest: DatasetManifest) -> None:
    """Refuse a folder where a file belongs, before anything is written."""
    for file in manifest.files:
        if (root / file.path).is_dir():
            raise InvalidInputError(
                f"{root / file.path} is a folder, and {manifest.dataset_id} has a file there: "
                "check it out into another folder",
                kind="folder_in_the_way",
            )
