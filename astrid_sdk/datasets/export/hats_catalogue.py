"""The table of a dataset version as a HATS catalogue (https://www.ivoa.net/documents/Notes/HATS/).

Partitions are HEALPix pixels in nested order, split where they hold many rows. The library `hats`
numbers the pixels; the files are written here, because its own writer of properties tells the time.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.datasets.export.subject import ExportSubject
from astrid_sdk.errors import InvalidInputError

_INDEX, _INDEX_ORDER = "_healpix_29", 29
_MOST_ROWS = 100_000
_DEEPEST = 12
_A_FOLDER = 10_000  # pixels in one folder, as the format says
Numbers = NDArray[np.int64]


def require_hats() -> Any:
    """Return the part of the library that numbers pixels.

    Raises
    ------
    InvalidInputError
        It is not installed (kind ``missing_library``).
    """
    try:
        return importlib.import_module("hats.pixel_math.spatial_index")
    except ImportError:
        raise InvalidInputError(
            "the format 'hats' needs the library hats: install astrid-sdk[hats], or leave the "
            "format out",
            kind="missing_library",
        ) from None


def write_hats(table: pa.Table, subject: ExportSubject, folder: Path) -> None:
    """Write the rows of `table` that have a position as a catalogue in `folder`.

    Raises
    ------
    InvalidInputError
        No file has a position.
    """
    placed = table.filter(pc.and_(table["ra_deg"].is_valid(), table["dec_deg"].is_valid()))
    if not placed.num_rows:
        raise InvalidInputError(
            f"no file of {subject.version.name} has a position: leave the format 'hats' out",
            kind="no_position",
        )
    ra, dec = (placed[name].to_numpy() for name in ("ra_deg", "dec_deg"))
    index = np.asarray(require_hats().compute_spatial_index(ra, dec), np.int64)
    order = np.argsort(index, kind="stable")
    field = pa.field(_INDEX, pa.int64(), nullable=False, metadata={"ucd": "meta.id.cross"})
    rows = placed.add_column(0, field, arrow.column(index)).take(arrow.column(order))
    pixels = sorted(_pixels(index[order]))
    _write_dataset(rows, pixels, folder / "dataset")
    listed = "".join(f"{depth},{pixel}\n" for depth, pixel, _ in pixels)
    (folder / "partition_info.csv").write_text(f"Norder,Npix\n{listed}", encoding="ascii")
    for name in ("hats.properties", "properties"):
        _write_properties(rows, subject, folder / name)


def _pixels(index: Numbers, depth: int = 0) -> Iterator[tuple[int, int, slice]]:
    """Yield order, number and rows of the pixels that hold the sorted `index`."""
    waiting = [(depth, slice(0, len(index)))]
    while waiting:
        depth, part = waiting.pop()
        numbers = index[part] >> 2 * (_INDEX_ORDER - depth)
        pixels, first = np.unique(numbers, return_index=True)
        ends = [*first[1:], len(numbers)]
        for pixel, low, high in zip(pixels.tolist(), first.tolist(), ends, strict=True):
            rows = slice(part.start + low, part.start + int(high))
            if rows.stop - rows.start > _MOST_ROWS and depth < _DEEPEST:
                waiting.append((depth + 1, rows))
            else:
                yield depth, pixel, rows


def _write_dataset(rows: pa.Table, pixels: list[tuple[int, int, slice]], folder: Path) -> None:
    footers: list[pq.FileMetaData] = []
    for depth, pixel, part in pixels:
        name = f"Norder={depth}/Dir={pixel // _A_FOLDER * _A_FOLDER}/Npix={pixel}.parquet"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        some = rows.slice(part.start, part.stop - part.start)
        pq.write_table(some, folder / name, compression="zstd", metadata_collector=footers)
        footers[-1].set_file_path(name)
    pq.write_metadata(rows.schema, folder / "_common_metadata")
    pq.write_metadata(rows.schema, folder / "_metadata", metadata_collector=footers)


def _write_properties(rows: pa.Table, subject: ExportSubject, path: Path) -> None:
    version = subject.version
    said = {
        "obs_collection": version.dataset_id,
        "obs_title": version.name,
        "dataproduct_type": "object",
        "hats_version": "v1.0",
        "hats_nrows": rows.num_rows,
        "hats_col_ra": "ra_deg",
        "hats_col_dec": "dec_deg",
        "hats_col_healpix": _INDEX,
        "hats_col_healpix_order": _INDEX_ORDER,
        "hats_npix_suffix": ".parquet",
        "hats_max_rows": _MOST_ROWS,
        "hats_creation_date": f"{version.created_at:%Y-%m-%dT%H:%M}UTC",
        "hats_builder": "astrid-sdk",
        "hats_release_date": f"{version.created_at:%Y-%m-%d}",
    }
    text = "".join(f"{name}={value}\n" for name, value in said.items())
    path.write_text(text, encoding="ascii")
