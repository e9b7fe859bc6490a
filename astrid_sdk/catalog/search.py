"""What do we have: rows of the catalogue by tier, name, time, filter and place on the sky."""

import fnmatch
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.footprint import cone_intersects, separation_deg
from astrid_sdk.storage.records import RecordKind
from astrid_sdk.tiers import Tier

COLUMNS = (
    "content_hash",
    "tier",
    "name",
    "role",
    "size_bytes",
    "media_type",
    "ra_deg",
    "dec_deg",
    "night",
    "observation_time",
    "filter_band",
    "instrument",
    "object_name",
    "exposure_time_s",
    "pixel_scale_arcsec",
    "hdu_index",
    "derivation_key",
    "origin",
    "purpose",
    "excluded",
    "created_at",
    "summary",
)
_SHOWN = ("tier", "night", "filter_band", "ra_deg", "dec_deg", "role", "size_bytes")
_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; every condition that is given must hold.

    Attributes
    ----------
    ra_deg, dec_deg, radius_deg : float, optional
        A cone, ICRS degrees: images whose footprint it touches, positions that lie in it.
    tier : Tier or str, optional
    name : str, optional
        A pattern such as ``"sn2024*"``; case does not matter.
    filter_band, night, instrument, role, purpose : str, optional
        Exactly this.
    after, before : datetime or str, optional
        Exposure start, UTC; ISO text is read as UTC where it names no zone.
    include_excluded : bool
    """

    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    tier: Tier | str | None = None
    name: str | None = None
    filter_band: str | None = None
    night: str | None = None
    instrument: str | None = None
    role: str | None = None
    purpose: str | None = None
    after: datetime | str | None = None
    before: datetime | str | None = None
    include_excluded: bool = False

    def __post_init__(self) -> None:
        cone = (self.ra_deg, self.dec_deg, self.radius_deg)
        if any(part is not None for part in cone) and any(part is None for part in cone):
            raise InvalidInputError("a cone takes all of ra_deg, dec_deg and radius_deg")


@dataclass(frozen=True, slots=True)
class Found:
    """One row of an answer; unknown values are None."""

    content_hash: str
    tier: str
    name: str
    role: str | None
    size_bytes: int
    media_type: str
    ra_deg: float | None
    dec_deg: float | None
    night: str | None
    observation_time: str | None
    filter_band: str | None
    instrument: str | None
    object_name: str | None
    exposure_time_s: float | None
    pixel_scale_arcsec: float | None
    hdu_index: int | None
    derivation_key: str
    origin: str
    purpose: str | None
    excluded: str | None
    created_at: datetime
    summary: Mapping[str, Any]


class FoundTable:
    """The rows that a search found: iterate it, show it, or take it elsewhere.

    Parameters
    ----------
    rows : pyarrow.Table
        Columns as in `COLUMNS`.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def __iter__(self) -> Iterator[Found]:
        for row in self._rows.to_pylist():
            yield Found(**{**row, "summary": json.loads(row["summary"])})

    def to_arrow(self) -> pa.Table:
        """Return the rows as a pyarrow Table."""
        return self._rows

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a data frame."""
        frame: pd.DataFrame = self._rows.to_pandas()
        return frame

    def __repr__(self) -> str:
        return f"<{len(self)} found>\n{self._shown().to_string()}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        more = len(self) - _SHOWN_ROWS
        tail = f"<p>and {more} more: <code>.to_pandas()</code></p>" if more > 0 else ""
        page = f"<p><b>{len(self)}</b> found</p>{self._shown().to_html(na_rep='')}{tail}"
        return {"text/plain": repr(self), "text/html": page}

    def _shown(self) -> pd.DataFrame:
        frame = self._rows.slice(0, _SHOWN_ROWS).to_pandas()
        called = [
            html.escape(f"{name}@{content_hash[:8]}")
            for name, content_hash in zip(frame["name"], frame["content_hash"], strict=True)
        ]
        return frame[list(_SHOWN)].set_axis(pd.Index(called, name="name@hash"))


def find(catalog: Catalog, query: Query) -> FoundTable:
    """Return the rows of stored content that `query` describes, newest exposure last."""
    rows = _with_statements(catalog.records())
    rows = rows.filter(_matches(rows, query))
    order = [(name, "ascending") for name in ("tier", "observation_time", "name", "hdu_index")]
    return FoundTable(rows.sort_by(order).select(list(COLUMNS)))


def _with_statements(records: pa.Table) -> pa.Table:
    """Return the content rows, one per content, tier and HDU, with what people said of them."""
    purposes = _latest(records, RecordKind.TAG, "purpose")
    excluded = _latest(records, RecordKind.EXCLUDE, "reason")
    kinds = pa.array([RecordKind.INGEST.value, RecordKind.DERIVED.value])
    content = records.filter(pc.is_in(records["kind"], value_set=kinds))
    content = content.sort_by([("created_at", "ascending"), ("name", "ascending")])
    content = content.filter(pa.array(_first_of_each(content), pa.bool_()))
    hashes = content["content_hash"].to_pylist()
    for column, said in (("purpose", purposes), ("excluded", excluded)):
        values = pa.array([said.get(content_hash) for content_hash in hashes], pa.string())
        content = content.append_column(column, values)
    return _with_default_purpose(content)


def _with_default_purpose(content: pa.Table) -> pa.Table:
    """Return `content` with raw images that nobody spoke of as science."""
    is_raw = pc.equal(content["tier"], Tier.RAW_OBSERVATIONS.value)
    unsaid = pc.and_(is_raw, pc.is_null(content["purpose"]))
    purposes = pc.if_else(unsaid, "science", content["purpose"])
    return content.set_column(content.schema.get_field_index("purpose"), "purpose", purposes)


def _first_of_each(content: pa.Table) -> list[bool]:
    seen: set[tuple[Any, ...]] = set()
    keep = []
    columns = [content[name].to_pylist() for name in ("content_hash", "tier", "hdu_index")]
    for identity in zip(*columns, strict=True):
        keep.append(identity not in seen)
        seen.add(identity)
    return keep


def _latest(records: pa.Table, kind: RecordKind, detail: str) -> dict[str, str | None]:
    """Return per content hash the last value that a statement of `kind` gave `detail`."""
    rows = records.filter(pc.equal(records["kind"], kind.value))
    rows = rows.sort_by([("created_at", "ascending")])
    said: dict[str, str | None] = {}
    pairs = zip(rows["content_hash"].to_pylist(), rows["details"].to_pylist(), strict=True)
    for content_hash, text in pairs:
        details = json.loads(text)
        if detail in details:
            said[content_hash] = details[detail]
    return said


def _matches(rows: pa.Table, query: Query) -> pa.Array:
    keep = np.ones(rows.num_rows, bool)
    if query.tier is not None:
        keep &= _equal(rows, "tier", Tier.parse(query.tier).value)
    for column in ("filter_band", "night", "instrument", "role", "purpose"):
        wanted = getattr(query, column)
        if wanted is not None:
            keep &= _equal(rows, column, wanted)
    if query.name is not None:
        keep &= _named(rows, query.name)
    if not query.include_excluded:
        keep &= np.asarray(pc.is_null(rows["excluded"]))
    return pa.array(keep & _in_time(rows, query) & _in_cone(rows, query))


def _equal(rows: pa.Table, column: str, wanted: str) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(pc.equal(rows[column], wanted), fill_value=False))


def _named(rows: pa.Table, pattern: str) -> NDArray[np.bool_]:
    wanted = pattern.lower()
    names = rows["name"].to_pylist()
    return np.array([fnmatch.fnmatchcase(name.lower(), wanted) for name in names], bool)


def _in_time(rows: pa.Table, query: Query) -> NDArray[np.bool_]:
    keep = np.ones(rows.num_rows, bool)
    if query.after is None and query.before is None:
        return keep
    for i, text in enumerate(rows["observation_time"].to_pylist()):
        start = None if text is None else _utc(text)
        early = start is None or (query.after is not None and start < _utc(query.after))
        late = start is None or (query.before is not None and start > _utc(query.before))
        keep[i] = not (early or late)
    return keep


def _utc(when: datetime | str) -> datetime:
    try:
        parsed = when if isinstance(when, datetime) else datetime.fromisoformat(when)
    except ValueError:
        raise InvalidInputError(
            f"{when!r} is not a time: write it as 2024-04-05 or 2024-04-05T06:30:00"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _in_cone(rows: pa.Table, query: Query) -> NDArray[np.bool_]:
    keep = np.ones(rows.num_rows, bool)
    if query.ra_deg is None or query.dec_deg is None or query.radius_deg is None:
        return keep
    ra, dec, radius = (_numbers(rows, name) for name in ("ra_deg", "dec_deg", "radius_deg"))
    apart = separation_deg(ra, dec, query.ra_deg, query.dec_deg)
    keep = apart <= query.radius_deg + np.nan_to_num(radius)  # False where there is no position
    summaries = rows["summary"].to_pylist()
    for i in np.flatnonzero(keep):
        footprint = json.loads(summaries[i]).get("footprint")
        if footprint:
            keep[i] = cone_intersects(footprint, query.ra_deg, query.dec_deg, query.radius_deg)
    return keep


def _numbers(rows: pa.Table, column: str) -> NDArray[np.float64]:
    return np.array(rows[column].to_pylist(), dtype=np.float64)
