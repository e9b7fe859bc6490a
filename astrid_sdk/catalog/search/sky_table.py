"""What was found as an astropy Table: each column with its unit and what it means."""

import numpy as np
import pyarrow as pa
from astropy import units
from astropy.table import Column, MaskedColumn, Table

_UNITS = {
    "size_bytes": units.byte,
    "ra_deg": units.deg,
    "dec_deg": units.deg,
    "exposure_time_s": units.s,
    "pixel_scale_arcsec": units.arcsec,
    "seeing_arcsec": units.arcsec,
}
_MEANINGS = {
    "content_hash": "SHA-256 of the bytes",
    "tier": "where the content is kept",
    "name": "what people call it",
    "role": "image, weight, mask, or what a step calls its output",
    "size_bytes": "length of the content",
    "media_type": "kind of the content",
    "ra_deg": "right ascension of the centre, ICRS",
    "dec_deg": "declination of the centre, ICRS",
    "night": "local date at the noon before the exposure",
    "observation_time": "start of the exposure, UTC, ISO 8601",
    "filter_band": "band, in short",
    "instrument": "as the header calls it",
    "survey": "as the header calls it",
    "object_name": "target, as the header calls it",
    "observation_id": "shared by image, weight and mask of one exposure",
    "exposure_time_s": "exposure time",
    "pixel_scale_arcsec": "side of a pixel",
    "seeing_arcsec": "full width at half maximum of stars",
    "hdu_index": "number of the HDU in the file",
    "derivation_key": "names the computation that made it",
    "step": "the step that made it",
    "origin": "where it was ingested from",
    "purpose": "what the frame is for",
    "excluded": "why it is left out",
    "created_at": "when the record was made, UTC, ISO 8601",
}


def sky_table(rows: pa.Table) -> Table:
    """Return `rows` as an astropy Table; unknown values are masked."""
    return Table([_column(name, rows[name]) for name in rows.column_names])


def _column(name: str, values: pa.ChunkedArray) -> Column:
    told = {"name": name, "unit": _UNITS.get(name), "description": _MEANINGS.get(name, "")}
    if pa.types.is_timestamp(values.type):
        values = pa.array([when.isoformat() for when in values.to_pylist()], pa.string())
    unknown = np.asarray(values.is_null())
    if pa.types.is_string(values.type):
        known = np.array([text or "" for text in values.to_pylist()], dtype=np.str_)
    else:
        known = np.asarray(values.fill_null(0))
    return MaskedColumn(known, mask=unknown, **told) if unknown.any() else Column(known, **told)
