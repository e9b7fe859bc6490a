"""The detections file: Parquet with units and UCDs (IVOA UCD1+), and the table of many of them."""

import io
import tempfile
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from astropy.table import Table
from typing_extensions import override

from astrid_sdk.catalog.search.finding import Found
from astrid_sdk.pipeline.detections import DETECTION_COLUMNS, Detections
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

SUFFIX = ".detections.parquet"
MEDIA_TYPE = "application/vnd.apache.parquet"
_FORMAT = "parquet.votable"
_FILE_NAME = "detections.parquet"
_LEADING = ("night", "science_file")
_SHOWN = (*_LEADING, "x", "y", "ra_deg", "dec_deg", "snr", "flags")
_SHOWN_ROWS = 20


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


@dataclass(frozen=True, slots=True, eq=False)
class DetectionTable:
    """Detections of many science frames.

    Attributes
    ----------
    frame : pandas.DataFrame
        A row per detection: ``night``, ``science_file``, then the columns of the detections file
        (pixels 0-based, ICRS degrees), then ``detections_hash``.
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def only(self, frames: AbstractSet[tuple[str, str]]) -> "DetectionTable":
        """Return the detections in `frames`, pairs of night and science file."""
        pairs = zip(self.frame["night"], self.frame["science_file"], strict=True)
        return DetectionTable(self.frame[np.array([pair in frames for pair in pairs], bool)])

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a data frame."""
        return self.frame

    def to_csv(self, path: str | Path) -> Path:
        """Write the rows as CSV and return the path."""
        target = Path(path)
        self.frame.to_csv(target, index=False)
        return target

    def to_ds9(self, path: str | Path) -> Path:
        """Write DS9 regions and return the path.

        Circles in ICRS where the image has a WCS, else in image pixels (1-based, as DS9 counts);
        unflagged detections are green, flagged ones yellow, negative ones blue.
        """
        target = Path(path)
        lines = ["# Region file format: DS9 version 4.1"]
        lines += [_region(row) for row in self.frame.to_dict("records")]
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return target

    @override
    def __repr__(self) -> str:
        return f"<{len(self)} detections>\n{self._shown().to_string()}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        page = f"<p><b>{len(self)}</b> detections</p>{self._shown().to_html(na_rep='')}"
        return {"text/plain": repr(self), "text/html": page}

    def _shown(self) -> pd.DataFrame:
        return self.frame[list(_SHOWN)].head(_SHOWN_ROWS)


def read_detections(cas: ContentAddressedStorage, rows: Sequence[Found]) -> DetectionTable:
    """Return the detections in the stored files that `rows` names."""
    frames = [_frame(cas.retrieve_data(row.content_hash, tier=row.tier), row) for row in rows]
    if not frames:
        names = [column.name for column in DETECTION_COLUMNS]
        return DetectionTable(pd.DataFrame(columns=[*_LEADING, *names, "detections_hash"]))
    return DetectionTable(pd.concat(frames, ignore_index=True))


def _frame(content: bytes, row: Found) -> pd.DataFrame:
    frame: pd.DataFrame = read_table(content).to_pandas()
    frame.insert(0, "science_file", row.name.removesuffix(SUFFIX))
    frame.insert(0, "night", row.night)
    frame["detections_hash"] = row.content_hash
    return frame


def _region(row: dict[Any, Any]) -> str:
    positive = "yellow" if row["flags"] else "green"
    colour = "blue" if row["is_negative"] else positive
    label = f"# color={colour} text={{{row['snr']:.1f}}}"
    if np.isfinite(row["ra_deg"]):
        return f'icrs;circle({row["ra_deg"]:.6f},{row["dec_deg"]:.6f},3") {label}'
    return f"image;circle({row['x'] + 1:.2f},{row['y'] + 1:.2f},6) {label}"
