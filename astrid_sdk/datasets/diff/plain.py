"""A diff as rows and as JSON values, complete."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from astrid_sdk.datasets.diff.telling import Light
from astrid_sdk.datasets.manifest import DatasetFile

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.datasets.diff.dataset_diff import DatasetDiff


def diff_rows(diff: "DatasetDiff") -> Iterator[dict[str, Any]]:
    """Yield a row per file that differs: what became of it, and what it was and is."""
    for file in diff.added:
        yield _row(diff, "added", None, file)
    for file in diff.removed:
        yield _row(diff, "removed", file, None)
    for old, new in diff.moved:
        yield _row(diff, "moved", old, new)
    for pair in diff.changed:
        yield _row(diff, diff.change(pair).value, *pair)
    for old, new in diff.relabelled:
        yield _row(diff, "relabelled", old, new)


def diff_json(diff: "DatasetDiff") -> dict[str, Any]:
    """Return the diff as plain JSON values."""
    return {
        "before": diff.before.name,
        "after": diff.after.name,
        "unchanged": len(diff.matched.unchanged),
        "files": list(diff_rows(diff)),
        "balance": [asdict(each) for each in diff.balance],
        "sky": {name: [asdict(field) for field in found] for name, found in diff.fields.items()},
        "filters": _plain(diff.filters),
        "instruments": _plain(diff.instruments),
    }


def _row(
    diff: "DatasetDiff", change: str, old: DatasetFile | None, new: DatasetFile | None
) -> dict[str, Any]:
    told = new or old
    if told is None:  # a row is of a file
        return {}
    light = diff.lights.get(told.content_hash, Light())
    return {
        "change": change,
        "path": told.path,
        "path_before": old.path if old else None,
        "content_hash_before": old.content_hash if old else None,
        "content_hash_after": new.content_hash if new else None,
        "label_before": old.label if old else None,
        "label_after": new.label if new else None,
        "ra_deg": told.ra_deg,
        "dec_deg": told.dec_deg,
        "filter_band": light.filter_band,
        "instrument": light.instrument,
    }


def _plain(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {name: dict(found) for name, found in counts.items()}
