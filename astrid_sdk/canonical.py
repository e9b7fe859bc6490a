"""Canonical JSON: one text for one value, so that its SHA-256 can name the value."""

import hashlib
import json
from collections.abc import Mapping
from typing import TypeAlias

JsonValue: TypeAlias = (
    "bool | int | float | str | list[JsonValue] | tuple[JsonValue, ...] | "
    "Mapping[str, JsonValue] | None"
)


def canonical_json(value: "JsonValue") -> bytes:
    """Return `value` as JSON bytes: keys sorted, no white space, ASCII, no NaN.

    Raises
    ------
    ValueError
        `value` holds a NaN or an infinity, which JSON cannot say.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def json_hash(value: "JsonValue") -> str:
    """Return the SHA-256 of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))
