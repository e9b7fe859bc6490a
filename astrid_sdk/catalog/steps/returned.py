"""What a step's function may return, and the bytes that are stored of it.

Bytes are kept as they are; FITS, tables and arrays are written so that the same values give the
same bytes: without clocks, paths and random state.
"""

import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from astrid_sdk.catalog.steps.step import Output, Result
from astrid_sdk.errors import InvalidInputError

if TYPE_CHECKING:  # whoever returns one has imported its library, which takes seconds
    from astropy.io import fits
    from astropy.table import Table

ROLE = "result"
"""What the output of a function is called that returns one thing without a name."""

FITS, PARQUET, NPY, BYTES = (
    "application/fits",
    "application/vnd.apache.parquet",
    "application/x-npy",
    "application/octet-stream",
)
_KNOWN = (
    "bytes, a FITS HDUList, an astropy Table, a pandas DataFrame, a numpy array, an Output, or a "
    "mapping of role to these"
)


def as_result(returned: Any, step: str) -> Result:
    """Return what a step's function returned as the outputs to store.

    Parameters
    ----------
    returned : object
        A `Result`, `Output` or sequence of them; bytes, an HDUList, an astropy Table, a pandas
        DataFrame or a numpy array; or a mapping of role to these.
    step : str
        Its name, for the message.

    Raises
    ------
    InvalidInputError
        It is something else, or an array of Python objects.
    """
    if isinstance(returned, Result):
        return returned
    if isinstance(returned, Output):
        return Result([returned])
    if isinstance(returned, Mapping):
        return Result([_output(role, value, f".{role}", step) for role, value in returned.items()])
    if _is_outputs(returned):
        return Result(list(returned))
    return Result([_output(ROLE, returned, "", step)])


def _is_outputs(returned: Any) -> bool:
    listed = isinstance(returned, Sequence) and not isinstance(returned, (str, bytes))
    return listed and all(isinstance(value, Output) for value in returned)


def _output(role: Any, value: Any, stem: str, step: str) -> Output:
    if not isinstance(role, str) or not role:
        raise InvalidInputError(f"{step} named an output {role!r}: a role is a word", kind="role")
    data, media_type, suffix = _written(value, f"{step} returned {_named(value)} as {role}")
    return Output(role, data, media_type, f"{stem}{suffix}")


def _written(value: Any, told: str) -> tuple[bytes, str, str]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), BYTES, ".bin"
    if _is_a(value, "astropy.io.fits", "HDUList", "PrimaryHDU"):
        return _fits(value), FITS, ".fits"
    if _is_a(value, "astropy.table", "Table"):
        return _table(value), PARQUET, ".parquet"
    if _is_a(value, "pandas", "DataFrame"):
        return _parquet(pa.Table.from_pandas(value)), PARQUET, ".parquet"
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        return _array(np.asarray(value)), NPY, ".npy"
    raise InvalidInputError(f"{told}, which cannot be stored: return {_KNOWN}", kind="returned")


def _is_a(value: Any, module: str, *names: str) -> bool:
    """Return whether `value` is of a class of a library; one not imported has no instances."""
    library = sys.modules.get(module)
    return library is not None and isinstance(value, tuple(getattr(library, n) for n in names))


def _fits(hdus: "fits.HDUList | fits.PrimaryHDU") -> bytes:
    buffer = io.BytesIO()
    hdus.writeto(buffer, output_verify="exception")
    return buffer.getvalue()


def _table(table: "Table") -> bytes:
    with tempfile.TemporaryDirectory() as folder:  # the writer takes a path only
        path = Path(folder) / "table.parquet"
        table.write(path, format="parquet")
        return path.read_bytes()


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _array(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _named(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
