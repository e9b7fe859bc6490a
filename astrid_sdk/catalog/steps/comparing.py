"""Comparing contents: the same bytes, the same within a tolerance, or where they differ first.

Floating-point numbers are compared by ``|a - b| <= atol + rtol * |a|``, NaN equal to NaN; whole
numbers, texts and masks must be the same.
"""

import enum
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

if TYPE_CHECKING:  # it takes a second to import
    from astropy.io import fits

RTOL, ATOL = 1e-5, 1e-6
_BOOKKEEPING_CARDS = {"CHECKSUM", "DATASUM", "DATE", "COMMENT", "HISTORY", ""}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two floating-point numbers may be apart: ``|a - b| <= atol + rtol * |a|``."""

    rtol: float = RTOL
    atol: float = ATOL


class Verdict(enum.StrEnum):
    """How two contents compare; each is worse than the one before."""

    IDENTICAL = "identical"
    EQUAL = "equal within tolerance"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two contents compare.

    Attributes
    ----------
    verdict : Verdict
    max_difference : float
        The largest absolute difference of numbers that was met; 0 where the bytes are the same.
    where : str
        Where they differ first, such as ``"HDU SCI, pixel (12, 7): 4.0 was 5.0"``.
    """

    verdict: Verdict
    max_difference: float = 0.0
    where: str = ""


Parts = Iterator[tuple[str, Any, Any]]
"""Places, and what stands there in both: arrays, or values."""


def compare(then: bytes, now: bytes, media_type: str, tolerance: Tolerance) -> Comparison:
    """Compare what was stored with what was made again.

    Parameters
    ----------
    then, now : bytes
    media_type : str
        FITS, Parquet and npy are compared as numbers, anything else byte by byte.
    tolerance : Tolerance
    """
    if then == now:
        return Comparison(Verdict.IDENTICAL)
    parts = _PARTS.get(media_type)
    if parts is None:
        return Comparison(Verdict.DIFFERENT, where=_first_byte(then, now))
    largest, where = 0.0, ""
    for place, old, new in parts(then, now):
        difference, found = _differ(old, new, tolerance)
        largest = max(largest, difference)
        where = where or (f"{place}{found}" if found else "")
    return Comparison(Verdict.DIFFERENT if where else Verdict.EQUAL, largest, where)


def _differ(old: Any, new: Any, tolerance: Tolerance) -> tuple[float, str]:
    """Return the largest difference of two values, and where they differ too much, else ""."""
    if not (isinstance(old, np.ndarray) and isinstance(new, np.ndarray)):
        return _values_differ(old, new, tolerance)
    if old.shape != new.shape or old.dtype.kind != new.dtype.kind:
        return 0.0, f": {_told(new)} was {_told(old)}"
    close = _close(old, new, tolerance)
    first = "" if close.all() else _first(old, new, close)
    return _largest(old, new), first


def _values_differ(old: Any, new: Any, tolerance: Tolerance) -> tuple[float, str]:
    if isinstance(old, float) and isinstance(new, float):
        return _differ(np.atleast_1d(old), np.atleast_1d(new), tolerance)
    return 0.0, "" if old == new else f": {new!r} was {old!r}"


def _close(old: NDArray[Any], new: NDArray[Any], tolerance: Tolerance) -> NDArray[np.bool_]:
    if old.dtype.kind in "fc":
        close = np.isclose(new, old, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True)
        return np.asarray(close, np.bool_)
    return np.asarray(old == new, np.bool_)


def _largest(old: NDArray[Any], new: NDArray[Any]) -> float:
    if old.dtype.kind not in "iufc" or not old.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        apart = np.abs(new.astype(np.complex128 if old.dtype.kind == "c" else np.float64) - old)
    told = apart[np.isfinite(apart)]
    return float(told.max()) if told.size else 0.0


def _first(old: NDArray[Any], new: NDArray[Any], close: NDArray[np.bool_]) -> str:
    place = tuple(int(index) for index in np.argwhere(~close)[0])
    named = ", ".join(map(str, place))
    count = int((~close).sum())
    return f"[{named}]: {new[place]} was {old[place]}; {count} of {close.size} differ"


def _told(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _fits_parts(then: bytes, now: bytes) -> Parts:
    from astropy.io import fits  # noqa: PLC0415 - as for the types

    with fits.open(io.BytesIO(then)) as old, fits.open(io.BytesIO(now)) as new:
        yield "number of HDUs", len(old), len(new)
        for index, (one, other) in enumerate(zip(old, new, strict=False)):
            place = f"HDU {one.name or index}"
            yield from _cards(place, one.header, other.header)
            yield from _data(place, one.data, other.data)


def _cards(place: str, old: "fits.Header", new: "fits.Header") -> Parts:
    for keyword in dict.fromkeys([*old, *new]):
        if keyword not in _BOOKKEEPING_CARDS:
            yield f"{place}, card {keyword}", old.get(keyword), new.get(keyword)


def _data(place: str, old: Any, new: Any) -> Parts:
    names, now = (getattr(getattr(data, "dtype", None), "names", None) for data in (old, new))
    if not names or names != now:
        yield place, _array(old), _array(new)
        return
    for name in names:
        yield f"{place}, column {name}", _array(old[name]), _array(new[name])


def _array(data: Any) -> Any:
    return None if data is None else np.asarray(data)


def _parquet_parts(then: bytes, now: bytes) -> Parts:
    old, new = pq.read_table(io.BytesIO(then)), pq.read_table(io.BytesIO(now))
    yield "columns", old.column_names, new.column_names
    yield "number of rows", old.num_rows, new.num_rows
    for name in old.column_names:
        if name in new.column_names:
            yield from _column(f"column {name}", old[name], new[name])


def _column(place: str, old: pa.ChunkedArray, new: pa.ChunkedArray) -> Parts:
    yield f"{place}, type", str(old.type), str(new.type)
    is_numeric = pa.types.is_floating(old.type) or pa.types.is_integer(old.type)
    if is_numeric and old.type == new.type:
        yield f"{place}, nulls", np.asarray(old.is_null()), np.asarray(new.is_null())
        yield place, old.drop_null().to_numpy(), new.drop_null().to_numpy()
    else:
        yield place, _objects(old), _objects(new)


def _objects(column: pa.ChunkedArray) -> NDArray[Any]:
    values = np.empty(len(column), object)
    values[:] = column.to_pylist()
    return values


def _npy_parts(then: bytes, now: bytes) -> Parts:
    old, new = (np.load(io.BytesIO(data), allow_pickle=False) for data in (then, now))
    yield "array", old, new


_PARTS: dict[str, Callable[[bytes, bytes], Parts]] = {
    "application/fits": _fits_parts,
    "application/vnd.apache.parquet": _parquet_parts,
    "application/x-npy": _npy_parts,
}


def _first_byte(then: bytes, now: bytes) -> str:
    shorter = min(len(then), len(now))
    one, other = (np.frombuffer(data, np.uint8, shorter) for data in (then, now))
    apart = np.flatnonzero(one != other)
    place = int(apart[0]) if apart.size else shorter
    return f"byte {place}; {len(now)} bytes were {len(then)}"
