"""What the Dagster UI shows of a materialisation: numbers, then a picture, then hashes."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.datasets.registry import Committed
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.pipeline.survey import Materialised
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.base import CATALOG_PREFIX
from astrid_sdk.storage.content_addressed_storage import blob_key
from astrid_sdk.tiers import Tier

CONTENT_HASH = "content_hash"
EXECUTED = "steps_executed"
REUSED = "steps_reused"
IS_NEW = "is_new_version"
_MAX_ROWS = 100

Numbers = Mapping[str, int | float]


def materialize_result(
    session: AstridSession,
    made: Materialised,
    upstream: Iterable[Manifest] = (),
    numbers: Numbers | None = None,
) -> dg.MaterializeResult[Manifest]:
    """Return what an asset hands to Dagster: the manifest's hash as data version, and metadata.

    Parameters
    ----------
    session : AstridSession
        Where the contents are.
    made : Materialised
    upstream : iterable of Manifest
        What it was made from; their items' hashes are listed.
    numbers : mapping of str to number, optional
        What else an operator wants to see first.
    """
    manifest = made.manifest
    metadata: dict[str, Any] = {
        "items": len(manifest.items),
        "dagster/row_count": sum(int(item.details.get("rows", 1)) for item in manifest.items),
        **(numbers or {}),
        "size_bytes": session.size_of(manifest),
        "skipped": len(manifest.skipped),
        EXECUTED: made.executed,
        REUSED: made.reused,
        CONTENT_HASH: made.content_hash,
        "manifest": _location(session, Tier.ARTIFACTS, made.content_hash),
        **_notes(manifest),
        **_preview(session, manifest),
        "contents": _table([_row(item) for item in manifest.items]),
        "upstream_hashes": _upstream(upstream),
    }
    return dg.MaterializeResult(
        value=manifest, data_version=dg.DataVersion(made.content_hash), metadata=metadata
    )


def dataset_result(
    session: AstridSession, committed: Committed, upstream: Iterable[Manifest]
) -> dg.MaterializeResult[Committed]:
    """Return what the datasets asset hands to Dagster: the dataset manifest's hash and numbers."""
    version = committed.version
    manifest = session.datasets.manifest(version.dataset_id, version.number)
    tables = [file for file in manifest.files if file.role == "detections"]
    contents = [{CONTENT_HASH: file.content_hash, "path": file.path} for file in tables]
    left_out = [{"night": left.night, "reason": left.reason} for left in manifest.left_out]
    metadata: dict[str, Any] = {
        "version": version.number,
        "dagster/row_count": version.files,
        "triplets": version.files - len(tables),
        IS_NEW: committed.is_new,
        "nights_left_out": len(left_out),
        EXECUTED: int(committed.derived_now),
        REUSED: int(not committed.derived_now),
        CONTENT_HASH: version.manifest_hash,
        "manifest": _location(session, Tier.DATASETS, version.manifest_hash),
        "message": version.message,
        **({"left_out": _table(left_out)} if left_out else {}),
        "contents": _table(contents),
        "upstream_hashes": _upstream(upstream),
    }
    return dg.MaterializeResult(
        value=committed, data_version=dg.DataVersion(version.manifest_hash), metadata=metadata
    )


def detection_numbers(manifest: Manifest) -> dict[str, int | float]:
    """Return the counts over all frames of a night, and the density of what was found."""
    found = _total(manifest, "positive_unflagged")
    megapixels = _total(manifest, "megapixels")
    return {
        "found": int(found),
        "faded": int(_total(manifest, "negative_unflagged")),
        "flagged": int(_total(manifest, "flagged")),
        "megapixels": round(megapixels, 3),
        "found_per_megapixel": round(found / megapixels, 1) if megapixels else 0.0,
    }


def _total(manifest: Manifest, name: str) -> float:
    return sum(float(item.details.get(name, 0)) for item in manifest.items)


def _location(session: AstridSession, tier: Tier, content_hash: str) -> dg.PathMetadataValue:
    """Return where a blob is: a path, or an ``s3://`` address."""
    uri = session.r2.table_location(session.bucket, "records").uri
    bucket_uri = uri.rpartition(f"/{CATALOG_PREFIX}/")[0]
    return dg.MetadataValue.path(f"{bucket_uri}/{blob_key(content_hash, tier)}")


def _notes(manifest: Manifest) -> dict[str, dg.MarkdownMetadataValue]:
    lines = [f"- `{skip.name}`: {skip.reason}" for skip in manifest.skipped]
    lines += [f"- {note}" for note in manifest.notes]
    return {"notes": dg.MetadataValue.md("\n".join(lines))} if lines else {}


def _preview(session: AstridSession, manifest: Manifest) -> dict[str, dg.MarkdownMetadataValue]:
    png = session.preview(manifest)
    if png is None:
        return {}
    encoded = base64.b64encode(png).decode("ascii")
    picture = f"![{manifest.items[0].name}](data:image/png;base64,{encoded})"
    return {"preview": dg.MetadataValue.md(picture)}


def _row(item: Item) -> dict[str, Any]:
    numbers = {key: value for key, value in item.details.items() if isinstance(value, int | float)}
    return {CONTENT_HASH: item.content_hash, "name": item.name, **numbers}


def _upstream(manifests: Iterable[Manifest]) -> dg.TableMetadataValue:
    """Return the manifests that were read, each followed by what it lists."""
    rows = []
    for manifest in manifests:
        asset = " ".join(part for part in (manifest.asset, manifest.partition) if part)
        content_hash = sha256_hex(manifest.to_bytes())
        rows.append({CONTENT_HASH: content_hash, "asset": asset, "name": "(manifest)"})
        rows += [
            {CONTENT_HASH: item.content_hash, "asset": asset, "name": item.name}
            for item in manifest.items
        ]
    return _table(rows)


def _table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    names = list(dict.fromkeys(name for row in rows for name in row)) or [CONTENT_HASH]
    columns = [dg.TableColumn(name, _column_type(rows, name)) for name in names]
    records = [dg.TableRecord({name: row.get(name) for name in names}) for row in rows[:_MAX_ROWS]]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _column_type(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    values = [row[name] for row in rows if name in row]
    if not values or any(isinstance(value, str) for value in values):
        return "string"
    return "int" if all(isinstance(value, int) for value in values) else "float"
