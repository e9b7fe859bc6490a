"""What is nearest to a place on the sky where nothing is, and what has no place at all."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.cells import NOWHERE
from astrid_sdk.catalog.record_rows import footprints_of
from astrid_sdk.catalog.rows import Rows
from astrid_sdk.catalog.search import conditions
from astrid_sdk.catalog.search.query import Query
from astrid_sdk.catalog.search.regions import Region
from astrid_sdk.sky import sphere
from astrid_sdk.sky.footprint import separation_deg

_LOOKED_AT = 64  # of the nearest by their circles, whose outlines are read
_IMAGES = ("image", "frame")


def nearest_deg(rows: Rows, region: Region) -> float | None:
    """Return how far the nearest stored footprint is from the middle of `region`, degrees.

    None where nothing stored has a position.
    """
    middle = region.middle()
    ra, dec, reach = _numbers(rows, conditions.PLACE)
    near = separation_deg(ra, dec, *middle) - reach
    somewhere = np.flatnonzero(np.isfinite(near))
    if not len(somewhere):
        return None
    places = somewhere[np.argsort(near[somewhere])[:_LOOKED_AT]]
    away = separation_deg(ra[places], dec[places], *middle)
    outlines = rows.take(places, [conditions.FOOTPRINT])[conditions.FOOTPRINT]
    point = sphere.unit_vectors(*middle)[np.newaxis]
    for some, corners in footprints_of(outlines):
        vectors = sphere.corner_vectors(corners)
        edge = np.degrees(sphere.edge_distance(vectors, point).min(axis=-1))
        away[some] = np.where(sphere.inside_convex(vectors, point)[..., 0], 0.0, edge)
    return float(away.min())


def placeless(rows: Rows, query: Query) -> int:
    """Return how many images meet the other conditions of `query` and have no position."""
    lowest, _ = rows.spans("cell")
    blocks = np.flatnonzero(lowest <= NOWHERE).tolist()
    other = replace(query, ra_deg=None, dec_deg=None, radius_deg=None, box=None, polygon=None)
    columns = dict.fromkeys(("cell", "role", "hdu_index", "code", *conditions.columns_of(other)))
    _, table = rows.of_blocks(blocks, list(columns))
    keep = conditions.told(table, replace(other, role=query.role or _IMAGES))
    keep &= arrow.to_numpy(table["cell"]) == NOWHERE
    group = arrow.groups(arrow.where(table, keep), ["code", "hdu_index"])
    return int(group.max(initial=-1)) + 1


def _numbers(rows: Rows, columns: tuple[str, ...]) -> list[NDArray[np.float64]]:
    table = rows.table(list(columns))
    return [np.asarray(arrow.to_numpy(table[name]), np.float64) for name in columns]
