"""Labels out of the catalogue: it has a row per record, so no pack is read again."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.catalog.lookup import code_range
from astrid_sdk.catalog.record_rows import label_tag
from astrid_sdk.catalog.rows import Numbers, Rows
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.labels.label import Label
from astrid_sdk.storage.records import RecordKind

_READ = ("record_id", "content_hash", "said", "author", "created_at", "details", "name")
_ASKED = ("kind", "tag")


def labels_of_question(catalog: Catalog, question: str | None) -> list[Label]:
    """Return all labels that answer `question`, or any, oldest first."""
    return catalog.answer(lambda: _of_question(catalog, question))


def labels_of_content(catalog: Catalog, content_hash: str) -> list[Label]:
    """Return all labels of a content, oldest first."""
    return catalog.answer(lambda: _of_content(catalog, content_hash))


def _of_question(catalog: Catalog, question: str | None) -> list[Label]:
    rows = catalog.newest().record_rows
    asked = rows.table(_ASKED)
    meant = arrow.equal(asked["kind"], RecordKind.LABEL.value)
    if question is not None:
        is_asked = arrow.equal(asked["tag"], label_tag(question))
        meant = pc.and_(meant, arrow.filled(is_asked, False))
    return _read(rows, np.flatnonzero(arrow.to_numpy(meant)))


def _of_content(catalog: Catalog, content_hash: str) -> list[Label]:
    rows = catalog.newest().record_rows
    low, high = (np.array([code]) for code in code_range(content_hash))
    places = rows.with_codes(low, high)
    told = rows.take(places, ["kind", "content_hash"])
    meant = pc.and_(
        arrow.equal(told["kind"], RecordKind.LABEL.value),
        arrow.equal(told["content_hash"], content_hash),
    )
    return _read(rows, places[arrow.to_numpy(meant)])


def _read(rows: Rows, places: Numbers) -> list[Label]:
    """Return the labels in rows of the records, each once, oldest first."""
    table = rows.take(places, _READ).sort_by(
        [("created_at", "ascending"), ("record_id", "ascending")]
    )
    once = {row["record_id"]: row for row in arrow.to_rows(table)}
    return [_label(row) for row in once.values()]


def _label(row: Mapping[str, Any]) -> Label:
    details = json.loads(row["details"])
    return Label(
        content_hash=row["content_hash"],
        value=details["value"],
        question=details["question"],
        author=row["author"],
        created_at=row["created_at"],
        comment=details.get("comment", ""),
        name=row["name"],
    )
