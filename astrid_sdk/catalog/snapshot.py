"""The catalogue as it was read at one moment: what is stored, worked out where it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.contents import (
    JUDGED,
    contents_of,
    telling,
    unique_derivations,
    unique_records,
)
from astrid_sdk.catalog.deleted import hidden_records, is_one_of, live_tombstones
from astrid_sdk.catalog.derivation_rows import COMMITS, DERIVATIONS_SCHEMA
from astrid_sdk.catalog.lookup import code_range, codes_of
from astrid_sdk.catalog.record_rows import RECORDS_SCHEMA
from astrid_sdk.catalog.rows import Rows
from astrid_sdk.errors import NotFoundError

JUDGEMENT = ("purpose", "excluded", "step")
"""Columns of contents that no single record says."""

Numbers = NDArray[np.int64]
FEW = 0.25
"""Share of all rows: fewer than that are picked out, more are read together."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Both tables at one moment.

    Attributes
    ----------
    record_rows, derivation_rows : Rows
        As they stand in the tables, some perhaps more than once.
    """

    record_rows: Rows
    derivation_rows: Rows

    @cached_property
    def judged(self) -> pa.Table:
        """Everything that is stored, a row per content, tier and HDU, earliest first.

        The columns are those of `JUDGED` and `JUDGEMENT`, and ``place``: the number of the row in
        `record_rows` that tells of it.
        """
        return self.judge(None)

    @cached_property
    def contents(self) -> pa.Table:
        """Everything that is stored, with all columns of records and of `JUDGEMENT`."""
        judged = self.judged
        told = self.record_rows.take(arrow.to_numpy(judged["place"]), RECORDS_SCHEMA.names)
        for name in JUDGEMENT:
            told = told.append_column(name, judged[name])
        return told

    @cached_property
    def records(self) -> pa.Table:
        """Every record once, earliest first."""
        return unique_records(self.record_rows.table(RECORDS_SCHEMA.names))

    @cached_property
    def derivations(self) -> pa.Table:
        """Every derivation once, earliest first."""
        return unique_derivations(self.derivation_rows.table(DERIVATIONS_SCHEMA.names))

    def judge(self, places: Numbers | None, as_of: datetime | None = None) -> pa.Table:
        """Return the contents among some rows of the records, as `judged` has them.

        Parameters
        ----------
        places : ndarray or None
            Numbers of rows: all rows of the contents in question. None is every row.
        as_of : datetime, optional
            Only what was said and done until then counts.
        """
        rows = self._told(places)
        commits = self.commits(rows["derivation_key"])
        if as_of is not None:
            rows, commits = (_until(table, as_of) for table in (rows, commits))
        return contents_of(unique_records(rows), commits, hidden_records(rows))

    @cached_property
    def deleted(self) -> pa.Table:
        """What was deleted and is nowhere else, with the columns of `judged`."""
        rows = self._told(None)
        hidden = hidden_records(rows)
        if not len(hidden):
            return self.judged.slice(0, 0)
        contents = contents_of(unique_records(rows), self.commits(rows["derivation_key"]))
        there = arrow.whole(self.judged["content_hash"])
        gone = pc.invert(pc.is_in(contents["content_hash"], value_set=there))
        return contents.filter(pc.and_(gone, is_one_of(contents, hidden)))

    def records_of(self, content_hash: str) -> pa.Table:
        """Return every row that tells of a content, with the columns of `JUDGED` and ``place``."""
        rows = self._told(self._places_with(content_hash))
        return rows.filter(arrow.equal(rows["content_hash"], content_hash))

    def telling_of(self, content_hash: str) -> pa.Table:
        """Return the records that a content comes of and that count, each image a row."""
        rows = self.records_of(content_hash)
        told = telling(unique_records(rows), self.commits(rows["derivation_key"]))
        return told.filter(pc.invert(is_one_of(told, hidden_records(rows))))

    def tombstones_with(self, prefix: str) -> pa.Table:
        """Return the deletions, not taken back, of contents whose hash starts with `prefix`."""
        rows = self._told(self._places_with(prefix))
        return live_tombstones(rows.filter(pc.starts_with(rows["content_hash"], pattern=prefix)))

    def of_same_content(self, places: Numbers) -> Numbers:
        """Return all rows that tell of the contents that the rows `places` tell of."""
        if len(places) > FEW * self.record_rows.num_rows:
            return np.arange(self.record_rows.num_rows)
        codes = arrow.to_numpy(self.record_rows.take(places, ["code"])["code"])
        return self.record_rows.with_code(codes)

    def contents_with(self, prefix: str) -> pa.Table:
        """Return what `judge` says of the contents whose hash starts with `prefix`."""
        judged = self.judge(self._places_with(prefix))
        return judged.filter(pc.starts_with(judged["content_hash"], pattern=prefix))

    def keys_with(self, prefix: str) -> pa.ChunkedArray:
        """Return the derivation keys that records of these contents name."""
        places = self._places_with(prefix)
        return self.record_rows.take(places, ["derivation_key"])["derivation_key"]

    def commits(self, keys: pa.ChunkedArray) -> pa.Table:
        """Return the derivations with one of `keys`, each once: the columns `COMMITS`."""
        wanted = pc.unique(keys)
        rows = self._derivations_of(wanted)
        return unique_derivations(rows.filter(pc.is_in(rows["key"], value_set=wanted)))

    def unknown(self, keys: pa.ChunkedArray) -> list[str]:
        """Return those of `keys` that no row of the derivations has."""
        wanted = pc.unique(keys)
        wanted = wanted.filter(pc.not_equal(wanted, arrow.scalar("", wanted.type)))
        known = arrow.whole(self._derivations_of(wanted, ["key"])["key"])
        missing: list[str] = wanted.filter(pc.invert(pc.is_in(wanted, value_set=known))).to_pylist()
        return missing

    @cached_property
    def uncommitted(self) -> list[str]:
        """Keys that records name and no derivation in the table has."""
        return self.unknown(self.record_rows.column("derivation_key"))

    def _places_with(self, prefix: str) -> Numbers:
        low, high = (np.array([code]) for code in code_range(prefix))
        return self.record_rows.with_codes(low, high)

    def _told(self, places: Numbers | None) -> pa.Table:
        if places is None or len(places) == self.record_rows.num_rows:
            places = np.arange(self.record_rows.num_rows)
            rows = self.record_rows.table(JUDGED)
        else:
            rows = self.record_rows.take(places, JUDGED)
        return rows.append_column("place", arrow.column(places))

    def _derivations_of(self, keys: pa.Array, columns: Sequence[str] = COMMITS) -> pa.Table:
        """Return the rows of derivations with one of `keys`, and perhaps others."""
        if len(keys) > FEW * self.derivation_rows.num_rows:
            return self.derivation_rows.table(columns)
        return self.derivation_rows.take(self.derivation_rows.with_code(codes_of(keys)), columns)


def places_of(rows: Rows, judged: pa.Table) -> Numbers:
    """Return where `rows` tell of what was judged of an earlier version of them.

    Raises
    ------
    NotFoundError
        A record is no longer there.
    """
    candidates = rows.with_code(codes_of(judged["content_hash"]))
    told = rows.take(candidates, ["record_id", "hdu_index"])
    found = pc.index_in(_identity(judged), value_set=arrow.whole(_identity(told)))
    if found.null_count:
        raise NotFoundError("a record of this answer was deleted since: search again")
    return np.asarray(candidates[arrow.to_numpy(found)], np.int64)


def _identity(rows: pa.Table) -> pa.ChunkedArray:
    index = arrow.filled(rows["hdu_index"].cast(pa.string()), "")
    return pc.binary_join_element_wise(rows["record_id"], index, arrow.scalar(" ", pa.string()))


def _until(rows: pa.Table, when: datetime) -> pa.Table:
    return rows.filter(
        pc.less_equal(rows["created_at"], arrow.scalar(when, rows["created_at"].type))
    )
