"""What a notebook shows of a lineage graph: sentences, a picture, and the tree behind a click."""

import html
from typing import TYPE_CHECKING

from astrid_sdk.catalog.lineage.picture import inline_svg

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.catalog.lineage.graph import LineageGraph


def page(graph: "LineageGraph") -> str:
    """Return `graph` as HTML, every text escaped."""
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in graph.words().splitlines())
    picture = f'<div style="overflow-x:auto">{inline_svg(graph)}</div>' if len(graph) > 1 else ""
    tree = f"<details><summary>tree</summary><pre>{html.escape(graph.tree())}</pre></details>"
    return f"{lines}{picture}{tree}"
