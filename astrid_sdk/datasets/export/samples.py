"""The table of a dataset version: a row per file, units and UCDs in the fields' metadata."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from astrid_sdk import arrow
from astrid_sdk.catalog.models.arrow_models import CONTENT_HASH, DEC, RA
from astrid_sdk.catalog.models.columns import Column, Many, Text, Whole
from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.datasets.export.subject import ExportStore, ExportSubject
from astrid_sdk.datasets.manifest import DatasetFile

FORMAT_VERSION = 1
_COLUMNS = {
    "path": Column(Text(), "path of the file in the dataset", ucd="meta.id;meta.file;meta.main"),
    "content_hash": CONTENT_HASH,
    "role": Column(Text(), "what the file is", ucd="meta.code.class;meta.file"),
    "label": Column(Text(), "what people say it shows", ucd="meta.code.class"),
    "side": Column(Text(), "side of the split it is on", ucd="meta.code"),
    "tier": Column(Text(), "where the store keeps it", ucd="meta.code"),
    "media_type": Column(Text(), "media type", ucd="meta.code.mime"),
    "size_bytes": Column(Whole(), "length of the file", "byte", "phys.size;meta.file"),
    "ra_deg": RA,
    "dec_deg": DEC,
    "sources": Column(Many(Text()), "raw observations behind it", ucd="meta.id.parent"),
}
_OBSERVED = {  # of an exposure, by the name that the catalogue's records have for it
    "object_name": "object_name",
    "survey": "survey",
    "instrument": "instrument",
    "filter_band": "filter_band",
    "night": "night",
    "observation_time": "observed_at",
    "midpoint_mjd_tai": "midpoint_mjd_tai",
    "exposure_time_s": "exposure_time_s",
    "pixel_scale_arcsec": "pixel_scale_arcsec",
    "seeing_arcsec": "seeing_arcsec",
}
_Known = Mapping[str, Mapping[str, Any]]
_OF_ITSELF = ("media_type", "size_bytes", "ra_deg", "dec_deg")


def sample_schema(subject: ExportSubject) -> pa.Schema:
    """Return the table's columns; the schema's metadata says which version it is of."""
    version = subject.version
    said = {
        "astrid.samples_version": str(FORMAT_VERSION),
        "astrid.dataset_id": version.dataset_id,
        "astrid.version": f"v{version.number}",
        "astrid.manifest_hash": version.manifest_hash,
    }
    observed = Observation.schema()
    own = [
        column.field(name, optional=name not in {"path", "content_hash", "role", "tier"})
        for name, column in _COLUMNS.items()
    ]
    return pa.schema([*own, *(observed.field(name) for name in _OBSERVED)], said)


def sample_table(store: ExportStore, subject: ExportSubject) -> pa.Table:
    """Return a row per file of the version, in the order of their paths.

    What the manifest does not say is taken from the catalogue: of the content itself, and for the
    exposure, where the content does not tell, of its raw observation if it has only one.
    """
    files = subject.files
    asked = {file.content_hash for file in files} | {_only_source(file) for file in files}
    told = told_of(
        store.catalog, asked, ["content_hash", "hdu_index", *_OF_ITSELF, *_OBSERVED.values()]
    )
    known = {content_hash: min(rows, key=_hdu) for content_hash, rows in told.items()}
    rows = [_row(file, subject, known) for file in files]
    schema = sample_schema(subject)
    columns = [arrow.column([row[field.name] for row in rows], field.type) for field in schema]
    return pa.table(columns, schema=schema)


def write_samples(table: pa.Table, path: Path) -> None:
    """Write the table as Parquet."""
    pq.write_table(table, path, compression="zstd")


def texts(table: pa.Table, name: str) -> Sequence[str | None]:
    """Return a column of texts."""
    found: list[str | None] = table[name].to_pylist()
    return found


def _row(file: DatasetFile, subject: ExportSubject, known: _Known) -> dict[str, Any]:
    own, behind = known.get(file.content_hash, {}), known.get(_only_source(file), {})
    said = {name: getattr(file, name, None) for name in _COLUMNS}
    said |= {"side": subject.sides.get(file.path), "sources": list(file.sources)}
    said |= {name: own.get(name) for name in _OF_ITSELF if said[name] is None}
    observed = {
        name: behind.get(called) if own.get(called) is None else own[called]
        for name, called in _OBSERVED.items()
    }
    return said | observed


def _only_source(file: DatasetFile) -> str:
    return file.sources[0] if len(file.sources) == 1 else ""


def _hdu(row: Mapping[str, Any]) -> int:
    return int(row["hdu_index"] or 0)
