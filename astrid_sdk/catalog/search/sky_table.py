"""What was found as an astropy Table: each column with its unit and what it means."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy import units
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time

from astrid_sdk import arrow

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
    "observation_time": "start of the exposure, UTC",
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
    "created_at": "when the record was made, UTC",
}


def sky_table(rows: pa.Table, *, iso_times: bool = False) -> Table:
    """Return `rows` as an astropy Table; unknown values are masked, times are astropy's or text."""
    table = Table()
    for name in rows.column_names:
        values, is_time = rows[name], pa.types.is_timestamp(rows[name].type)
        if is_time and iso_times:
            values = pc.strftime(values, "%Y-%m-%dT%H:%M:%S")
        table[name] = _times(values) if is_time and not iso_times else _column(values)
        table[name].info.description = _MEANINGS.get(name, "")
        if name in _UNITS:
            table[name].unit = _UNITS[name]
    return table


def _times(values: pa.ChunkedArray) -> Time:
    """Return moments as UTC, shown as ISO 8601."""
    moments = arrow.to_numpy(values.cast(pa.timestamp("us")))
    times = Time(moments, format="datetime64", scale="utc", precision=6)
    times.format = "isot"
    return times


def _column(values: pa.ChunkedArray) -> Column:
    unknown = arrow.to_numpy(values.is_null())
    if pa.types.is_string(values.type):
        known = np.array([text or "" for text in values.to_pylist()], dtype=np.str_)
    else:
        known = arrow.to_numpy(arrow.filled(values, 0))
    return MaskedColumn(known, mask=unknown) if unknown.any() else Column(known)
