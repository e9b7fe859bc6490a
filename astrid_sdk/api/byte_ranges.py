"""The ``Range`` header (RFC 9110, section 14): which part of a content is asked for."""

import re
from typing import Final, NamedTuple

_ONE = re.compile(r"bytes[ \t]*=[ \t]*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?"[^"]*"')
ANY: Final = "*"


class Part(NamedTuple):
    """Bytes from `start` to `stop`, the latter excluded."""

    start: int
    stop: int


class Unsatisfiable(NamedTuple):
    """A range that begins behind the last byte."""

    size_bytes: int


def part_of(header: str | None, size_bytes: int) -> Part | Unsatisfiable | None:
    """Return the part that is asked for, or None where the whole is to be sent.

    What cannot be read is ignored, as the standard says; so are several ranges at once, which a
    server may answer with the whole.
    """
    found = _ONE.fullmatch((header or "").strip())
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(int(suffix), size_bytes)
        return Part(size_bytes - length, size_bytes) if length else Unsatisfiable(size_bytes)
    start = int(first)
    stop = min(int(last) + 1, size_bytes) if last else size_bytes
    if last and int(last) < start:
        return None  # no range at all: ignored
    return Part(start, stop) if start < size_bytes else Unsatisfiable(size_bytes)


def is_tagged(header: str | None, etag: str) -> bool:
    """Return whether an ``If-None-Match`` header names `etag`, compared weakly."""
    if header is None:
        return False
    tags = {tag.removeprefix("W/") for tag in _TAG.findall(header)}
    return header.strip() == ANY or etag in tags


def is_same(header: str | None, etag: str) -> bool:
    """Return whether a ``Range`` counts under this ``If-Range``: only for exactly that content."""
    return header is None or header.strip() == etag
