"""Paths for files that nobody gave one: what the store calls them, told apart by their hash."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.versions import check_path
from astrid_sdk.errors import InvalidInputError

_HASH_DIGITS = 8


def named(files: Sequence[DatasetFile], names: Mapping[str, str]) -> list[tuple[DatasetFile, str]]:
    """Return `files`, each with its path, in their order; a content without one comes once.

    Parameters
    ----------
    files : sequence of DatasetFile
        A path of "" is one that nobody gave.
    names : mapping of str to str
        What the store calls the contents, by hash.
    """
    unnamed = {file.content_hash: file for file in files if not file.path}
    called = {content_hash: _path(content_hash, names) for content_hash in unnamed}
    taken = Counter([*called.values(), *(file.path for file in files if file.path)])
    found: dict[object, tuple[DatasetFile, str]] = {}
    for place, file in enumerate(files):
        if file.path:
            found[place] = (file, file.path)
            continue
        path = called[file.content_hash]
        unique = path if taken[path] == 1 else _told_apart(path, file.content_hash)
        found.setdefault(file.content_hash, (file, unique))
    return list(found.values())


def _path(content_hash: str, names: Mapping[str, str]) -> str:
    name = names.get(content_hash) or content_hash
    try:
        return check_path(name)
    except InvalidInputError:  # files are called anything; a dataset is unpacked anywhere
        return content_hash


def _told_apart(path: str, content_hash: str) -> str:
    """Return the path with some digits before its suffixes: ``a/b@0123abcd.fits.gz``."""
    whole = PurePosixPath(path)
    stem, dot, suffixes = whole.name.partition(".")
    called = f"{stem}@{content_hash[:_HASH_DIGITS]}{dot}{suffixes}"
    return str(whole.with_name(called))
