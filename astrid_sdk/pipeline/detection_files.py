"""The detections file: Parquet with units and UCDs (IVOA UCD1+)."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from astropy.table import Table

from astrid_sdk.pipeline.detections import DETECTION_COLUMNS, Detections

SUFFIX = ".detections.parquet"
MEDIA_TYPE = "application/vnd.apache.parquet"
_FORMAT = "parquet.votable"
_FILE_NAME = "detections.parquet"


def detections_table(found: Detections) -> Table:
    """Return `found` as a table with units."""
    values = found.columns()
    table = Table({column.name: np.asarray(values[column.name]) for column in DETECTION_COLUMNS})
    for column in DETECTION_COLUMNS:
        table[column.name].unit = column.unit
    return table


def write_table(table: Table) -> bytes:
    """Return `table` as Parquet bytes, with units and UCDs in a VOTable header."""
    metadata = {
        column.name: {"unit": column.unit or "", "ucd": column.ucd} for column in DETECTION_COLUMNS
    }
    filled = table if len(table) else _one_row(table)  # the writer fails on an empty table
    with tempfile.TemporaryDirectory() as folder:  # and takes a path only
        path = Path(folder) / _FILE_NAME
        filled.write(path, format=_FORMAT, metadata=metadata)
        return path.read_bytes() if len(table) else _without_rows(path.read_bytes())


def read_table(content: bytes) -> Table:
    """Return the table that `write_table` wrote, with its units."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _FILE_NAME
        path.write_bytes(content)
        return Table.read(path, format=_FORMAT)


def _one_row(table: Table) -> Table:
    """Return a table with the columns and units of `table` and a row of zeros."""
    filled = Table({name: np.zeros(1, table[name].dtype) for name in table.colnames})
    for name in table.colnames:
        filled[name].unit = table[name].unit
    return filled


def _without_rows(content: bytes) -> bytes:
    """Return the Parquet file with its schema and header, and no rows."""
    emptied = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(content)).slice(0, 0), emptied)
    return emptied.getvalue()
