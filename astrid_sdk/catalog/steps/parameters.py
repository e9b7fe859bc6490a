"""Parameters of a step: JSON values, because they are part of a derivation's name."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from astrid_sdk.errors import InvalidInputError

_PLAIN = (str, bool, int, type(None))


def json_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return `parameters` as a step sees them, the first time and every time it is run again.

    Raises
    ------
    InvalidInputError
        One is no JSON value; the message names it.
    """
    for name, value in parameters.items():
        for place, wrong in _wrong(str(name), value):
            raise InvalidInputError(
                f"the parameter {place} is {wrong}, which is no JSON value and cannot be part of "
                "a derivation's name: give numbers, text, lists and mappings of text to these, and "
                "stored content as an input",
                kind="parameter",
            )
    values: dict[str, Any] = json.loads(json.dumps(dict(parameters)))
    return values


def _wrong(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the places in `value` that are no JSON, with what stands there."""
    if isinstance(value, float):
        if not math.isfinite(value):
            yield place, str(value)
    elif isinstance(value, Mapping):
        yield from _wrong_in_mapping(place, value)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _wrong(f"{place}[{number}]", item)
    elif not isinstance(value, _PLAIN):
        yield place, f"of type {type(value).__name__}"


def _wrong_in_mapping(place: str, value: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if not isinstance(name, str):
            yield f"{place}[{name!r}]", f"named by a {type(name).__name__}"
        yield from _wrong(f"{place}[{name!r}]", item)
