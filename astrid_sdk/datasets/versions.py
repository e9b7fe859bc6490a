"""What a dataset version is, and how people name one."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from typing_extensions import override

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.rendering import counted, human_bytes
from astrid_sdk.storage.keys import check_key

DATASET_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NUMBER = re.compile(r"v?([1-9][0-9]*)")
_MESSAGE_WIDTH = 60


@dataclass(frozen=True, slots=True, repr=False)
class DatasetVersion:
    """A committed version of a dataset.

    Attributes
    ----------
    dataset_id : str
    number : int
        1, 2, …
    manifest_hash : str
    message : str
    created_at : datetime
    author : str
    files : int
    size_bytes : int, optional
        Of all files together; None in versions that an earlier release made.
    parents : tuple of str
        What it was made from, such as ``"sn-train@v1"``; the version before it by default.
    git_revision : str, optional
        The commit that holds it, where its folder is in a git repository.
    details : mapping of str to str
        What else people wish to say of the version.
    """

    dataset_id: str
    number: int
    manifest_hash: str
    message: str
    created_at: datetime
    author: str
    files: int
    size_bytes: int | None = None
    parents: tuple[str, ...] = ()
    git_revision: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How to ask for it: ``"sn-train@v2"``."""
        return f"{self.dataset_id}@v{self.number}"

    @override
    def __str__(self) -> str:
        return f"{self.dataset_id} v{self.number} ({counted(self.files, 'file')})"

    @override
    def __repr__(self) -> str:
        size = "" if self.size_bytes is None else human_bytes(self.size_bytes)
        message = textwrap.shorten(self.message, _MESSAGE_WIDTH, placeholder=" …")
        when = f"{self.created_at:%Y-%m-%d %H:%M}"
        said = (counted(self.files, "file"), size, repr(message) if message else "", when)
        return f"<{self.dataset_id} v{self.number}: {', '.join(filter(None, said))}>"


@dataclass(frozen=True, slots=True)
class VersionName:
    """Which version of which dataset is meant.

    Attributes
    ----------
    dataset_id : str
    number : int, optional
    tag : str
        The version that somebody tagged so. Without a number and a tag the newest is meant.
    """

    dataset_id: str
    number: int | None = None
    tag: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sn-train``, ``sn-train@v2``, ``sn-train v2`` or ``sn-train@submitted``.

        Raises
        ------
        InvalidInputError
            It is none of these.
        """
        dataset_id, at, which = text.strip().replace(" ", "@", 1).partition("@")
        check_dataset_id(dataset_id)
        if at and not which:
            raise InvalidInputError(
                f"{text!r} names no version after the @: give {dataset_id!r} for the newest, or "
                f"'{dataset_id}@v1'"
            )
        if number := _NUMBER.fullmatch(which):
            return cls(dataset_id, int(number[1]))
        return cls(dataset_id, tag=check_tag(which) if which else "")


def check_dataset_id(dataset_id: object) -> str:
    """Return `dataset_id` if it is one.

    Raises
    ------
    InvalidInputError
        It is not 1 to 63 of ``a-z 0-9 . _ -``.
    """
    if isinstance(dataset_id, str) and DATASET_ID.fullmatch(dataset_id):
        return dataset_id
    raise InvalidInputError(f"{dataset_id!r} is not a dataset id: 1 to 63 of a-z 0-9 . _ -")


def check_tag(tag: str) -> str:
    """Return `tag` if it can be one.

    Raises
    ------
    InvalidInputError
        It has other characters than a dataset id, or is a version's number.
    """
    if not DATASET_ID.fullmatch(tag) or _NUMBER.fullmatch(tag):
        raise InvalidInputError(
            f"{tag!r} is no tag: 1 to 63 of a-z 0-9 . _ -, and not a version's number"
        )
    return tag


def check_path(path: str) -> str:
    """Return `path` if a file of a dataset can be called so, wherever it is unpacked.

    Raises
    ------
    InvalidInputError
        It leads out of a folder, or has characters that no store and no list of files can hold
        (``kind="path"``).
    """
    try:
        check_key(path)
    except InvalidInputError as error:
        raise _no_path(path) from error
    if "\\" in path:
        raise _no_path(path)
    return path


def _no_path(path: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path!r} is no path in a dataset: give a relative one with slashes, as in 'a/b.fits', "
        "without control characters",
        kind="path",
    )
