"""Why a content exists and what came of it, in pages; as a whole it is W3C PROV."""

import copy
import enum
from dataclasses import asdict
from itertools import islice
from typing import Any

from astrid_sdk.api.access import Caller, Verb
from astrid_sdk.api.cursors import Cursor
from astrid_sdk.api.schemas import LineageEdgeTold, LineageNodeTold, LineagePage
from astrid_sdk.api.service import Service
from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.lineage.values import LineageNode
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.tiers import Tier

MOST_PROV_NODES = 20_000
_OF_THE_WORK = ("astrid:parameters", "astrid:environment", "astrid:refusal")


class Way(enum.StrEnum):
    """Up to what it was made from, or down to what was made of it."""

    WHY = "why"
    IMPACT = "impact"


def lineage_page(
    service: Service,
    caller: Caller,
    content_hash: str,
    way: Way,
    limit: int,
    cursor: str | None,
) -> LineagePage:
    """Return a page of the lineage, root first.

    Raises
    ------
    NotFoundError
        The content is not there, or may not be seen.
    InvalidInputError
        The cursor is of another question.
    """
    graph = _graph(service, caller, content_hash, way)
    place = Cursor.of(cursor, (content_hash, way.value))
    nodes = list(islice(graph.walk(), place.offset, place.offset + limit))
    hashes = [node.content_hash for node in nodes]
    graph.load(hashes)
    edges = dict.fromkeys(edge for each in hashes for edge in graph.onward(each))
    return LineagePage(
        direction=way.value,
        root=graph.root.content_hash,
        nodes=[_told(node) for node in nodes],
        edges=[LineageEdgeTold(**asdict(edge)) for edge in edges],
        total=len(graph),
        folded=graph.folded,
        next_cursor=place.after(len(nodes), len(graph)),
    )


def prov(service: Service, caller: Caller, content_hash: str, way: Way) -> dict[str, Any]:
    """Return the whole lineage as a PROV-JSON document.

    Raises
    ------
    NotFoundError
        As `lineage_page`.
    InvalidInputError
        ``kind="too_large_answer"``: it has too many contents for one answer.
    """
    graph = _graph(service, caller, content_hash, way)
    if len(graph) > MOST_PROV_NODES:
        raise InvalidInputError(
            f"the lineage has {len(graph)} contents: ask for format=json, which comes in pages",
            kind="too_large_answer",
        )
    told = graph.to_prov()
    return told if _sees_all(caller) else _veiled(told)


def _graph(service: Service, caller: Caller, content_hash: str, way: Way) -> LineageGraph:
    """Return the lineage; of what the caller may not see, only that there is something."""
    service.references.of(content_hash, caller)
    session = service.session
    whole = session.why(content_hash) if way is Way.WHY else session.impact(content_hash)
    if _sees_all(caller):
        return whole
    tiers = {"", *(tier.value for tier in caller.tiers(Verb.READ))}
    seen = copy.copy(whole)
    seen.nodes = {
        key: node if node.tier in tiers else LineageNode(node.content_hash)
        for key, node in whole.nodes.items()
    }
    return seen


def _sees_all(caller: Caller) -> bool:
    return len(caller.tiers(Verb.READ)) == len(Tier)


def _veiled(told: dict[str, Any]) -> dict[str, Any]:
    """Return a document that says how a content was made only where all of that is shown."""
    made = list(told.get("wasGeneratedBy", {}).values())
    hidden = {
        each["prov:activity"]
        for each in made
        if "astrid:tier" not in told["entity"][each["prov:entity"]]
    }
    shown = {each["prov:activity"] for each in made} - hidden
    for name, activity in told.get("activity", {}).items():
        if name not in shown:
            for word in _OF_THE_WORK:
                activity.pop(word, None)
    return told


def _told(node: LineageNode) -> LineageNodeTold:
    told = {name: getattr(node, name) for name in LineageNodeTold.model_fields}
    return LineageNodeTold(**{**told, "versions": list(node.versions)})
