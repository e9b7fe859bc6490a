"""Which files a person means: a file, a folder, a pattern, or a list of these.

Names are relative to the folder that was given (of a pattern: to its fixed part). What cannot be
looked into is among the files too: trying to read it gives the reason, so that it is named.
"""

import fnmatch
import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.file_names import SUFFIXES, is_fits_name

NamedFile: TypeAlias = tuple[str, Path]
"""A file's name, readable, and where it is."""
Source: TypeAlias = str | os.PathLike[str]
"""A file, a folder, or a pattern."""

_ANY_DEPTH = "**"


class Gathered(list[NamedFile]):
    """Files that are meant, each once.

    Attributes
    ----------
    passed_over : int
        How many files in the folders are not called like FITS files.
    """

    def __init__(self, files: Iterable[NamedFile] = (), passed_over: int = 0) -> None:
        super().__init__(files)
        self.passed_over = passed_over


def gather(sources: Source | Iterable[Source]) -> Gathered:
    """Return the files that `sources` mean, each once.

    Parameters
    ----------
    sources : str or path, or an iterable of these
        Files are taken whatever they are called; in folders and of what a pattern such as
        ``"nights/**/*.fits.gz"`` matches, those that are called like FITS files. What is hidden
        (a leading dot) is passed over.

    Returns
    -------
    Gathered
        A list of (str, Path), in the order of the sources, those of each in the order of their
        names.

    Raises
    ------
    InvalidInputError
        One of the sources leads to no file, or is no path.
    """
    each = list(map(_path, _listed(sources)))
    if not each:
        raise InvalidInputError("there is nothing to ingest: name a file, a folder or a pattern")
    found = [fits_files_below(path) for path in each]
    files = {_absolute(path): (name, path) for part in found for name, path in part}
    return Gathered(files.values(), sum(part.passed_over for part in found))


def _listed(sources: object) -> Iterable[object]:
    if isinstance(sources, Iterable) and not isinstance(sources, str | os.PathLike):
        return sources
    return [sources]


def _path(source: Any) -> Path:
    try:
        return Path(source).expanduser()
    except TypeError:
        raise InvalidInputError(
            f"ingest takes a file, a folder, a pattern, or a list of these, not {source!r}",
            kind="no_path",
        ) from None


def _absolute(path: Path) -> str:
    text = os.fspath(path)
    is_plain = text.startswith("/") and "/.." not in text  # a Path has no other part to take out
    return text if is_plain else os.path.abspath(text)  # noqa: PTH100 - links and all


def fits_files_below(path: Path) -> Gathered:
    """Return name and path of each file that is meant by `path`; see `gather`.

    Raises
    ------
    InvalidInputError
        Nothing is at `path`, or nothing there is called like a FITS file.
    """
    walk = _Walk()
    if path.is_dir():
        found = [(_name(file, path), file) for file in walk.below(path)]
    elif os.path.lexists(path):
        return Gathered([(_name(path, path.parent), path)])
    elif glob.has_magic(os.fspath(path)):
        fixed = _fixed_part(path)
        found = [(_name(file, fixed), file) for file in _matching(path, fixed)]
    else:
        raise InvalidInputError(
            f"there is no file or folder {_shown(path)}: check the path", kind="no_path"
        )
    if not found:
        raise InvalidInputError(
            f"no FITS file in {_shown(path)}: files are recognised by {' '.join(SUFFIXES)}",
            kind="empty_folder",
        )
    return Gathered(sorted(found), walk.passed_over)


@dataclass(slots=True)
class _Walk:
    """Goes through folders, each once: links to folders are followed, and may lead in a circle."""

    entered: set[tuple[int, int]] = field(default_factory=set)
    passed_over: int = 0

    def below(self, folder: Path) -> Iterator[Path]:
        """Yield the files below `folder` that are called like FITS files, and what is closed."""
        waiting: list[str] = [os.fspath(folder)]
        linked: list[str] = []
        while waiting or linked:
            here = (waiting or linked).pop()
            entries = self._entries(here)
            if entries is None:
                yield Path(here)
                continue
            inside = [entry for entry in entries if not entry.name.startswith(".")]
            folders = [entry for entry in inside if _is_folder(entry)]
            waiting += [entry.path for entry in folders if not entry.is_symlink()]
            linked += [entry.path for entry in folders if entry.is_symlink()]
            wanted = [entry for entry in inside if _is_wanted(entry)]
            self.passed_over += len(inside) - len(folders) - len(wanted)
            yield from (Path(entry.path) for entry in wanted)

    def _entries(self, folder: str) -> "list[os.DirEntry[str]] | None":
        """Return what is in `folder`, nothing where it was entered before, None where it is closed.

        A folder that is called like a FITS file and is empty is closed, too: it was meant as one.
        """
        try:
            status = os.stat(folder)  # noqa: PTH116 - there are many, and a Path costs more
            if (status.st_dev, status.st_ino) in self.entered:
                return []
            self.entered.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError:
            return None
        return found if found or not is_fits_name(folder) else None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_wanted(entry: "os.DirEntry[str]") -> bool:
    """Return whether it is a file to take, or a link that leads nowhere; pipes would never end."""
    if not is_fits_name(entry.name):
        return False
    try:
        return entry.is_file() or (entry.is_symlink() and not entry.is_dir())
    except OSError:  # a link to itself
        return True


def _matching(pattern: Path, fixed: Path) -> Iterator[Path]:
    """Yield the files that match, and those in folders that match.

    From ``**`` on the folders are walked here: a walk names what is closed, and ends in circles.
    """
    parts = pattern.relative_to(fixed).parts
    depth = parts.index(_ANY_DEPTH) if _ANY_DEPTH in parts else len(parts)
    rest = parts[depth:]
    walk = _Walk()
    start = fixed.joinpath(*parts[:depth])
    for found in sorted(glob.iglob(os.fspath(start))) if depth else [os.fspath(fixed)]:  # noqa: PTH207
        top = Path(found)
        if top.is_dir():
            below = walk.below(top)
            yield from (path for path in below if _is_match(path.relative_to(top).parts, rest))
        elif not rest and is_fits_name(top.name):
            yield top


def _is_match(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Return whether `pattern` matches the path, or a folder that it is in."""
    if not pattern:
        return True
    if pattern[0] == _ANY_DEPTH:
        return any(_is_match(parts[skipped:], pattern[1:]) for skipped in range(len(parts)))
    first_fits = bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0])
    return first_fits and _is_match(parts[1:], pattern[1:])


def _fixed_part(pattern: Path) -> Path:
    """Return the folder before the first part of `pattern` that has a wildcard."""
    parts = pattern.parts
    magic = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:magic])


def _name(file: Path, folder: Path) -> str:
    """Return the path relative to `folder`, readable."""
    text, above = os.fspath(file), f"{os.fspath(folder)}/"
    if text.startswith(above):
        return _shown(text[len(above) :])
    relative = file.relative_to(folder).as_posix()
    return _shown(relative if relative != "." else file.name)


def _shown(path: Source) -> str:
    """Return a path as text: bytes that are no UTF-8 are replaced."""
    text = os.fspath(path)
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "replace")
