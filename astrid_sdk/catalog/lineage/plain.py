"""A lineage graph as plain JSON values (format version 1)."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from astrid_sdk.catalog.lineage.values import LineageEdge, LineageNode
from astrid_sdk.catalog.steps.derivation import Derivation

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
        "derivations": [_derivation(graph.derivations[key]) for key in graph.derivations],
        "edges": [_plain(edge) for edge in graph.edges],
        "folded": graph.folded,
    }


def _plain(value: LineageNode | LineageEdge) -> dict[str, Any]:
    return {field.name: _told(getattr(value, field.name)) for field in fields(value)}


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _derivation(made: Derivation) -> Mapping[str, Any]:
    return {
        "key": made.key,
        "step": made.step,
        "code_version": made.code_version,
        "parameters": dict(made.parameters),
        "inputs": {role: list(hashes) for role, hashes in made.inputs.items()},
        "outputs": [output.to_json() for output in made.outputs],
        "facts": dict(made.facts),
        "refusal": made.refusal,
        "created_at": made.created_at.isoformat(),
        "duration_s": made.duration_s,
        "environment": dict(made.environment),
    }
