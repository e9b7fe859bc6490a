"""Columns are made as pyarrow makes them, but without pandas."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk import arrow

MOMENT = pa.timestamp("us", "UTC")
NOW = datetime(2026, 11, 29, 6, 2, 40, 339333, tzinfo=UTC)
EAST = timezone(timedelta(hours=2))
WORDS = pa.list_(pa.string())
NAMED = pa.map_(pa.string(), pa.string())

TAKEN: list[tuple[list[Any], pa.DataType]] = [
    (["a", None, "ü"], pa.string()),
    (["a"], pa.large_string()),
    ([b"a", None], pa.binary()),
    ([b"a"], pa.string()),
    ([1, None, -(2**62)], pa.int64()),
    ([1.5], pa.int64()),
    ([3, None], pa.int16()),
    ([1, 2.5, math.inf, None], pa.float64()),
    ([np.float32(1.5), np.int64(2)], pa.float64()),
    ([np.int64(1)], pa.int64()),
    ([True, None], pa.bool_()),
    ([np.str_("x")], pa.string()),
    ([NOW, None, NOW.astimezone(EAST), datetime(1900, 1, 1, tzinfo=UTC)], MOMENT),
    ([NOW.replace(tzinfo=None)], MOMENT),
    ([["a"], None, [], ["b", None]], WORDS),
    ([("a",)], WORDS),
    ([[[1.0, 2.0]], None, []], pa.list_(pa.list_(pa.float64()))),
    ([np.array([1.0, 2.0])], pa.list_(pa.float64())),
    ([{"a": "b"}, {}], NAMED),
    ([[("a", "b")]], NAMED),
    ([None, {"a": "x"}], NAMED),
    ([{"a": 1}, None], pa.struct([("a", pa.int64())])),
    (["a", "b", "a"], pa.dictionary(pa.int32(), pa.string())),
    ([None], pa.null()),
    ([], pa.string()),
    ([], WORDS),
]
REFUSED: list[tuple[list[Any], pa.DataType]] = [
    ([200], pa.int8()),
    ([1 << 70], pa.int64()),
    (["1"], pa.int64()),
    ([True], pa.int32()),
    ([2**53 + 1], pa.float64()),
    ([[2**53 + 1]], pa.list_(pa.float64())),
    ([1], pa.string()),
    ([["a", 1]], WORDS),
    (["2026-11-29"], MOMENT),
]


@pytest.mark.parametrize(("values", "kind"), TAKEN, ids=str)
def test_a_column_is_what_pyarrow_makes_of_it(values: list[Any], kind: pa.DataType) -> None:
    made = arrow.column(values, kind)
    made.validate(full=True)
    assert made.equals(pa.array(values, kind))
    assert made.type == kind


@pytest.mark.parametrize(("values", "kind"), REFUSED, ids=str)
def test_what_does_not_fit_is_refused_as_pyarrow_refuses_it(
    values: list[Any], kind: pa.DataType
) -> None:
    with pytest.raises((pa.ArrowException, OverflowError)) as theirs:
        pa.array(values, kind)
    with pytest.raises(type(theirs.value)) as ours:
        arrow.column(values, kind)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(6)[::2],
        np.array([1.5, np.nan]),
        np.array([True, False]),
        np.array([1, 255], np.uint8),
        np.array([], np.int64),
        np.array(["a", "b"]),
    ],
    ids=str,
)
def test_a_numpy_array_becomes_a_column_of_its_type(values: npt.NDArray[Any]) -> None:
    assert (made := arrow.column(values)).to_pylist() == pytest.approx(values.tolist(), nan_ok=True)
    assert made.type == pa.array(values).type


@pytest.mark.parametrize(
    "values", [np.array([1, 2], ">i4"), np.array([1.5], ">f8"), np.zeros((2, 2))], ids=str
)
def test_an_array_that_pyarrow_refuses_is_refused(values: npt.NDArray[Any]) -> None:
    with pytest.raises(pa.ArrowException):
        arrow.column(values)


def test_a_masked_value_is_null() -> None:
    masked = np.ma.array([1, 2], mask=[False, True])
    assert arrow.column(masked).to_pylist() == [1, None]


def test_a_numpy_array_becomes_a_column_of_the_type_asked_for() -> None:
    assert arrow.column(np.arange(3), pa.int32()).equals(pa.array([0, 1, 2], pa.int32()))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2, 3], pa.int32()),
        pa.array([1, None], pa.int64()),
        pa.array([1.5, None, math.nan]),
        pa.array([NOW, None], MOMENT).cast(pa.timestamp("us")),
        pa.array([], pa.float64()),
        pa.array([1, 2, 3])[1:],
        pa.chunked_array([[1.0], [2.0, None]]),
        pa.chunked_array([], pa.int64()),
    ],
    ids=str,
)
def test_numbers_come_back_as_from_pyarrow(column: arrow.Column) -> None:
    theirs = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else None
    np.testing.assert_array_equal(
        arrow.to_numpy(column), column.to_numpy() if theirs is None else theirs
    )


def test_booleans_come_back_as_booleans_and_none_of_them_is_unknown() -> None:
    back = arrow.to_numpy(pa.array([True, False, True])[1:])
    assert back.dtype.kind == "b"
    assert back.tolist() == [False, True]
    with pytest.raises(ValueError, match="fill them"):
        arrow.to_numpy(pa.array([True, None]))


@pytest.mark.parametrize(("values", "kind"), TAKEN, ids=str)
def test_values_come_back_as_from_pyarrow(values: list[Any], kind: pa.DataType) -> None:
    table = pa.table({"x": pa.array(values, kind), "n": pa.array(range(len(values)))})
    assert arrow.to_rows(table) == table.to_pylist()
    for one in table["x"]:
        assert arrow.to_value(one) == one.as_py()


def test_nulls_are_filled_and_compared_as_null() -> None:
    column = arrow.column(["a", None], pa.string())
    assert arrow.filled(column, "").to_pylist() == ["a", ""]
    assert arrow.equal(column, "a").to_pylist() == [True, None]


def test_a_table_of_rows_has_nulls_for_what_they_do_not_say() -> None:
    schema = pa.schema([("a", pa.int64()), ("b", WORDS)])
    told: list[dict[str, Any]] = [{"a": 1}, {"b": ["x"], "c": 3}]
    assert arrow.table_of(told, schema).to_pylist() == [
        {"a": 1, "b": None},
        {"a": None, "b": ["x"]},
    ]
    assert arrow.empty(schema).equals(schema.empty_table())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["x", "y", None]),
            st.integers(0, 2) | st.none(),
            st.sampled_from("pq"),
        )
    )
)
def test_groups_are_numbered_as_they_come(rows: list[tuple[str | None, int | None, str]]) -> None:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    kinds = (pa.string(), pa.int64(), pa.string())
    told = zip("abc", columns, kinds, strict=True)
    table = pa.table({name: pa.array(values, kind) for name, values, kind in told})
    number: dict[Any, int] = {}
    expected = [number.setdefault(row, len(number)) for row in rows]
    assert arrow.groups(table, ["a", "b", "c"]).tolist() == expected


def test_rows_are_chosen_by_a_mask() -> None:
    table = pa.table({"a": [1, 2, 3]})
    assert arrow.where(table, np.array([True, False, True]))["a"].to_pylist() == [1, 3]
