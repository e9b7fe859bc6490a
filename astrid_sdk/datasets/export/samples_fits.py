"""The table of a dataset version as a FITS binary table (FITS 4.0, section 7.3).

FITS knows ASCII texts only, and no blanks at their ends: texts are written as between the quotes of
JSON, so ``json.loads(f'"{text}"')`` gives any of them back. An unknown text is empty, an unknown
number NaN or the column's TNULL.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy.io import fits

from astrid_sdk.sky.frame import hdus_to_bytes

_NULL = -1
_PLAIN = re.compile(r"[ !#-\[\]-~]*(?<! )")  # what JSON writes as it is
_UNITS = {"pix": "pixel"}


def write_samples_fits(table: pa.Table, path: Path) -> None:
    """Write the table that `sample_table` returned, with units and UCDs on its columns."""
    hdu = fits.BinTableHDU.from_columns(
        [_column(table.schema.field(name), table[name]) for name in table.column_names],
        name="SAMPLES",
    )
    for number, field in enumerate(table.schema, 1):
        _describe(hdu.header, number, field)
    said = table.schema.metadata
    hdu.header["TIMESYS"] = ("UTC", "of observation_time")
    hdu.header["DATASET"] = (said[b"astrid.dataset_id"].decode(), "dataset")
    hdu.header["DSVER"] = (said[b"astrid.version"].decode(), "its version")
    hdu.header["MANIFEST"] = said[b"astrid.manifest_hash"].decode()
    hdu.header["COMMENT"] = "Texts are as between the quotes of JSON; blanks set sources apart."
    hdu.header["COMMENT"] = "Unknown: an empty text, NaN, or TNULL."
    path.write_bytes(hdus_to_bytes([fits.PrimaryHDU(), hdu]))


def _describe(header: fits.Header, number: int, field: pa.Field) -> None:
    for card, key in (("TUCD", b"ucd"), ("TCOMM", b"description")):
        if key in field.metadata:
            header[f"{card}{number}"] = field.metadata[key].decode()


def _column(field: pa.Field, values: pa.ChunkedArray) -> fits.Column:
    unit = field.metadata.get(b"unit", b"").decode()
    told = {"name": field.name, "unit": _UNITS.get(unit, unit) or None}
    if pa.types.is_floating(field.type):
        numbers = values.to_numpy()
        return fits.Column(format="D", array=np.asarray(numbers, np.float64), **told)
    if pa.types.is_integer(field.type):
        whole = values.fill_null(_NULL).to_numpy()
        return fits.Column(format="K", null=_NULL, array=np.asarray(whole, np.int64), **told)
    written = [_written(value).encode("ascii") for value in values.to_pylist()]
    width = max([1, *map(len, written)])
    return fits.Column(format=f"{width}A", array=np.array(written, f"S{width}"), **told)


def _written(value: str | datetime | Sequence[str] | None) -> str:
    """Return a value as printable ASCII without blanks at its end."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    if not isinstance(value, str):
        return " ".join(value)
    if _PLAIN.fullmatch(value):
        return value
    text = json.dumps(value)[1:-1].replace("\x7f", "\\u007f")
    kept = text.rstrip(" ")
    return kept + "\\u0020" * (len(text) - len(kept))
