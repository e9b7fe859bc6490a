"""What a notebook shows of a diff: numbers, a table of classes, a picture, the files below."""

import html
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from astrid_sdk.datasets.diff.picture import inline_svg
from astrid_sdk.datasets.diff.words import words
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.rendering import html_table

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.datasets.diff.dataset_diff import DatasetDiff

_SHOWN_FILES = 50
_HEAD = ("change", "path", "label before", "label after")


def page(diff: "DatasetDiff") -> str:
    """Return `diff` as HTML, every text escaped."""
    first, *rest = words(diff).splitlines()
    said = "".join(f"<li>{html.escape(line.strip())}</li>" for line in rest)
    picture = f'<div style="overflow-x:auto">{inline_svg(diff)}</div>'
    head = f"<p><b>{html.escape(first)}</b></p>"
    return head if diff.is_empty else f"{head}<ul>{said}</ul>{picture}{_files(diff)}"


def _files(diff: "DatasetDiff") -> str:
    rows = list(islice(_rows(diff), _SHOWN_FILES))
    more = "<p>and more: <code>.to_pandas()</code></p>" if len(rows) == _SHOWN_FILES else ""
    return f"<details><summary>files</summary>{html_table(_HEAD, rows)}{more}</details>"


def _rows(diff: "DatasetDiff") -> Iterator[tuple[str, ...]]:
    yield from (("relabelled", new.path, *_labels(old, new)) for old, new in diff.relabelled)
    yield from (("changed", new.path, *_labels(old, new)) for old, new in diff.changed)
    yield from (("added", file.path, "", file.label or "") for file in diff.added)
    yield from (("removed", file.path, file.label or "", "") for file in diff.removed)
    yield from (
        ("moved", f"{old.path} -> {new.path}", *_labels(old, new)) for old, new in diff.moved
    )


def _labels(old: DatasetFile, new: DatasetFile) -> tuple[str, str]:
    return old.label or "", new.label or ""
