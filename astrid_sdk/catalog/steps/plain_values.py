"""Plain values: those of which a hash can be told that says what they are."""

import datetime as dt
import enum
import re
import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

import numpy as np

from astrid_sdk.canonical import JsonValue, canonical_json, sha256_hex


def plain(value: Any) -> JsonValue:
    """Return what stands for `value` in a hash: equal values of one type give the same.

    Numbers, text, bytes, times, paths, patterns, members of enumerations, numpy arrays, units
    and quantities are plain, and sequences, sets and mappings of these.

    Raises
    ------
    TypeError
        It is something else; the message says what.
    """
    if value is None or isinstance(value, bool):
        return value
    for kinds, tell in _kinds():
        if isinstance(value, kinds):
            return [type(value).__name__, tell(value)]
    raise TypeError(f"a {type(value).__name__}")


def _array(value: Any) -> JsonValue:
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise TypeError("an array of Python objects")
    digest = sha256_hex(np.ascontiguousarray(array).tobytes())
    return [array.dtype.str, list(array.shape), digest]


def _unordered(values: Any) -> JsonValue:
    return sorted((plain(value) for value in values), key=canonical_json)


def _mapping(value: Mapping[Any, Any]) -> JsonValue:
    return [[plain(name), plain(item)] for name, item in value.items()]


def _kinds() -> Iterator[tuple[Any, Any]]:
    """Yield classes and what tells of their members, the most particular first."""
    yield _ENUM
    units = sys.modules.get("astropy.units")  # whoever has a quantity has imported it
    if units is not None:
        yield units.Quantity, lambda value: [_array(value.value), value.unit.to_string()]
        yield units.UnitBase, lambda value: value.to_string()
    yield from _KINDS


_ENUM: tuple[Any, Any] = (enum.Enum, lambda value: [value.name, plain(value.value)])
_KINDS: tuple[tuple[Any, Any], ...] = (
    ((np.ndarray, np.generic), _array),
    (np.dtype, lambda value: value.str),
    ((str, int, float, complex, range), repr),
    ((bytes, bytearray), lambda value: bytes(value).hex()),
    ((dt.datetime, dt.date, dt.time), lambda value: value.isoformat()),
    (dt.timedelta, lambda value: value.total_seconds()),
    (PurePath, str),
    (re.Pattern, lambda value: [plain(value.pattern), value.flags]),
    ((list, tuple), lambda value: [plain(item) for item in value]),
    (AbstractSet, _unordered),
    (Mapping, _mapping),
)
