"""A lineage graph as W3C PROV-JSON (member submission of 24 April 2013).

Contents are entities, derivations are activities, whoever stored a result is an agent. Roles say
what a content was to the step; a content that came from outside keeps its origin as a location.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from astrid_sdk.canonical import canonical_json
from astrid_sdk.catalog.lineage.values import LineageEdge, LineageNode, NodeKind, edges_into
from astrid_sdk.catalog.steps.derivation import Derivation

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.catalog.lineage.graph import LineageGraph

_PREFIXES = {
    "astrid": "urn:astrid:",
    "content": "urn:astrid:sha256:",
    "derivation": "urn:astrid:derivation:",
    "author": "urn:astrid:author:",
}
Statements = dict[str, dict[str, Any]]
_VERSIONS = {
    NodeKind.DATASET_VERSION: "astrid:datasetVersion",
    NodeKind.MODEL_VERSION: "astrid:modelVersion",
}


def prov_document(graph: "LineageGraph") -> dict[str, Any]:
    """Return `graph` as a PROV-JSON document; statements that have nothing to say are left out."""
    graph.derivations.load(graph.derivations)
    made = [graph.derivations[key] for key in graph.derivations]
    edges = _edges(graph)
    generated = _generated(graph, made)
    authors = {
        (derivation.key, node.author) for derivation, node in generated.values() if node.author
    }
    statements: dict[str, Statements] = {
        "entity": {_content(node.content_hash): _entity(node) for node in graph.walk()},
        "activity": {_activity(derivation.key): _told(derivation) for derivation in made},
        "agent": _agents(node.author for node in graph.walk()),
        "used": _numbered("u", (_used(edge) for edge in edges)),
        "wasGeneratedBy": _numbered(
            "g", (_generation(*found, role) for (_, role), found in generated.items())
        ),
        "wasAssociatedWith": _numbered(
            "a",
            (
                {"prov:activity": _activity(key), "prov:agent": _agent(author)}
                for key, author in sorted(authors)
            ),
        ),
        "wasAttributedTo": _numbered(
            "t",
            (
                {"prov:entity": _content(node.content_hash), "prov:agent": _agent(node.author)}
                for node in graph.walk()
                if node.author
            ),
        ),
        "wasDerivedFrom": _numbered("d", (_derived(edge) for edge in graph.edges)),
    }
    filled = {name: found for name, found in statements.items() if found}
    return {"prefix": _PREFIXES, **filled}


def _edges(graph: "LineageGraph") -> list[LineageEdge]:
    """Return each use of a content of the graph by a derivation of the graph once."""
    used = (
        edge
        for key in graph.derivations
        for edge in edges_into("", graph.derivations[key])
        if edge.source in graph.nodes
    )
    return list(dict.fromkeys(used))


def _generated(
    graph: "LineageGraph", made: Iterable[Derivation]
) -> dict[tuple[str, str], tuple[Derivation, LineageNode]]:
    """Return what each derivation made that is in the graph, by derivation and role."""
    return {
        (derivation.key, output.role): (derivation, graph.nodes[output.content_hash])
        for derivation in made
        for output in derivation.outputs
        if output.content_hash in graph.nodes
    }


def _entity(node: LineageNode) -> dict[str, Any]:
    told = {
        "prov:label": node.name,
        "prov:type": f"astrid:{node.kind.value.replace(' ', '-')}",
        "prov:location": node.origin,
        "astrid:contentHash": node.content_hash,
        "astrid:tier": node.tier,
        "astrid:mediaType": node.media_type,
        "astrid:night": node.night or "",
        "astrid:filterBand": node.filter_band or "",
        "astrid:excluded": node.excluded,
        "astrid:deleted": "true" if node.deleted else "",
        _VERSIONS.get(node.kind, "astrid:version"): ", ".join(node.versions),
    }
    return {name: value for name, value in told.items() if value}


def _told(made: Derivation) -> dict[str, Any]:
    start = made.created_at - timedelta(seconds=made.duration_s)
    told = {
        "prov:startTime": _time(start),
        "prov:endTime": _time(made.created_at),
        "prov:label": made.step,
        "astrid:step": made.step,
        "astrid:codeVersion": made.code_version,
        "astrid:parameters": canonical_json(dict(made.parameters)).decode(),
        "astrid:environment": canonical_json(dict(made.environment)).decode(),
        "astrid:refusal": made.refusal,
    }
    return {name: value for name, value in told.items() if value}


def _agents(authors: Iterable[str]) -> Statements:
    person = {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"}
    found = sorted({author for author in authors if author})
    return {_agent(author): {"prov:label": author, "prov:type": person} for author in found}


def _used(edge: LineageEdge) -> dict[str, Any]:
    return {
        "prov:activity": _activity(edge.derivation_key),
        "prov:entity": _content(edge.source),
        "prov:role": edge.role,
    }


def _generation(made: Derivation, node: LineageNode, role: str) -> dict[str, Any]:
    return {
        "prov:entity": _content(node.content_hash),
        "prov:activity": _activity(made.key),
        "prov:time": _time(made.created_at),
        "prov:role": role,
    }


def _derived(edge: LineageEdge) -> dict[str, Any]:
    return {
        "prov:generatedEntity": _content(edge.target),
        "prov:usedEntity": _content(edge.source),
        "prov:activity": _activity(edge.derivation_key),
    }


def _numbered(letter: str, statements: Iterable[dict[str, Any]]) -> Statements:
    return {f"_:{letter}{number}": told for number, told in enumerate(statements, 1)}


def _content(content_hash: str) -> str:
    return f"content:{content_hash}"


def _activity(key: str) -> str:
    return f"derivation:{key}"


def _agent(author: str) -> str:
    return f"author:{quote(author, safe='')}"


def _time(when: datetime) -> str:
    return when.isoformat()
