"""Canonical JSON: one text for one value, so that its SHA-256 can name the value."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, overload

from typing_extensions import override

JsonValue: TypeAlias = (
    "bool | int | float | str | list[JsonValue] | tuple[JsonValue, ...] | "
    "Mapping[str, JsonValue] | None"
)


_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical_json(value: "JsonValue") -> bytes:
    """Return `value` as JSON bytes: keys sorted, no white space, ASCII, no NaN.

    Raises
    ------
    ValueError
        `value` holds a NaN or an infinity, which JSON cannot say.
    """
    return _encoded(value).encode("ascii")


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def json_hash(value: "JsonValue") -> str:
    """Return the SHA-256 of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))


class WrittenArray(Sequence[Any]):
    """An array as its canonical JSON: read when somebody looks, and written as it is.

    Parameters
    ----------
    text : str
    """

    __slots__ = ("_items", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._items: list[Any] | None = None

    @property
    def items(self) -> list[Any]:
        """The array's items."""
        if self._items is None:
            self._items = json.loads(self.text)
        return self._items

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    @override
    def __getitem__(self, index: int | slice) -> Any:
        return self.items[index]

    @override
    def __len__(self) -> int:
        return len(self.items)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.items == list(other)

    @override
    def __hash__(self) -> int:
        return hash(self.text)

    @override
    def __repr__(self) -> str:
        return repr(self.items)
