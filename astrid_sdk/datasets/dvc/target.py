"""A folder, or a file, that becomes a version: nothing of the user's is lost on the way."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from astrid_sdk.datasets.dvc.names import check_inside
from astrid_sdk.datasets.links import refuse_linked_folders
from astrid_sdk.errors import ConflictError, InvalidInputError
from astrid_sdk.storage.source_files import reading

HashesOf = Callable[[Sequence[Path]], dict[Path, str]]
"""Returns what files are called, by the hash that the version goes by."""
_NAMED = 3
_THREADS = 2


@dataclass(frozen=True)
class Target:
    """What is to be at a place, and what is there.

    Parameters
    ----------
    path : Path
        The folder, or the file where `is_folder` is False.
    wanted : mapping of str to str
        Path in the dataset to content hash, or to MD5.
    is_folder : bool
    hashes_of : callable
    """

    path: Path
    wanted: Mapping[str, str]
    is_folder: bool
    hashes_of: HashesOf

    @property
    def files(self) -> dict[Path, str]:
        """Where each content goes."""
        if not self.is_folder:
            return dict.fromkeys([self.path], next(iter(self.wanted.values())))
        return {self.path / check_inside(name): which for name, which in self.wanted.items()}

    def clear(self, is_kept: Callable[[str], bool], *, force: bool) -> dict[Path, str]:
        """Take away what other versions hold and this one does not; return what is missing.

        Parameters
        ----------
        is_kept : callable
            Whether a content can be had from some version.
        force : bool
            Write over files that nobody else has.

        Raises
        ------
        ConflictError
            A file to be written over is in no version (``kind="unsaved"``). Nothing was changed.
        InvalidInputError
            Something stands in the way.
        """
        files = self.files
        self._check_way(files)
        with reading(self.path):
            links = [path for path in files if path.is_symlink()]
            found = [path for path in files if path.is_file() and not path.is_symlink()]
        there = self.hashes_of(found)
        changed = [path for path in found if there[path] != files[path]]
        unsaved = [*links, *(path for path in changed if not is_kept(there[path]))]
        if unsaved and not force:
            raise _unsaved(self.path, unsaved)
        self._remove_old(set(files), is_kept)
        return {path: which for path, which in files.items() if there.get(path) != which}

    def _check_way(self, files: Mapping[Path, str]) -> None:
        """Refuse to write through links, and over what is no file."""
        if self.is_folder and self.path.exists() and not self.path.is_dir():
            raise _in_the_way(self.path)
        refuse_linked_folders(self.path, files)
        if not self.is_folder and self.path.is_dir():
            raise _in_the_way(self.path)

    def _remove_old(self, wanted: set[Path], is_kept: Callable[[str], bool]) -> None:
        """Remove files that another version holds; whatever else is there stays."""
        if not self.is_folder or not self.path.is_dir():
            return
        with reading(self.path):
            below = [
                Path(folder, name) for folder, _, names in os.walk(self.path) for name in names
            ]
            extra = [
                path
                for path in below
                if path not in wanted and path.is_file() and not path.is_symlink()
            ]
        old = [path for path, which in self.hashes_of(extra).items() if is_kept(which)]
        with reading(self.path):
            for path in old:
                path.unlink()
                self._remove_empty(path.parent)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.path:
            with suppress(OSError):
                folder.rmdir()
            if folder.exists():
                return
            folder = folder.parent


def in_threads(hash_of: Callable[[Path], str], paths: Sequence[Path]) -> dict[Path, str]:
    """Return the hash of each file, some at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(paths, pool.map(hash_of, paths), strict=True))


def _unsaved(path: Path, unsaved: Sequence[Path]) -> ConflictError:
    names = ", ".join(each.name for each in unsaved[:_NAMED])
    more = f" and {len(unsaved) - _NAMED} more" if len(unsaved) > _NAMED else ""
    return ConflictError(
        f"{path} has bytes that no version holds, in {names}{more}: version them first, or pull "
        "with force=True to write over them",
        kind="unsaved",
    )


def _in_the_way(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is in the way: choose another target, or move it", kind="target"
    )
