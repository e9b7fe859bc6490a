"""Why does it exist: from a content hash up to the raw file and where that came from."""

import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from typing_extensions import override

from astrid_sdk.catalog.derivations import Derivation
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import NotFoundError

_MAX_PARAMETERS = 120  # longer ones are in `Lineage.parameters`, not in the tree


@dataclass(frozen=True, slots=True)
class Lineage:
    """One content and what it was made from.

    Attributes
    ----------
    content_hash, name, tier : str
    role : str
        What it is to the content made from it; "" at the root.
    origin : str
        Where it was ingested from; "" for derived content.
    step : str
        The step that made it; "" for ingested content.
    derivation_key, code_version : str
    parameters : mapping
    sources : tuple of Lineage
    """

    content_hash: str
    name: str
    tier: str
    role: str = ""
    origin: str = ""
    step: str = ""
    derivation_key: str = ""
    code_version: str = ""
    parameters: Mapping[str, Any] | None = None
    sources: "tuple[Lineage, ...]" = ()

    def walk(self) -> "Iterator[Lineage]":
        """Yield this content and everything above it, depth first, each content once."""
        waiting, seen = [self], set[str]()
        while waiting:
            node = waiting.pop()
            if node.content_hash not in seen:
                seen.add(node.content_hash)
                yield node
                waiting.extend(reversed(node.sources))

    def raw(self) -> "list[Lineage]":
        """Return the ingested contents it goes back to, each once, by name."""
        found = [node for node in self.walk() if not node.step]
        return sorted(found, key=lambda node: (node.name, node.content_hash))

    @override
    def __str__(self) -> str:
        return "\n".join(_lines(self, "", "", set()))

    @override
    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": f"<pre>{html.escape(str(self))}</pre>"}


def why(catalog: Catalog, content_hash: str) -> Lineage:
    """Return the lineage of `content_hash`.

    Contents that several others were made from are one object, found in several places.

    Raises
    ------
    NotFoundError
        The catalogue knows nothing of it.
    """
    graph = _Graph(catalog)
    if content_hash not in graph.contents:
        raise NotFoundError(f"the catalogue knows nothing of {content_hash}")
    return graph.node(content_hash, "", frozenset())


@dataclass(frozen=True, slots=True)
class _Content:
    """What the catalogue says of a content; not being there is an answer too."""

    name: str = "not in the catalogue"
    tier: str = ""
    origin: str = ""
    derivation_key: str = ""


class _Graph:
    """Builds the nodes of one answer, each content and role once."""

    def __init__(self, catalog: Catalog) -> None:
        rows = catalog.contents().select(
            ["content_hash", "name", "tier", "origin", "derivation_key"]
        )
        told = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        self.contents: dict[str, _Content] = {}
        for content_hash, *said in told:  # the earliest telling names it
            self.contents.setdefault(content_hash, _Content(*said))
        self._objects = catalog.derivation_objects()
        self._nodes: dict[tuple[str, str], Lineage] = {}

    def node(self, content_hash: str, role: str, below: frozenset[str]) -> Lineage:
        """Return the lineage of a content; `below` are the contents made from it.

        What made a content is what made it first. Clocks that disagree could make a content its
        own source: it ends there.
        """
        known = self._nodes.get((content_hash, role))
        if known is not None:
            return known
        content = self.contents.get(content_hash, _Content())
        node = Lineage(content_hash, content.name, content.tier, role, content.origin)
        if content_hash in below or content.derivation_key not in self._objects:
            return node
        node = self._grown(node, content.derivation_key, below | {content_hash})
        self._nodes[content_hash, role] = node
        return node

    def _grown(self, node: Lineage, key: str, below: frozenset[str]) -> Lineage:
        """Return `node` with what made it, and everything above."""
        made = Derivation.from_bytes(self._objects[key].encode())
        return replace(
            node,
            step=made.step,
            derivation_key=made.key,
            code_version=made.code_version,
            parameters=made.parameters,
            sources=tuple(
                self.node(source, role, below)
                for role, sources in made.inputs.items()
                for source in sources
            ),
        )


def _lines(node: Lineage, head: str, rest: str, shown: set[str]) -> Iterator[str]:
    role = f"{node.role}: " if node.role else ""
    made = f"made by {node.step}" if node.step else f"from {node.origin}"
    again = bool(node.sources) and node.content_hash in shown
    shown.add(node.content_hash)
    more = " (as above)" if again else ""
    yield f"{head}{role}{node.name}@{node.content_hash[:8]}  {node.tier}, {made}{more}"
    if again:
        return
    told = json.dumps(dict(node.parameters or {}), sort_keys=True)
    if node.parameters and len(told) <= _MAX_PARAMETERS:
        yield f"{rest}{'│  ' if node.sources else '   '}{told}"
    for place, source in enumerate(node.sources, 1):
        last = place == len(node.sources)
        yield from _lines(
            source, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "), shown
        )
