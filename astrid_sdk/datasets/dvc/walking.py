"""Which files a dataset's folder has, as DVC counts them."""

import os
from collections.abc import Iterator
from pathlib import Path

from astrid_sdk.datasets.dvc.border import dvc_calls
from astrid_sdk.datasets.dvc.names import IGNORE_FILE, check_inside
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.source_files import reading

_LEFT_OUT = {".dvc", ".git", ".hg"}


def files_of(path: Path, root: Path) -> list[tuple[str, Path]]:
    """Return name and path of each file below the folder `path`, by name.

    As for ``dvc add``: links to files count as files, links to folders and empty folders do not
    count, and what a ``.dvcignore`` of the repository at `root` names is left out.

    Raises
    ------
    InvalidInputError
        A folder cannot be read, or a file has a name that not every store can hold.
    """
    with reading(path):
        walked = list(_as_dvc_walks(path, root) if _is_told(path, root) else _walked(path))
    start = len(str(path)) + 1
    named = [f"{folder[start:]}/{name}".lstrip("/") for folder, names in walked for name in names]
    return [(check_inside(name), path / name) for name in sorted(named)]


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
        for folder, _, names in ignore.walk(localfs, str(path)):
            yield folder, list(names)
