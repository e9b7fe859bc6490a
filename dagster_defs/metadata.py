"""What the Dagster UI shows of a materialisation: numbers first, then a picture, then hashes."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from astrid_sdk.datasets.registry import Committed
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.pipeline.survey import Materialised

CONTENT_HASH = "content_hash"
_MAX_ROWS = 100


def materialize_result(
    made: Materialised,
    upstream: Iterable[Manifest] = (),
    *,
    size_bytes: int = 0,
    preview_png: bytes | None = None,
) -> dg.MaterializeResult[Manifest]:
    """Return what an asset hands to Dagster: the manifest's hash as data version, and metadata.

    Parameters
    ----------
    made : Materialised
    upstream : iterable of Manifest
        What it was made from; their items' hashes are listed.
    size_bytes : int
        Of the items, together.
    preview_png : bytes, optional
        A picture of some tens of kB.
    """
    manifest = made.manifest
    metadata: dict[str, Any] = {
        "items": len(manifest.items),
        "dagster/row_count": sum(int(item.details.get("rows", 1)) for item in manifest.items),
        "size_bytes": size_bytes,
        "skipped": len(manifest.skipped),
        "steps_executed": made.executed,
        "steps_reused": made.reused,
        CONTENT_HASH: made.content_hash,
    }
    if manifest.skipped or manifest.notes:
        metadata["notes"] = dg.MetadataValue.md(_notes(manifest))
    if preview_png is not None:
        metadata["preview"] = _picture(preview_png)
    metadata["contents"] = _table([_row(item) for item in manifest.items])
    sources = [item for source in upstream for item in source.items]
    metadata["upstream_hashes"] = _table([_source_row(item) for item in sources])
    return dg.MaterializeResult(
        value=manifest, data_version=dg.DataVersion(made.content_hash), metadata=metadata
    )


def dataset_result(
    committed: Committed, upstream: Iterable[Manifest]
) -> dg.MaterializeResult[Committed]:
    """Return what the datasets asset hands to Dagster: the dataset manifest's hash and numbers."""
    version = committed.version
    sources = [item for source in upstream for item in source.items]
    return dg.MaterializeResult(
        value=committed,
        data_version=dg.DataVersion(version.manifest_hash),
        metadata={
            "version": version.number,
            "dagster/row_count": version.files,
            "is_new": committed.is_new,
            "steps_executed": int(committed.derived_now),
            "steps_reused": int(not committed.derived_now),
            CONTENT_HASH: version.manifest_hash,
            "message": version.message,
            "upstream_hashes": _table([_source_row(item) for item in sources]),
        },
    )


def _notes(manifest: Manifest) -> str:
    lines = [f"- `{skip.name}`: {skip.reason}" for skip in manifest.skipped]
    return "\n".join(lines + [f"- {note}" for note in manifest.notes])


def _picture(png: bytes) -> dg.MarkdownMetadataValue:
    encoded = base64.b64encode(png).decode("ascii")
    return dg.MetadataValue.md(f"![preview](data:image/png;base64,{encoded})")


def _row(item: Item) -> dict[str, Any]:
    numbers = {key: value for key, value in item.details.items() if isinstance(value, int | float)}
    return {"name": item.name, "content_hash": item.content_hash, **numbers}


def _source_row(item: Item) -> dict[str, Any]:
    return {"name": item.name, "tier": item.tier, "content_hash": item.content_hash}


def _table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["content_hash"]
    columns = [dg.TableColumn(name, _column_type(rows, name)) for name in names]
    records = [dg.TableRecord({name: row.get(name) for name in names}) for row in rows[:_MAX_ROWS]]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _column_type(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    values = [row[name] for row in rows if name in row]
    if not values or any(isinstance(value, str) for value in values):
        return "string"
    return "int" if all(isinstance(value, int) for value in values) else "float"
