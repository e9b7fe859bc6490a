"""What there is to choose from, in words, for somebody who asked for what there is not."""

import bisect
import difflib
from collections.abc import Sequence

_SHOWN = 8
_MOST = 2_000  # so many are compared with what was asked for


def spoken(words: Sequence[str]) -> str:
    """Return the words that a condition was given, as a person would say them."""
    return " or ".join(map(repr, words)) or "of an empty list"


def offered(words: Sequence[str], values: Sequence[str]) -> str:
    """Return the values there are, those first that look most like `words`.

    Returns
    -------
    str
        Such as ``"there are: DECam, ZTF"``, ``"none has one"`` where there are none.
    """
    if not values:
        return "none has one"
    shown = _nearest(words, sorted(values))[:_SHOWN]
    more = len(values) - len(shown)
    return f"there are: {', '.join(shown)}{f' and {more} more' if more else ''}"


def nights_offered(words: Sequence[str], values: Sequence[str]) -> str:
    """Return the nights that are nearest to the first that was asked for."""
    nights = sorted(values)
    if len(nights) <= _SHOWN or not words:
        return offered(words, nights)
    place = bisect.bisect(nights, words[0])
    near = nights[max(0, place - 1) : place + 1]
    return f"there are {len(nights)}, from {nights[0]} to {nights[-1]}; nearest: {', '.join(near)}"


def _nearest(words: Sequence[str], values: Sequence[str]) -> list[str]:
    """Return `values`, those first that look most like one of `words`, where they are too many."""
    if len(values) <= _SHOWN:
        return list(values)
    return sorted(values[:_MOST], key=lambda value: -max(_alike(word, value) for word in words))


def _alike(word: str, value: str) -> float:
    return difflib.SequenceMatcher(None, word.lower(), value.lower()).ratio()
