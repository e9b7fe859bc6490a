"""What a search found: rows that are read when they are looked at, a page at a time."""

import html
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import override

from astrid_sdk import arrow
from astrid_sdk.catalog.record_rows import RECORDS_SCHEMA
from astrid_sdk.catalog.rows import UNREADABLE, Rows
from astrid_sdk.catalog.short import called, known, line
from astrid_sdk.catalog.snapshot import JUDGEMENT, places_of
from astrid_sdk.errors import InvalidInputError, StorageUnavailableError
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:  # they take a second to import, and most searches make none
    import pandas as pd
    from astropy.table import Table

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
    "survey",
    "object_name",
    "observation_id",
    "exposure_time_s",
    "pixel_scale_arcsec",
    "seeing_arcsec",
    "hdu_index",
    "derivation_key",
    "step",
    "origin",
    "purpose",
    "excluded",
    "created_at",
    "summary",
)
_TIME = "observation_time"
_STORED = {_TIME: "observed_at"}  # a time; what the header said stands beside it, as text
_SHOWN = ("tier", "night", _TIME, "filter_band", "ra_deg", "dec_deg", "role", "size_bytes")
_SHORT_TIME = "%Y-%m-%d %H:%M:%S"
_SHOWN_ROWS = 20
_PAGE_ROWS = 1_000
ORDER = ("tier", "observed_at", "name", "hdu_index", "content_hash")
_TIERS = arrow.column([tier.value for tier in Tier], pa.string())
"""As they follow from one another: the images that came in stand first."""


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """One row of an answer; unknown values are None, times are aware and UTC."""

    content_hash: str
    tier: str
    name: str
    role: str | None
    size_bytes: int
    media_type: str
    ra_deg: float | None
    dec_deg: float | None
    night: str | None
    observation_time: datetime | None
    filter_band: str | None
    instrument: str | None
    survey: str | None
    object_name: str | None
    observation_id: str | None
    exposure_time_s: float | None
    pixel_scale_arcsec: float | None
    seeing_arcsec: float | None
    hdu_index: int | None
    derivation_key: str
    step: str | None
    origin: str
    purpose: str | None
    excluded: str | None
    created_at: datetime
    summary: Mapping[str, Any]

    @override
    def __repr__(self) -> str:
        words = (self.tier, self.role, self.filter_band, self.night)
        return line(known(called(self.name, self.content_hash), *words))


class FoundTable(Sequence[Found]):
    """The rows that a search found: iterate it, show it, or take it elsewhere.

    Rows are read when they are looked at: `len` of a million reads none. Exposures come in the
    order of tiers, raw images first, and time.

    Parameters
    ----------
    rows : Rows
        The records.
    judged : pyarrow.Table
        Which of them were found, as `Snapshot.judge` returns them.
    reopen : callable
        Returns the records as they stand then, for when files of `rows` are gone.
    limit, offset : int, optional
        Which part of them, in order.
    is_ordered : bool
        Whether they are to stay in the order they are given in.
    explain : callable, optional
        Returns why nothing was found.
    """

    def __init__(
        self,
        rows: Rows,
        judged: pa.Table,
        reopen: Callable[[], Rows],
        *,
        limit: int | None = None,
        offset: int = 0,
        is_ordered: bool = False,
        explain: Callable[[], str] | None = None,
    ) -> None:
        self._rows = rows
        self._judged = judged
        self._reopen = reopen
        self._is_moved = False
        self._is_ordered = is_ordered
        self._explain = explain
        self._part = slice(offset, None if limit is None else offset + limit)

    @property
    def total(self) -> int:
        """How many rows were found, `limit` and `offset` aside."""
        return int(self._judged.num_rows)

    @cached_property
    def why_empty(self) -> str:
        """Why there are no rows, and what there is instead; "" where there are some.

        Worked out when it is asked for: such as ``"no stored image has instrument 'DECCam' (there
        are: DECam, ZTF)"``.
        """
        if len(self):
            return ""
        if self.total:
            return f"{self.total} rows were found: offset and limit leave none of them"
        return "these rows are no part of the answer" if self._explain is None else self._explain()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return COLUMNS

    @override
    def __len__(self) -> int:
        return len(range(self.total)[self._part])

    @override
    def __iter__(self) -> Iterator[Found]:
        for start in range(0, len(self), _PAGE_ROWS):
            page = self._ordered.slice(start, _PAGE_ROWS)
            for row in arrow.to_rows(self._read(page, COLUMNS)):
                yield Found(**{**row, "summary": json.loads(row["summary"])})

    @overload
    def __getitem__(self, index: int) -> Found: ...

    @overload
    def __getitem__(self, index: slice) -> "FoundTable": ...

    @override
    def __getitem__(self, index: int | slice) -> "Found | FoundTable":
        places = range(len(self))[index]
        if isinstance(places, int):
            return next(iter(self[places : places + 1]))
        part = self._ordered.take(arrow.column(places, pa.int64()))
        return FoundTable(self._rows, part, self._reopen, is_ordered=True)

    def to_arrow(self, columns: Sequence[str] = COLUMNS) -> pa.Table:
        """Return the rows as a pyarrow Table.

        Parameters
        ----------
        columns : sequence of str
            `COLUMNS`, or any columns of the records such as ``footprint_deg``.

        Raises
        ------
        InvalidInputError
            There is no such column.
        """
        known = {*COLUMNS, *RECORDS_SCHEMA.names}
        for name in columns:
            if name not in known:
                raise InvalidInputError(f"there is no column {name!r}: there are {sorted(known)}")
        return self._read(self._ordered, columns)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the rows as a data frame."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_table(self, *, iso_times: bool = False) -> "Table":
        """Return the rows as an astropy Table: columns with units and descriptions, no summary.

        Parameters
        ----------
        iso_times : bool
            Times as text, which a VOTable takes, instead of astropy's Time.
        """
        from astrid_sdk.catalog.search.sky_table import sky_table  # noqa: PLC0415 - as for the type

        columns = [name for name in COLUMNS if name != "summary"]
        return sky_table(self.to_arrow(columns), iso_times=iso_times)

    def values_of(self, column: str) -> list[Any]:
        """Return the different values of a column, least first; unknown ones are left out.

        Parameters
        ----------
        column : str
            As `to_arrow` takes it, such as ``"instrument"``.
        """
        return sorted(arrow.to_list(pc.unique(self.to_arrow([column])[column]).drop_null()))

    def sizes(self) -> dict[tuple[str, str], int]:
        """Return the bytes of each content, by tier and content hash, without making rows."""
        table = self._read(self._judged, ["tier", "content_hash", "size_bytes"])
        columns = (column.to_pylist() for column in table.columns)
        return {(tier, told): size for tier, told, size in zip(*columns, strict=True)}

    @override
    def __repr__(self) -> str:
        head = f"<{self._count()} found>"
        if not len(self):
            return f"{head}\nnothing found: {self.why_empty}"
        more = len(self) - _SHOWN_ROWS
        tail = f"\n… and {more} more: .to_pandas()" if more > 0 else ""
        return f"{head}\n{self._shown().to_string()}{tail}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        more = len(self) - _SHOWN_ROWS
        tail = f"<p>and {more} more: <code>.to_pandas()</code></p>" if more > 0 else ""
        if not len(self):
            tail = f"<p>nothing found: {html.escape(self.why_empty)}</p>"
        rows = self._shown().to_html(na_rep="") if len(self) else ""
        page = f"<p><b>{self._count()}</b> found</p>{rows}{tail}"
        return {"text/plain": repr(self), "text/html": page}

    def _count(self) -> str:
        return str(len(self)) if len(self) == self.total else f"{len(self)} of {self.total}"

    def _shown(self) -> "pd.DataFrame":
        columns = ["content_hash", "name", *_SHOWN]
        frame = self._read(self._ordered.slice(0, _SHOWN_ROWS), columns).to_pandas()
        names = [
            f"{name}@{content_hash[:8]}"
            for name, content_hash in zip(frame["name"], frame["content_hash"], strict=True)
        ]
        frame[_TIME] = frame[_TIME].dt.strftime(_SHORT_TIME)
        shown: pd.DataFrame = frame[list(_SHOWN)].set_axis(names).rename_axis("name@hash")
        return shown

    @cached_property
    def _ordered(self) -> pa.Table:
        """What was found, in order, of the part that was asked for."""
        if self._is_ordered:
            return self._judged
        keys = self._read(self._judged, ORDER)
        rank = pc.index_in(keys["tier"], value_set=_TIERS)
        keys = keys.set_column(ORDER.index("tier"), "tier", rank)
        order = arrow.to_numpy(pc.sort_indices(keys, [(name, "ascending") for name in ORDER]))
        return self._judged.take(arrow.column(order[self._part]))

    def _read(self, judged: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Return columns of some of what was found."""
        stored = {name: _STORED.get(name, name) for name in columns if name not in JUDGEMENT}
        told = self._told(judged, list(dict.fromkeys(stored.values())))
        read = {name: told[stored[name]] if name in stored else judged[name] for name in columns}
        return pa.table(read)

    def _told(self, judged: pa.Table, columns: Sequence[str]) -> pa.Table:
        try:
            return self._rows.take(self._places(judged), columns)
        except StorageUnavailableError as error:
            if error.kind != UNREADABLE:
                raise
        self._rows, self._is_moved = self._reopen(), True
        return self._rows.take(self._places(judged), columns)

    def _places(self, judged: pa.Table) -> NDArray[np.int64]:
        if not self._is_moved:
            return arrow.to_numpy(judged["place"])
        return places_of(self._rows, judged)
