"""Names that come from people's folders: made into ids, or refused where DVC cannot hold them."""

import re
import unicodedata
from pathlib import Path

from astrid_sdk.datasets.versions import check_dataset_id
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.keys import check_key

_OTHER = re.compile(r"[^a-z0-9._-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REMOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_DVC_HASH = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
_MOST_CHARACTERS = 48
"""Of an id made from a name: room is left for a number, where the id is taken."""
SUFFIX = ".dvc"
IGNORE_FILE = ".dvcignore"


def dataset_id_of(name: str, *, again: int = 1) -> str:
    """Return the dataset id for a folder called `name`; ``sn-train-2`` the second time.

    Letters are brought to a-z where they have such a form; what is left becomes hyphens. Names
    that come to the same id are told apart by who claims it first.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _OTHER.sub("-", plain)[:_MOST_CHARACTERS].strip("._-") or "dataset"
    return check_dataset_id(slug if again == 1 else f"{slug}-{again}")


def check_name(path: Path) -> Path:
    """Return `path` if a ``.dvc`` file and a line of ``.gitignore`` can tell of it.

    Raises
    ------
    InvalidInputError
        It has no name, a name with control characters, or one that is not Unicode
        (``kind="path"``).
    """
    name = path.name
    if not name or _CONTROL.search(name) or not _is_unicode(name) or name.endswith((" ", SUFFIX)):
        raise InvalidInputError(
            f"{name!r} cannot be the name of a dataset: DVC keeps a file of that name and "
            f"{SUFFIX!r} beside it; rename it",
            kind="path",
        )
    return path


def check_inside(name: str) -> str:
    """Return `name`, a path in a dataset with slashes, if every store and every DVC can hold it.

    Raises
    ------
    InvalidInputError
        It has a backslash, control characters, or is not Unicode (``kind="path"``); or it is a
        file of DVC's own.
    """
    if name.endswith(SUFFIX) or name.rpartition("/")[2] == IGNORE_FILE:
        raise InvalidInputError(
            f"{name!r} is a file of DVC's own, which it takes into no dataset: version that part "
            "by itself, or remove the file",
            kind="path",
        )
    if "\\" in name or _CONTROL.search(name) or not _is_unicode(name):
        raise InvalidInputError(
            f"{name!r} cannot be a path in a dataset: no backslashes and control characters, and "
            "Unicode; rename it",
            kind="path",
        )
    return check_key(name)


def check_remote_name(name: str) -> str:
    """Return `name` if it can name a remote of DVC.

    Raises
    ------
    InvalidInputError
        It cannot (``kind="remote"``).
    """
    if not _REMOTE.fullmatch(name):
        raise InvalidInputError(
            f"{name!r} is neither a remote's name (letters, digits, '.', '_', '-') nor an address "
            "such as 's3://bucket/folder' or './folder'",
            kind="remote",
        )
    return name


def is_dvc_hash(text: str) -> bool:
    """Return whether `text` is what DVC calls a file or, with ``.dir``, a folder."""
    return _DVC_HASH.fullmatch(text) is not None


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
