"""Transients that are known, and since when they shine: what a template must not hold."""

import csv
import difflib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import pyarrow.parquet as pq
from typing_extensions import override

from astrid_sdk.catalog.models.arrow_models import DEC, RA, ArrowModel
from astrid_sdk.catalog.models.columns import Column, Text, Time
from astrid_sdk.catalog.models.observation import moment_of
from astrid_sdk.errors import InvalidInputError

_NAMES = {
    "name": ("name", "objname", "object_name", "oid", "object_id"),
    "ra_deg": ("ra_deg", "ra"),
    "dec_deg": ("dec_deg", "dec", "declination", "decl"),
    "first_light": (
        "first_light",
        "first_light_mjd",
        "discoverydate",
        "discovery_date",
        "discovery_mjd",
        "firstmjd",
    ),
    "last_light": ("last_light", "last_light_mjd", "lastmjd"),
}
_REQUIRED = ("name", "ra_deg", "dec_deg", "first_light")
_EARLIEST_MJD, _LATEST_MJD = 0.0, 200_000.0  # a number beyond is no MJD; a Julian date, perhaps
_PARQUET = b"PAR1"
_UNKNOWN = ("", "nan", "nat", "none", "null")


@dataclass(frozen=True, slots=True)
class KnownTransient(ArrowModel):
    """A transient, and the stretch of time in which images may hold its light.

    Attributes
    ----------
    name : str
    ra_deg, dec_deg : float
        ICRS.
    first_light : datetime or None
        When it began to shine, UTC. Its discovery is later: give what is known of the rise. None
        where it is not known: then no image of the place is above suspicion.
    last_light : datetime or None
        When it was gone, UTC; None where it never was.

    Raises
    ------
    InvalidInputError
        A value cannot be one; the message names the field.
    """

    name: Annotated[str, Column(Text(), "what it is called", ucd="meta.id;meta.main")]
    ra_deg: Annotated[float, RA]
    dec_deg: Annotated[float, DEC]
    first_light: Annotated[
        datetime | None, Column(Time(), "first light, UTC", ucd="time.start")
    ] = None
    last_light: Annotated[datetime | None, Column(Time(), "gone, UTC", ucd="time.end")] = None

    @override
    def _check(self) -> None:
        if self.first_light and self.last_light and self.last_light < self.first_light:
            raise InvalidInputError(
                f"KnownTransient {self.name} cannot be gone at {self.last_light} before its first "
                f"light at {self.first_light}: exchange the two",
                kind="model",
            )


def transients_of(source: Any) -> tuple[KnownTransient, ...]:
    """Return the transients that `source` lists.

    Parameters
    ----------
    source : sequence of KnownTransient or mapping, or a table
        A pandas, pyarrow or astropy table, or rows as mappings. Columns: ``name``, ``ra_deg`` (or
        ``ra``), ``dec_deg`` (``dec``, ``declination``), ``first_light`` (``discoverydate``,
        ``first_light_mjd``) and ``last_light``; positions in ICRS degrees, times as MJD UTC, ISO
        text (UTC where it names no zone) or datetime.

    Raises
    ------
    InvalidInputError
        A column is missing, which the message names (``first_light`` too: where it is not known,
        a value is None, not the column away), or a row cannot be understood.
    """
    rows = list(_rows(source))
    _require_columns(rows)
    return tuple(_transient(number, row) for number, row in enumerate(rows, 1))


def read_transients(content: bytes) -> tuple[KnownTransient, ...]:
    """Return the transients that a CSV or Parquet file lists; columns as `transients_of`.

    Raises
    ------
    InvalidInputError
        It is neither, or a row cannot be understood.
    """
    if content[:4] == _PARQUET:
        return transients_of(pq.read_table(io.BytesIO(content)))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError(
            "a list of known transients is neither CSV text nor Parquet: write it as one of them",
            kind="known_transients",
        ) from None
    return transients_of(list(csv.DictReader(io.StringIO(text))))


def _rows(source: Any) -> Iterable[Any]:
    if hasattr(source, "to_pylist"):  # pyarrow
        return list(source.to_pylist())
    if hasattr(source, "to_pandas"):  # astropy, and tables of this SDK
        return _rows(source.to_pandas())
    if hasattr(source, "to_dict"):  # pandas
        return list(source.to_dict("records"))
    is_sequence = isinstance(source, Sequence) and not isinstance(source, (str, bytes))
    if not is_sequence:
        raise InvalidInputError(
            f"known transients cannot be {type(source).__name__}: give KnownTransient values, rows "
            "as mappings, or a table",
            kind="known_transients",
        )
    return list(source)


def _require_columns(rows: Sequence[Any]) -> None:
    """Refuse a table without a column: a misspelt one would read as unknown in every row."""
    tables = [row for row in rows if isinstance(row, Mapping)]
    columns = {str(key).strip(): None for row in tables for key in row if key is not None}
    given = {column.lower() for column in columns}
    for name in _REQUIRED:
        if tables and given.isdisjoint(_NAMES[name]):
            raise InvalidInputError(
                f"the known transients have no column {name}: there are {', '.join(columns)}; "
                f"{_advice(name, list(columns))}",
                kind="known_transients",
            )


def _advice(name: str, columns: Sequence[str]) -> str:
    """Return which of `columns` is likely meant by `name`, and what to do."""
    taken = {alias for aliases in _NAMES.values() for alias in aliases}
    free = {column.lower(): column for column in columns if column.lower() not in taken}
    for alias in _NAMES[name]:
        if near := difflib.get_close_matches(alias, free, 1):
            return f"is it {free[near[0]]}? call that {name}"
    return f"add {name}" + (", None where it is not known" if name == "first_light" else "")


def _transient(number: int, row: Any) -> KnownTransient:
    if isinstance(row, KnownTransient):
        return row
    try:
        if not isinstance(row, Mapping):
            raise TypeError(f"it is {row!r}")  # noqa: TRY301 - told below, like the others
        told = _told(row)
        return KnownTransient(
            name=str(told["name"]),
            ra_deg=float(told["ra_deg"]),
            dec_deg=float(told["dec_deg"]),
            first_light=_moment(told.get("first_light")),
            last_light=_moment(told.get("last_light")),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"row {number} of the known transients cannot be used ({_what(error)}): give name, "
            "ra_deg and dec_deg in degrees, and first_light as MJD or ISO time, UTC",
            kind="known_transients",
        ) from error


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    given = {str(key).strip().lower(): value for key, value in row.items()}
    found = {
        name: given[alias]
        for name, aliases in _NAMES.items()
        for alias in reversed(aliases)  # the first one given wins
        if alias in given
    }
    missing = [name for name in ("name", "ra_deg", "dec_deg") if name not in found]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    return found


def _moment(value: Any) -> datetime | None:
    if value is None or str(value).strip().lower() in _UNKNOWN:
        return None
    if isinstance(value, datetime):
        plain = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
        return _in_utc(plain)
    mjd = _number(value)
    if mjd is None:
        return _in_utc(datetime.fromisoformat(str(value).strip()))
    if math.isnan(mjd):
        return None
    if not _EARLIEST_MJD < mjd < _LATEST_MJD:
        raise ValueError(f"{mjd} is no MJD")
    return moment_of(mjd)


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _what(error: Exception) -> str:
    return error.message if isinstance(error, InvalidInputError) else str(error)
