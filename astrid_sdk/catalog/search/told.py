"""What the catalogue knows of very many contents that are named by their hash."""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.catalog.lookup import codes_of
from astrid_sdk.catalog.tables import Catalog

TOLD = ("content_hash", "tier", "name", "size_bytes", "role", "ra_deg", "dec_deg")
_JUDGED = ("excluded",)


def told_of(
    catalog: Catalog, contents: Collection[str], columns: Sequence[str] = TOLD
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each of `contents` by its hash; those that are not stored are absent.

    Parameters
    ----------
    catalog : Catalog
    contents : collection of str
    columns : sequence of str
        Of the records; ``content_hash`` must be among them. ``excluded`` is always told.
    """
    return catalog.answer(lambda: _told_of(catalog, contents, columns))


def _told_of(
    catalog: Catalog, contents: Collection[str], columns: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    wanted = arrow.column(sorted(set(contents)), pa.string())
    snapshot = catalog.newest()
    rows = snapshot.record_rows
    places = rows.with_code(codes_of(wanted))
    keys = rows.take(places, ["derivation_key"])["derivation_key"]
    snapshot = catalog.committed(snapshot, snapshot.unknown(keys))
    judged = snapshot.judge(places)
    judged = judged.filter(pc.is_in(judged["content_hash"], value_set=wanted))
    told = snapshot.record_rows.take(arrow.to_numpy(judged["place"]), columns)
    for name in _JUDGED:
        told = told.append_column(name, judged[name])
    found: dict[str, list[dict[str, Any]]] = {}
    for row in arrow.to_rows(told):
        found.setdefault(row["content_hash"], []).append(row)
    return found
