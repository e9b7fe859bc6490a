"""Arrow columns from Python values and NumPy arrays, and back, without pandas.

pyarrow imports pandas, if it is installed, as soon as it is handed a Python list, a NumPy array or
a Python number: to ask whether that is a Series. This takes a second, which is most of what a
question to the catalogue takes. Here values go through arro3 (https://github.com/kylebarron/arro3),
whose arrays pyarrow takes by the Arrow PyCapsule interface, and back through DLPack.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from arro3.core import Array

Column: TypeAlias = "pa.Array | pa.ChunkedArray"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_EXACT = 2**53
_NOT_TAKEN = (TypeError, ValueError, OverflowError, NotImplementedError)
"""What arro3 says of values that pyarrow may take, or refuses in words of its own."""


def column(values: "Iterable[Any] | npt.NDArray[Any]", kind: pa.DataType | None = None) -> pa.Array:
    """Return values as an Arrow array, as `pyarrow.array` does.

    Parameters
    ----------
    values : iterable or ndarray
        Of one dimension; None is null.
    kind : pyarrow.DataType, optional
        What an array's own type is where it is NumPy's.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowTypeError
        They are not of that kind.
    """
    if isinstance(values, np.ndarray):
        if not _is_plain(values, kind):
            return pa.array(values, kind)
        made = pa.array(Array.from_numpy(np.ascontiguousarray(values)))
        return made if kind is None else made.cast(kind)
    listed = values if isinstance(values, list | tuple) else list(values)
    if kind is None:
        return pa.array(listed)
    try:
        return _of_values(listed, kind)
    except _NOT_TAKEN:
        return pa.array(listed, kind)


def scalar(value: Any, kind: pa.DataType) -> pa.Scalar:
    """Return one value as `pyarrow.scalar` does."""
    return column([value], kind)[0]


def equal(values: Column, one: Any) -> Column:
    """Return which values are `one`; null where the value is."""
    return pc.equal(values, scalar(one, values.type))


def filled(values: Column, one: Any) -> Column:
    """Return values with `one` for each null."""
    return pc.fill_null(values, scalar(one, values.type))


def where(table: pa.Table, mask: npt.NDArray[np.bool_]) -> pa.Table:
    """Return the rows for which `mask` is true."""
    return table.filter(column(mask))


def groups(table: pa.Table, columns: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return for each row the number of its group: rows that are alike in `columns`.

    Groups are numbered from 0 without gaps, as they come; nulls are alike.
    """
    found = np.zeros(table.num_rows, np.int64)
    for place, name in enumerate(columns):
        values = whole(table[name]).dictionary_encode("encode")
        own = to_numpy(values.indices).astype(np.int64)
        if place:
            joined = column(found * len(values.dictionary) + own).dictionary_encode()
            own = to_numpy(joined.indices).astype(np.int64)
        found = own
    return found


def to_numpy(values: Column) -> npt.NDArray[Any]:
    """Return numbers, booleans or times as a NumPy array, as their ``to_numpy`` does.

    A null is NaN, wherefore whole numbers among which there is one are floats; of times it is NaT.

    Raises
    ------
    ValueError
        There are nulls among booleans.
    """
    flat = whole(values)
    kind = flat.type
    if pa.types.is_boolean(kind):
        if flat.null_count:
            raise ValueError("nulls are neither true nor false: fill them first")
        return np.from_dlpack(flat.cast(pa.uint8())).view(np.bool_)
    if pa.types.is_timestamp(kind):
        ticks = filled(flat.cast(pa.int64()), np.iinfo(np.int64).min)
        return np.from_dlpack(ticks).view(f"datetime64[{kind.unit}]")
    if flat.null_count:
        flat = filled(flat.cast(pa.float64()), np.nan)
    return np.from_dlpack(flat)


def to_list(column: Column) -> list[Any]:
    """Return values as Python's, as ``to_pylist`` does; times are aware, in UTC."""
    flat = whole(column)
    if not _is_moment(flat.type):
        return list(flat.to_pylist())
    ticks = flat.cast(pa.int64()).to_pylist()
    return [None if tick is None else _EPOCH + tick * _MICROSECOND for tick in ticks]


def to_value(one: pa.Scalar) -> Any:
    """Return a scalar as Python's, as ``as_py`` does."""
    return to_list(pa.repeat(one, 1))[0]


def to_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows as Python's, as ``to_pylist`` does."""
    names = table.column_names
    columns = [to_list(column) for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def whole(values: Column) -> pa.Array:
    """Return values as one array, those of a column of several pieces one behind the other."""
    if isinstance(values, pa.Array):
        return values
    if values.num_chunks == 1:
        return values.chunk(0)
    return values.combine_chunks() if values.num_chunks else pa.nulls(0, values.type)


def empty(schema: pa.Schema) -> pa.Table:
    """Return the table without rows of a schema."""
    return pa.Table.from_batches([], schema=schema)


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; a column that a row does not have is null there."""
    columns = [column([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _is_plain(values: "npt.NDArray[Any]", kind: pa.DataType | None) -> bool:
    """Return whether arro3 takes an array for what it is: it looks at no byte order and no mask."""
    is_plain = type(values) is np.ndarray and values.ndim == 1 and values.dtype.isnative
    return is_plain and values.dtype.kind in "biuf" and (kind is None or _is_numeric(kind))


def _is_numeric(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _check_numbers(values: Sequence[Any], kind: pa.DataType) -> None:
    """Leave to pyarrow what it does not take for such numbers, and arro3 does."""
    types = pa.types
    if types.is_integer(kind) and any(isinstance(value, bool) for value in values):
        raise TypeError
    if types.is_floating(kind) and any(
        isinstance(value, int) and abs(value) > _MOST_EXACT for value in values
    ):
        raise ValueError


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind)) and (kind.unit, kind.tz) == ("us", "UTC")


def _of_values(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    types = pa.types
    if _is_moment(kind):
        return _simple([_microseconds(value) for value in values], pa.int64()).cast(kind)
    if types.is_list(kind):
        starts, flat = _flattened(values)
        missing = _simple([value is None for value in values], pa.bool_())
        return pa.ListArray.from_arrays(
            starts, _of_values(flat, kind.value_type), type=kind, mask=missing
        )
    if types.is_map(kind):
        lists = [value.items() if isinstance(value, Mapping) else value for value in values]
        starts, flat = _flattened(lists)
        if any(value is None for value in values):
            raise NotImplementedError
        keys = _of_values([key for key, _ in flat], kind.key_type)
        return pa.MapArray.from_arrays(
            starts, keys, _of_values([item for _, item in flat], kind.item_type), type=kind
        )
    _check_numbers(values, kind)
    return _simple(values, kind)


def _simple(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(Array(values, kind))


def _flattened(lists: Sequence[Iterable[Any] | None]) -> tuple[pa.Array, list[Any]]:
    """Return where each begins among the values of all, with the end; and these."""
    if any(isinstance(values, Mapping) for values in lists):
        raise TypeError
    each = [() if values is None else tuple(values) for values in lists]
    starts = accumulate(map(len, each), initial=0)
    return _simple(list(starts), pa.int32()), [value for values in each for value in values]


def _microseconds(moment: Any) -> int | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime) or moment.tzinfo is None:  # for pyarrow to judge
        raise TypeError
    return (moment - _EPOCH) // _MICROSECOND
