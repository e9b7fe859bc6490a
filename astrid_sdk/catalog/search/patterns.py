"""Patterns such as ``sn2024*``, as shells have them, for columns of text."""

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.errors import InvalidInputError

_NOTHING = r"[^\x00-\x{10FFFF}]"


def matches_any(texts: pa.ChunkedArray, patterns: Sequence[str]) -> pa.ChunkedArray:
    """Return which of `texts` one of `patterns` describes wholly; case does not matter."""
    together = "|".join(f"(?:{pattern_of(pattern)})" for pattern in patterns) or _NOTHING
    found = pc.match_substring_regex(texts, f"(?is)^(?:{together})$", ignore_case=True)
    return arrow.filled(found, False)


def pattern_of(pattern: str) -> str:
    """Return a shell pattern as a regular expression that Arrow and Python both understand.

    Raises
    ------
    InvalidInputError
        A bracket holds a range that goes backwards.
    """
    expression = "".join(_parts(pattern))
    try:
        re.compile(expression)
    except re.error as error:
        raise InvalidInputError(
            f"the pattern {pattern!r} cannot be used ({error.msg}): write it as sn2024*, frame-?.* "
            "or [ab]*"
        ) from None
    return expression


def _parts(pattern: str) -> Iterator[str]:
    place = 0
    while place < len(pattern):
        here = pattern[place]
        close = pattern.find("]", place + 2) if here == "[" else -1
        if close > 0:
            yield _one_of(pattern[place + 1 : close])
            place = close
        else:
            yield {"*": ".*", "?": "."}.get(here) or re.escape(here)
        place += 1


def _one_of(inside: str) -> str:
    is_not = inside.startswith("!")
    wanted = inside[1:] if is_not else inside
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", wanted)
    return f"[{'^' if is_not else ''}{escaped}]"
