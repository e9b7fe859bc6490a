"""Single words of a header: text, numbers, comments, angles. What cannot be told is None."""

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

from astrid_sdk.sky.cards import Cards

_SIXTY = 60.0
_SEXAGESIMAL = re.compile(
    r"^([+-]?)\s*(\d{1,3})[:\sdh°]+(\d{1,2})(?:[:\sm']+(\d{1,2}(?:\.\d*)?))?[s\"]?\s*$"
)


class Header(Protocol):
    """What a header is here: our `Cards`, or astropy's ``Header``."""

    @property
    def comments(self) -> Any:
        """Comments by keyword."""

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the value of `key`, or `default`."""

    def __getitem__(self, key: str, /) -> Any: ...

    def __contains__(self, key: Any, /) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...


def text_of(header: Header, *keys: str) -> str | None:
    """Return the first non-blank text under `keys`, trimmed, or None."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def number_of(header: Header, *keys: str) -> float | None:
    """Return the first finite number under `keys`, also where it is written as text, or None."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        try:
            number = float(value)
        except (ValueError, OverflowError):
            continue
        if math.isfinite(number):
            return number
    return None


def present(header: Header, keys: tuple[str, ...]) -> Sequence[str]:
    """Return those of `keys` that `header` has."""
    if isinstance(header, Cards):
        return _among(header.layout, keys)
    return [key for key in keys if key in header]


@lru_cache(maxsize=1024)
def _among(words: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if key in words)


def word_of(header: Header, *keys: str) -> str | None:
    """Return the first text or whole number under `keys`, as text, or None."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def comment_of(header: Header, key: str) -> str:
    """Return the comment of `key` in lower case, empty where there is none."""
    return str(header.comments[key]).lower() if key in header else ""


def degrees_of(value: object, *, hours: bool = False) -> float | None:
    """Return an angle in degrees: a number is degrees, sexagesimal text is hours if `hours`.

    Parameters
    ----------
    value : float or str
        Such as ``31.31``, ``"31.31"``, ``"-64 32 56"`` or ``"16:17:32.640"``.
    hours : bool
        Whether sexagesimal text counts hours, as it does for a right ascension.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return _sexagesimal(str(value), 15.0 if hours else 1.0)
    return number if math.isfinite(number) else None


def _sexagesimal(text: str, unit_deg: float) -> float | None:
    found = _SEXAGESIMAL.match(text.strip())
    if found is None:
        return None
    sign, whole, minutes, seconds = found.groups()
    if max(float(minutes), float(seconds or 0)) >= _SIXTY:
        return None
    value = float(whole) + float(minutes) / 60.0 + float(seconds or 0.0) / 3600.0
    return (-value if sign == "-" else value) * unit_deg
