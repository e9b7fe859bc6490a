"""A lineage graph as plain JSON values (format version 1)."""

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from astrid_sdk.catalog.lineage.values import LineageEdge, LineageNode

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.catalog.lineage.graph import LineageGraph

FORMAT_VERSION = 1


def graph_json(graph: "LineageGraph") -> dict[str, Any]:
    """Return all of `graph`."""
    graph.derivations.load(graph.derivations)
    return {
        "format_version": FORMAT_VERSION,
        "direction": graph.direction.value,
        "root": graph.root.content_hash,
        "nodes": [_plain(node) for node in graph.walk()],
        "derivations": [made.to_json() for made in graph.derivations.values()],
        "edges": [_plain(edge) for edge in graph.edges],
        "folded": graph.folded,
    }


def _plain(value: LineageNode | LineageEdge) -> dict[str, Any]:
    return {field.name: _told(getattr(value, field.name)) for field in fields(value)}


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
