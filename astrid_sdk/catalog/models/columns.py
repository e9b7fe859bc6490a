"""What a field of a domain model may hold: its Arrow type, its unit and meaning, its check."""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from reprlib import Repr
from typing import Any, ClassVar

import pyarrow as pa
from typing_extensions import override

from astrid_sdk.errors import InvalidInputError

_HASH = re.compile(r"[0-9a-f]{64}")
_MOST_INT64 = 2**63 - 1
_SHORTLY = Repr()
_SHORTLY.maxstring = _SHORTLY.maxother = 100


class UnfitError(ValueError):
    """A value is not what its kind holds; the text says what to give. Never leaves this layer."""


class Kind(ABC):
    """What sort of value a field holds.

    `fit` brings a value to its one form or raises `UnfitError`; `plain` gives what Arrow and JSON
    take, and `read` takes that back.
    """

    ARROW: ClassVar[pa.DataType]

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type."""
        return self.ARROW

    @abstractmethod
    def fit(self, value: Any) -> Any:
        """Return `value` in the one form that equal values have."""

    def plain(self, value: Any) -> Any:
        """Return `value` as Arrow takes it."""
        return value

    def to_json(self, value: Any) -> Any:
        """Return `value` as JSON takes it."""
        return self.plain(value)

    def read(self, plain: Any) -> Any:
        """Return the value that `plain` or `to_json` gave; None where it says unknown."""
        return plain


@dataclass(frozen=True)
class Text(Kind):
    """Text that is not empty."""

    ARROW: ClassVar[pa.DataType] = pa.string()

    @override
    def fit(self, value: Any) -> Any:
        if not isinstance(value, str) or not value:
            raise UnfitError("give text that is not empty")
        if not value.isascii():
            _require_utf8(value)
        return str(value)


@dataclass(frozen=True)
class Hash(Kind):
    """A SHA-256 in hex: a content hash or a derivation key."""

    ARROW: ClassVar[pa.DataType] = pa.string()

    @override
    def fit(self, value: Any) -> Any:
        if not isinstance(value, str) or not _HASH.fullmatch(value):
            raise UnfitError("give the whole hash, 64 lower-case hex digits")
        return str(value)


@dataclass(frozen=True)
class Number(Kind):
    """A finite number within limits, both included; what is unknown is None, never NaN."""

    low: float = -math.inf
    high: float = math.inf
    advice: str = "give a finite number"

    ARROW: ClassVar[pa.DataType] = pa.float64()

    @override
    def fit(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UnfitError(self.advice)
        number = _as_float(value)
        if not math.isfinite(number):
            raise UnfitError(f"{self.advice}, and None where it is unknown")
        if not self.low <= number <= self.high:
            raise UnfitError(self.advice)
        return number

    @override
    def read(self, plain: Any) -> Any:
        is_nan = isinstance(plain, float) and math.isnan(plain)  # unknown in tables of numpy
        return None if is_nan else plain


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number within limits, both included, or one of a few."""

    low: int = -_MOST_INT64
    high: int = _MOST_INT64
    only: frozenset[int] = frozenset()
    advice: str = "give a whole number"

    ARROW: ClassVar[pa.DataType] = pa.int64()

    @override
    def fit(self, value: Any) -> Any:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise UnfitError(self.advice)
        number = int(value)
        if not self.low <= number <= self.high or (self.only and number not in self.only):
            raise UnfitError(self.advice)
        return number


@dataclass(frozen=True)
class Flag(Kind):
    """Yes or no."""

    ARROW: ClassVar[pa.DataType] = pa.bool_()

    @override
    def fit(self, value: Any) -> Any:
        if not isinstance(value, bool) and type(value).__name__ != "bool":  # numpy's has that name
            raise UnfitError("give True or False")
        return bool(value)


@dataclass(frozen=True)
class Time(Kind):
    """A moment, kept in UTC to the microsecond."""

    ARROW: ClassVar[pa.DataType] = pa.timestamp("us", tz="UTC")

    @override
    def fit(self, value: Any) -> Any:
        if not isinstance(value, datetime) or value.utcoffset() is None:
            raise UnfitError("give a datetime with its time zone, as in datetime(…, tzinfo=UTC)")
        try:
            return value.astimezone(UTC).replace(fold=0)
        except OverflowError:
            raise UnfitError("give a time within the years 1 to 9999, UTC") from None

    @override
    def to_json(self, value: Any) -> Any:
        return value.isoformat()

    @override
    def read(self, plain: Any) -> Any:
        if not isinstance(plain, str):
            return plain
        try:
            return datetime.fromisoformat(plain)
        except ValueError:
            return plain  # which `fit` refuses by name


@dataclass(frozen=True)
class Many(Kind):
    """Several values of one kind in order, as a tuple; `length` of them where that is given."""

    item: Kind
    length: int = -1
    least: int = 0

    @property
    @override
    def arrow(self) -> pa.DataType:
        return pa.list_(self.item.arrow)  # Parquet reads no list of fixed length that is null

    @override
    def fit(self, value: Any) -> Any:
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
            raise UnfitError("give a sequence")
        items = tuple(self.item.fit(item) for item in value)
        if self.length not in {-1, len(items)}:
            raise UnfitError(f"give {self.length} values")
        if len(items) < self.least:
            raise UnfitError(f"give {self.least} or more")
        return items

    @override
    def plain(self, value: Any) -> Any:
        return [self.item.plain(item) for item in value]

    @override
    def to_json(self, value: Any) -> Any:
        return [self.item.to_json(item) for item in value]

    @override
    def read(self, plain: Any) -> Any:
        is_list = isinstance(plain, (list, tuple))
        return tuple(self.item.read(item) for item in plain) if is_list else plain


@dataclass(frozen=True)
class Corner(Kind):
    """A position on the sky, (ra, dec)."""

    ra: Number
    dec: Number

    ARROW: ClassVar[pa.DataType] = pa.list_(pa.float64())

    @override
    def fit(self, value: Any) -> Any:
        try:
            ra, dec = value
        except (TypeError, ValueError):
            raise UnfitError("give pairs of ra and dec") from None
        return self.ra.fit(ra), self.dec.fit(dec)

    @override
    def plain(self, value: Any) -> Any:
        return list(value)


@dataclass(frozen=True)
class Named(Kind):
    """Numbers by name, as pairs in the order of their names."""

    ARROW: ClassVar[pa.DataType] = pa.map_(pa.string(), pa.float64())

    @override
    def fit(self, value: Any) -> Any:
        pairs = value.items() if isinstance(value, Mapping) else value
        try:
            numbers = {Text().fit(name): Number().fit(number) for name, number in pairs}
        except (TypeError, ValueError):
            raise UnfitError("give finite numbers by name; leave out what is unknown") from None
        return tuple(sorted(numbers.items()))

    @override
    def to_json(self, value: Any) -> Any:
        return dict(value)


@dataclass(frozen=True)
class Column:
    """What one field of a model holds, as tables tell it.

    Attributes
    ----------
    kind : Kind
    description : str
    unit : str, optional
        astropy's spelling.
    ucd : str, optional
        IVOA UCD1+.
    """

    kind: Kind
    description: str
    unit: str | None = None
    ucd: str | None = None

    def field(self, name: str, *, optional: bool) -> pa.Field:
        """Return the Arrow field, with unit, UCD and description in its metadata."""
        told = {"unit": self.unit, "ucd": self.ucd, "description": self.description}
        metadata = {key: value for key, value in told.items() if value}
        return pa.field(name, self.kind.arrow, nullable=optional, metadata=metadata)

    def fitted(self, value: Any, where: str) -> Any:
        """Return `value` in its one form.

        Raises
        ------
        InvalidInputError
            It cannot be one (kind ``model``); the message names the field `where` and the value.
        """
        try:
            return self.kind.fit(value)
        except UnfitError as unfit:
            raise InvalidInputError(
                f"{where} cannot be {_SHORTLY.repr(value)}: {unfit}", kind="model"
            ) from None


def _require_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnfitError("give text that UTF-8 can write") from None


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an int beyond all floats
        return math.inf
