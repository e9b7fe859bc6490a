"""Which files a dataset's folder has, as DVC counts them."""

import os
from collections.abc import Iterator
from pathlib import Path

from astrid_sdk.datasets.dvc.border import dvc_calls
from astrid_sdk.datasets.dvc.names import IGNORE_FILE, check_inside
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.source_files import reading

_STORE = ".astrid"
"""Where `connect` keeps a store: what it holds is not data, and changes while it is versioned."""
_LEFT_OUT = {".dvc", ".git", ".hg", _STORE}


def files_of(path: Path, root: Path) -> list[tuple[str, Path]]:
    """Return name and path of each file below the folder `path`, if a DVC dataset can hold them.

    Parameters
    ----------
    path : Path
    root : Path
        Of the DVC repository it is in.

    Raises
    ------
    InvalidInputError
        A folder cannot be read, or a file has a name that not every store can hold.
    """
    return [(check_inside(name), at) for name, at in counted_below(path, root).items()]


def counted_below(path: Path, root: Path | None) -> dict[str, Path]:
    """Return the files below the folder `path` that are data, by their paths in it, in order.

    As for ``dvc add``: hidden files and links to files count, links to folders and empty folders
    do not; ``.dvc``, ``.git``, ``.hg`` and what a ``.dvcignore`` of the repository at `root` names
    are left out, and so is ``.astrid``.

    Raises
    ------
    InvalidInputError
        A folder cannot be read.
    """
    is_told = root is not None and _is_told(path, root)
    with reading(path):
        walked = list(_as_dvc_walks(path, root) if root and is_told else _walked(path))
    start = len(str(path)) + 1
    named = [f"{folder[start:]}/{name}".lstrip("/") for folder, names in walked for name in names]
    return {name: path / name for name in sorted(named)}


def _walked(path: Path) -> Iterator[tuple[str, list[str]]]:
    def fail(error: OSError) -> None:
        raise error

    for folder, below, names in os.walk(path, onerror=fail):
        below[:] = [name for name in below if name not in _LEFT_OUT]
        yield folder, [name for name in names if name != ".git"]


def _is_told(path: Path, root: Path) -> bool:
    """Return whether a ``.dvcignore`` above the folder says anything; in it DVC allows none."""
    above = [folder for folder in path.parents if folder == root or root in folder.parents]
    return any(_says_something(folder / IGNORE_FILE) for folder in above)


def _says_something(path: Path) -> bool:
    if not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.strip() and not line.startswith("#") for line in lines)


def _as_dvc_walks(path: Path, root: Path) -> Iterator[tuple[str, list[str]]]:
    with dvc_calls("read .dvcignore"):
        from dvc.fs import localfs  # noqa: PLC0415 - dvc takes a second to import
        from dvc.ignore import DvcIgnoreFilter  # noqa: PLC0415 - as above

        ignore = DvcIgnoreFilter(localfs, str(root))
        if ignore.is_ignored_dir(str(path)):
            raise InvalidInputError(
                f"{path.name!r} is named in .dvcignore, so DVC will not track it; take it out there"
            )
        for folder, below, names in ignore.walk(localfs, str(path)):
            below[:] = [name for name in below if name != _STORE]
            yield folder, list(names)
