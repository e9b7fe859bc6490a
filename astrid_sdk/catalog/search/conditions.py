"""Which rows meet the conditions of a query: column by column, without a Python object per row."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.record_rows import footprints_of
from astrid_sdk.catalog.search.patterns import matches_any, pattern_of
from astrid_sdk.catalog.search.query import Query, utc
from astrid_sdk.catalog.search.regions import Region

Bools = NDArray[np.bool_]

PLACE = ("ra_deg", "dec_deg", "reach_deg")
"""Columns that say where a row is."""

FOOTPRINT = "footprint_deg"
_A_PAIR = 2
_EXACT = ("filter_band", "night", "instrument", "survey", "role", "observation_id")
_SAID = ("purpose", "step")
_PATTERNS = ("name", "object_name")


def columns_of(query: Query) -> list[str]:
    """Return the columns that `told` looks at, not counting those of a place."""
    named = [name for name in (*_EXACT, *_PATTERNS) if getattr(query, name) is not None]
    tier = ["tier"] if query.tier is not None else []
    time = ["observed_at"] if query.after is not None or query.before is not None else []
    return [*named, *tier, *time, *(["created_at"] if query.as_of is not None else [])]


def told(rows: pa.Table, query: Query) -> Bools:
    """Return which rows of the records meet what a record itself says: no place, no statement."""
    keep = np.ones(rows.num_rows, np.bool_)
    for name in _EXACT:
        keep &= _one_of(rows, name, query.words(name))
    keep &= _one_of(rows, "tier", query.tiers())
    for name in _PATTERNS:
        if (patterns := query.words(name)) is not None:
            if name == "name":  # a folder before it need not be told
                patterns = [*patterns, *(f"*/{pattern}" for pattern in patterns)]
            keep &= _bools(matches_any(rows[name], patterns))
    keep &= _since(rows, "observed_at", query.after, pc.greater_equal)
    keep &= _since(rows, "observed_at", query.before, pc.less_equal)
    return keep & _since(rows, "created_at", query.as_of, pc.less_equal)


def judged(rows: pa.Table, query: Query) -> Bools:
    """Return which contents meet what was said of them: purpose, exclusion, the step behind."""
    keep = np.ones(rows.num_rows, np.bool_)
    for name in _SAID:
        keep &= _one_of(rows, name, query.words(name))
    if not query.include_excluded:
        keep &= _bools(pc.is_null(rows["excluded"]))
    return keep


def near(rows: pa.Table, regions: Sequence[Region]) -> Bools:
    """Return which rows may touch all of `regions`: every one that does, and few more."""
    ra, dec, reach = (_numbers(rows, name) for name in PLACE)
    keep = np.ones(rows.num_rows, np.bool_)
    for region in regions:
        keep &= region.is_near(ra, dec, reach)  # False where there is no position
    return keep


def touching(rows: pa.Table, regions: Sequence[Region]) -> Bools:
    """Return which rows touch all of `regions`, by footprint, or by position without one."""
    ra, dec = (_numbers(rows, name) for name in PLACE[:2])
    somewhere = np.isfinite(ra) & np.isfinite(dec)
    keep = somewhere.copy()
    places = np.flatnonzero(somewhere)
    for region in regions:
        touches = np.zeros(rows.num_rows, np.bool_)
        touches[places] = region.holds(ra[places], dec[places])
        for some, corners in footprints_of(rows[FOOTPRINT]):
            touches[some] = region.touches(corners)
        keep &= touches
    return keep


def with_cards(summaries: pa.ChunkedArray, query: Query) -> Bools:
    """Return which summaries hold the header cards that are wanted.

    The text is searched as it is: keywords are in capitals and names of a summary are not, and a
    quote within a text is escaped, so that a keyword with its quotes stands for the card alone.
    """
    keep = np.ones(len(summaries), np.bool_)
    for keyword, wanted in query.cards().items():
        texts, distinct = _card(summaries, keyword)
        meets = [text is not None and _meets(json.loads(text), wanted) for text in distinct]
        places = pc.index_in(texts, value_set=arrow.column(distinct, pa.string()))
        keep &= _bools(arrow.column(meets, pa.bool_()).take(places))
    return keep


def card_values(summaries: pa.ChunkedArray, keyword: str) -> list[str | float]:
    """Return the distinct values that a card has in these summaries."""
    return [json.loads(text) for text in _card(summaries, keyword)[1] if text is not None]


def _card(summaries: pa.ChunkedArray, keyword: str) -> tuple[pa.Array, list[str | None]]:
    """Return a card of each summary as JSON, null where it has none; and each different text."""
    key = re.escape(json.dumps(keyword))
    value = r'"(?:[^"\\]|\\.)*"|[^,"{}\[\]]+'
    found = pc.extract_regex(summaries, pattern=f"[{{,]{key}:(?P<value>{value})")
    texts = arrow.whole(pc.struct_field(found, "value"))
    return texts, pc.unique(texts).to_pylist()


def _meets(value: object, wanted: Any) -> bool:
    if isinstance(wanted, str):
        pattern = re.compile(pattern_of(wanted), re.IGNORECASE | re.DOTALL)
        return isinstance(value, str) and pattern.fullmatch(value) is not None
    if _is_range(wanted):
        return _in_range(value, *wanted)
    if isinstance(wanted, list | tuple):
        return any(_meets(value, one) for one in wanted)
    return not isinstance(value, str) and value == wanted


def _is_range(wanted: object) -> bool:
    """Return whether a pair of numbers is meant: texts, or a list, are values to choose from."""
    if not isinstance(wanted, tuple) or len(wanted) != _A_PAIR:
        return False
    return not any(isinstance(end, str) for end in wanted)


def _in_range(value: object, low: float | None, high: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def _one_of(rows: pa.Table, column: str, words: Sequence[str] | None) -> Bools:
    if words is None:
        return np.ones(rows.num_rows, np.bool_)
    return _bools(pc.is_in(rows[column], value_set=arrow.column(words, pa.string())))


def _since(
    rows: pa.Table,
    column: str,
    when: datetime | str | None,
    compare: Callable[[pa.ChunkedArray, pa.Scalar], pa.ChunkedArray],
) -> Bools:
    """Return which times compare so with `when`; an unknown time is neither after nor before."""
    if when is None:
        return np.ones(rows.num_rows, np.bool_)
    found = compare(rows[column], arrow.scalar(utc(when), rows[column].type))
    return _bools(arrow.filled(found, False))


def _bools(values: pa.Array | pa.ChunkedArray) -> Bools:
    return arrow.to_numpy(values)


def _numbers(rows: pa.Table, column: str) -> NDArray[np.float64]:
    return np.asarray(arrow.to_numpy(rows[column]), np.float64)  # null is NaN
