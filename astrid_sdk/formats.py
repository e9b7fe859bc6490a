"""Stored JSON that says its format version."""

import json
from typing import Any

from astrid_sdk.errors import InvalidInputError


def read_versioned(
    content: bytes, version: int, what: str, *, oldest: int | None = None
) -> dict[str, Any]:
    """Return the JSON object in `content`, without its ``format_version``.

    Parameters
    ----------
    content : bytes
    version : int
        The one that this release reads.
    what : str
        What the content is, with its article, for the message.
    oldest : int, optional
        The oldest that this release still reads; `version` by default.

    Raises
    ------
    InvalidInputError
        It is of another version (kind ``format_version``).
    """
    value: dict[str, Any] = json.loads(content)
    if not (oldest or version) <= value.pop("format_version") <= version:
        raise InvalidInputError(
            f"{what} was written by a later release: upgrade astrid-sdk to read it",
            kind="format_version",
        )
    return value
