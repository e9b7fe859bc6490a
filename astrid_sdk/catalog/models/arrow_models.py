"""Models that tables can hold: checked when they are made, equal by value, to Arrow and back.

A model is a frozen dataclass whose fields say in their annotation what they hold::

    ra_deg: Annotated[float | None, RA] = None

A value that is unknown is None: null in Arrow, absent from no table. NaN is refused by the models
and read as unknown from tables, so that what goes out comes back the same.
"""

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
from typing_extensions import override

from astrid_sdk import arrow
from astrid_sdk.catalog.models.columns import Column, Hash, Kind, Number, Text, UnfitError
from astrid_sdk.errors import InvalidInputError

RA_NUMBER = Number(0.0, 360.0, "give ICRS degrees from 0 to 360")
DEC_NUMBER = Number(-90.0, 90.0, "give ICRS degrees from -90 to 90")
POSITIVE = Number(0.0, advice="give a number of 0 or more")

RA = Column(RA_NUMBER, "ICRS right ascension", "deg", "pos.eq.ra;meta.main")
DEC = Column(DEC_NUMBER, "ICRS declination", "deg", "pos.eq.dec;meta.main")
CONTENT_HASH = Column(Hash(), "SHA-256 of the bytes", ucd="meta.id;meta.main")
FILTER_BAND = Column(Text(), "filter in short", ucd="meta.id;instr.filter")
MIDPOINT = Column(Number(), "middle of the exposure, MJD TAI", "d", "time.epoch")

_VERSION, _MODEL = b"astrid.model_version", b"astrid.model"


class ArrowModel:
    """Base of the domain models; see the module."""

    __slots__ = ()
    VERSION: ClassVar[int] = 1

    def __post_init__(self) -> None:
        model = type(self)
        for name, said in _said(model).items():
            value = getattr(self, name)
            if value is not None or not said.optional:
                fitted = said.column.fitted(value, f"{model.__name__}.{name}")
                object.__setattr__(self, name, fitted)
        self._check()

    def _check(self) -> None:
        """Refuse fields that do not go together."""

    @classmethod
    def schema(cls) -> pa.Schema:
        """Return the Arrow schema: units, UCDs and descriptions in the fields' metadata."""
        fields = [said.column.field(k, optional=said.optional) for k, said in _said(cls).items()]
        return pa.schema(fields, {_MODEL: cls.__name__, _VERSION: str(cls.VERSION)})

    @classmethod
    def to_arrow(cls, models: Iterable[Self]) -> pa.Table:
        """Return `models` as a table, a row each."""
        rows = list(models)
        schema = cls.schema()
        columns = [_array(rows, k, said, schema.field(k)) for k, said in _said(cls).items()]
        return pa.Table.from_arrays(columns, schema=schema)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> list[Self]:
        """Return the models that `to_arrow` wrote; columns that no field knows are passed over.

        Raises
        ------
        InvalidInputError
            A later release wrote the table (kind ``format_version``), or a column or value is
            missing or cannot be used (kind ``model``).
        """
        told = (table.schema.metadata or {}).get(_VERSION, b"1")
        _require_version(cls, int(told) if told.isdigit() else -1)
        known = [name for name in _said(cls) if name in table.column_names]
        return [cls._read(row) for row in arrow.to_rows(table.select(known))]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values with the model's version; times in ISO 8601."""
        return {"model_version": self.VERSION} | self.plain(json=True)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the model that `to_json` wrote.

        Raises
        ------
        InvalidInputError
            As `from_arrow`.
        """
        _require_version(cls, value.get("model_version", 1))
        return cls._read(value)

    def plain(self, *, json: bool) -> dict[str, Any]:
        """Return the fields as JSON takes them, or as Arrow does."""
        return {
            k: _plain(getattr(self, k), s.column.kind, json) for k, s in _said(type(self)).items()
        }

    @classmethod
    def _read(cls, row: Mapping[str, Any]) -> Self:
        given = {k: _read(row[k], said.column.kind) for k, said in _said(cls).items() if k in row}
        try:
            return cls(**given)
        except TypeError:
            missing = ", ".join(k for k in _said(cls) if k not in given)
            raise InvalidInputError(
                f"no {cls.__name__} can be read without {missing}: give these columns too",
                kind="model",
            ) from None


@dataclass(frozen=True)
class Struct(Kind):
    """A model within a model."""

    model: type[ArrowModel]

    @property
    @override
    def arrow(self) -> pa.DataType:
        return pa.struct(list(self.model.schema()))

    @override
    def fit(self, value: Any) -> Any:
        if not isinstance(value, self.model):
            raise UnfitError(f"give {self.model.__name__}")
        return value

    @override
    def plain(self, value: Any) -> Any:
        return value.plain(json=False)

    @override
    def to_json(self, value: Any) -> Any:
        return value.plain(json=True)

    @override
    def read(self, plain: Any) -> Any:
        return self.model._read(plain) if isinstance(plain, Mapping) else plain  # noqa: SLF001 - its own base


@dataclass(frozen=True, slots=True)
class _Said:
    """What the annotation of a field says."""

    column: Column
    optional: bool


_KNOWN: dict[type[ArrowModel], dict[str, _Said]] = {}


def _said(model: type[ArrowModel]) -> dict[str, _Said]:
    if model not in _KNOWN:
        _KNOWN[model] = _read_annotations(model)
    return _KNOWN[model]


def _read_annotations(model: type[ArrowModel]) -> dict[str, _Said]:
    hints = get_type_hints(model, include_extras=True)
    return {
        name: _Said(column, _takes_none(get_args(hint)[0]))
        for name, hint in hints.items()
        for column in getattr(hint, "__metadata__", ())
        if isinstance(column, Column)
    }


def _takes_none(hint: Any) -> bool:
    is_union = get_origin(hint) in {Union, types.UnionType}
    return is_union and types.NoneType in get_args(hint)


def _array(rows: list[Any], name: str, said: _Said, field: pa.Field) -> pa.Array:
    kind = said.column.kind
    return arrow.column([_plain(getattr(row, name), kind, json=False) for row in rows], field.type)


def _plain(value: Any, kind: Kind, json: bool) -> Any:  # noqa: FBT001 - private, a switch
    if value is None:
        return None
    return kind.to_json(value) if json else kind.plain(value)


def _read(plain: Any, kind: Kind) -> Any:
    return None if plain is None else kind.read(plain)


def _require_version(model: type[ArrowModel], version: object) -> None:
    if not isinstance(version, int) or not 1 <= version <= model.VERSION:
        raise InvalidInputError(
            f"{model.__name__} of version {version!r} was written by a later release: upgrade "
            "astrid-sdk to read it",
            kind="format_version",
        )
