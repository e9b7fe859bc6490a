"""What do we have: rows of the catalogue by tier, name, time, filter and place on the sky.

A search first picks the rows that may be meant, reading only the columns and the parts of the sky
that its conditions name, and then judges the contents that these rows tell of, with everything
that was said of them. That gives what judging everything and then picking would give.
"""

from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.cells import cells_in
from astrid_sdk.catalog.contents import JUDGED
from astrid_sdk.catalog.search import conditions
from astrid_sdk.catalog.search.emptiness import why_empty
from astrid_sdk.catalog.search.found import COLUMNS, ORDER, Found, FoundTable
from astrid_sdk.catalog.search.query import Query, utc
from astrid_sdk.catalog.snapshot import Snapshot
from astrid_sdk.catalog.tables import Catalog

__all__ = ["COLUMNS", "Found", "FoundTable", "Query", "find", "find_each", "find_one"]

Numbers = NDArray[np.int64]
_OF_A_PLACE = (*conditions.PLACE, conditions.FOOTPRINT, *JUDGED, *ORDER)


def find(catalog: Catalog, query: Query) -> FoundTable:
    """Return the rows of stored content that `query` describes, newest exposure last."""
    return catalog.answer(lambda: _found(catalog, query))


def find_one(catalog: Catalog, prefix: str) -> Found:
    """Return the first row of the content whose hash starts with `prefix`, excluded or not.

    Raises
    ------
    NotFoundError, InvalidInputError
        As `Catalog.resolve`.
    """
    return find_each(catalog, prefix)[0]


def find_each(catalog: Catalog, prefix: str) -> FoundTable:
    """Return all rows of the content whose hash starts with `prefix`: per tier and image one.

    Raises
    ------
    NotFoundError, InvalidInputError
        As `Catalog.resolve`.
    """
    resolved, snapshot = catalog.resolved(prefix)
    judged = snapshot.contents_with(resolved)
    return FoundTable(snapshot.record_rows, judged, catalog.reopened)


def _found(catalog: Catalog, query: Query) -> FoundTable:
    return _answered(catalog, catalog.newest(), query)


def _answered(catalog: Catalog, snapshot: Snapshot, query: Query) -> FoundTable:
    """Return what `query` finds among the records of `snapshot`."""
    places = _candidates(snapshot, query)
    if places is None:
        snapshot = catalog.committed(snapshot, snapshot.uncommitted)
    else:
        places = snapshot.of_same_content(places)
        keys = snapshot.record_rows.take(places, ["derivation_key"])["derivation_key"]
        snapshot = catalog.committed(snapshot, snapshot.unknown(keys))
    contents = _chosen(snapshot, places, query)
    ask = partial(_answered, catalog, snapshot)
    return FoundTable(
        snapshot.record_rows,
        contents,
        catalog.reopened,
        limit=query.limit,
        offset=query.offset,
        explain=partial(why_empty, snapshot, query, ask),
    )


def _candidates(snapshot: Snapshot, query: Query) -> Numbers | None:
    """Return the rows that meet what a single record can say, or None where all may."""
    columns, regions = conditions.columns_of(query), query.regions()
    if not columns and not regions:
        return None
    rows = snapshot.record_rows
    blocks = np.arange(len(rows.blocks))
    for region in regions:
        spans = (ends[blocks] for ends in rows.spans("cell"))
        blocks = blocks[cells_in(region.bounds()).touch(*spans)]
    # of the few blocks in a place, all that will be asked for is read at once
    wanted = [*columns, *(_OF_A_PLACE if regions else ())]
    places, table = rows.of_blocks(blocks.tolist(), list(dict.fromkeys(wanted)))
    keep = conditions.told(table, query)
    if regions:
        keep &= conditions.near(table, regions)
    return places[keep]


def _chosen(snapshot: Snapshot, places: Numbers | None, query: Query) -> pa.Table:
    """Return what `query` describes among the contents that the rows `places` tell of."""
    as_of = None if query.as_of is None else utc(query.as_of)
    is_all = places is None and as_of is None
    contents = snapshot.judged if is_all else snapshot.judge(places, as_of)
    contents = arrow.where(contents, conditions.judged(contents, query))
    rows, regions = snapshot.record_rows, query.regions()
    if columns := conditions.columns_of(query):
        told = rows.take(arrow.to_numpy(contents["place"]), columns)
        contents = arrow.where(contents, conditions.told(told, query))
    if regions:
        near = rows.take(arrow.to_numpy(contents["place"]), conditions.PLACE)
        contents = arrow.where(contents, conditions.near(near, regions))
        told = rows.take(
            arrow.to_numpy(contents["place"]), [*conditions.PLACE, conditions.FOOTPRINT]
        )
        contents = arrow.where(contents, conditions.touching(told, regions))
    if query.header:
        told = rows.take(arrow.to_numpy(contents["place"]), ["summary"])
        contents = arrow.where(contents, conditions.with_cards(told["summary"], query))
    return contents
