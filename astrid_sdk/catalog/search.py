"""What do we have: rows of the catalogue by tier, name, time, filter and place on the sky."""

import fnmatch
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import override

from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.footprint import cone_intersects, separation_deg
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
_ORDER = [
    (name, "ascending")
    for name in ("tier", "observation_time", "name", "hdu_index", "content_hash")
]
_RIGHT_ANGLE_DEG = 90.0


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
        Exposure start, UTC, both ends included; ISO text is read as UTC where it names no zone.
    include_excluded : bool

    Raises
    ------
    InvalidInputError
        A condition cannot be understood: part of a cone is missing or out of range, there is no
        such tier, or a time is not one.
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
        _check_cone(self.ra_deg, self.dec_deg, self.radius_deg)
        if self.tier is not None:
            Tier.parse(self.tier)
        for when in (self.after, self.before):
            if when is not None:
                _utc(when)


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

    def sizes(self) -> dict[tuple[str, str], int]:
        """Return the bytes of each content, by tier and content hash, without making rows."""
        columns = (self._rows[name].to_pylist() for name in ("tier", "content_hash", "size_bytes"))
        return {(tier, told): size for tier, told, size in zip(*columns, strict=True)}

    @override
    def __repr__(self) -> str:
        return f"<{len(self)} found>\n{self._shown().to_string()}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        more = len(self) - _SHOWN_ROWS
        tail = f"<p>and {more} more: <code>.to_pandas()</code></p>" if more > 0 else ""
        page = f"<p><b>{len(self)}</b> found</p>{self._shown().to_html(na_rep='')}{tail}"
        return {"text/plain": repr(self), "text/html": page}

    def _shown(self) -> pd.DataFrame:
        frame = FoundTable(self._rows.slice(0, _SHOWN_ROWS)).to_pandas()
        called = [
            f"{name}@{content_hash[:8]}"
            for name, content_hash in zip(frame["name"], frame["content_hash"], strict=True)
        ]
        return frame[list(_SHOWN)].set_axis(pd.Index(called, name="name@hash"))


def find(catalog: Catalog, query: Query) -> FoundTable:
    """Return the rows of stored content that `query` describes, newest exposure last."""
    rows = catalog.contents()
    return FoundTable(rows.filter(_matches(rows, query)).sort_by(_ORDER).select(list(COLUMNS)))


def find_one(catalog: Catalog, prefix: str) -> Found:
    """Return the first row of the content whose hash starts with `prefix`, excluded or not.

    Raises
    ------
    NotFoundError, InvalidInputError
        As `Catalog.resolve`.
    """
    resolved = catalog.resolve(prefix)
    rows = catalog.contents()
    rows = rows.filter(pc.equal(rows["content_hash"], resolved)).sort_by(_ORDER)
    return next(iter(FoundTable(rows.select(list(COLUMNS)))))


def _check_cone(ra_deg: float | None, dec_deg: float | None, radius_deg: float | None) -> None:
    if ra_deg is None and dec_deg is None and radius_deg is None:
        return
    if ra_deg is None or dec_deg is None or radius_deg is None:
        raise InvalidInputError("a cone takes all of ra_deg, dec_deg and radius_deg", kind="cone")
    in_range = abs(dec_deg) <= _RIGHT_ANGLE_DEG and radius_deg >= 0  # False for NaN
    if not (in_range and math.isfinite(ra_deg)):
        raise InvalidInputError(
            f"no cone of {radius_deg} degrees is at ra_deg={ra_deg}, dec_deg={dec_deg}: give ICRS "
            "degrees, dec_deg from -90 to 90 and a radius of 0 or more",
            kind="cone",
        )


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
    fits = re.compile(fnmatch.translate(pattern.lower())).match
    names = rows["name"].to_pylist()
    return np.fromiter((fits(name.lower()) is not None for name in names), bool, len(names))


def _in_time(rows: pa.Table, query: Query) -> NDArray[np.bool_]:
    keep = np.ones(rows.num_rows, bool)
    if query.after is None and query.before is None:
        return keep
    starts = pd.to_datetime(rows["observation_time"].to_pandas(), utc=True, format="ISO8601")
    if query.after is not None:  # an unknown time is neither after nor before
        keep &= (starts >= _utc(query.after)).to_numpy()
    if query.before is not None:
        keep &= (starts <= _utc(query.before)).to_numpy()
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
    if query.ra_deg is None or query.dec_deg is None or query.radius_deg is None:
        return np.ones(rows.num_rows, bool)
    ra, dec, radius = (_numbers(rows, name) for name in ("ra_deg", "dec_deg", "radius_deg"))
    apart = separation_deg(ra, dec, query.ra_deg, query.dec_deg)
    keep = apart <= query.radius_deg + np.nan_to_num(radius)  # False where there is no position
    near = np.flatnonzero(keep)
    footprints = rows["footprint_deg"].take(pa.array(near))
    sides = np.asarray(pc.fill_null(pc.list_value_length(footprints), 0))
    for count in np.unique(sides[sides > 0]):  # polygons of as many corners are told at once
        alike = np.flatnonzero(sides == count)
        angles = pc.list_flatten(footprints.take(pa.array(alike))).to_numpy()
        corners = angles.reshape(len(alike), -1, 2)
        touches = cone_intersects(corners, query.ra_deg, query.dec_deg, query.radius_deg)
        keep[near[alike]] = touches
    return keep


def _numbers(rows: pa.Table, column: str) -> NDArray[np.float64]:
    return np.asarray(rows[column].to_numpy(), dtype=np.float64)  # null is NaN
