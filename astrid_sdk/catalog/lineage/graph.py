"""A lineage graph: contents, the derivations between them, and which was used as what.

`LineageGraph` is what the questions why and impact return: one value for both, which a terminal
shows as a tree, a notebook as sentences and a picture, and other tools as JSON or W3C PROV.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from typing_extensions import override

from astrid_sdk.catalog.lineage.lazy_derivations import LazyDerivations
from astrid_sdk.catalog.lineage.page import page
from astrid_sdk.catalog.lineage.picture import standalone_svg
from astrid_sdk.catalog.lineage.plain import graph_json
from astrid_sdk.catalog.lineage.prov import prov_document
from astrid_sdk.catalog.lineage.tree import tree
from astrid_sdk.catalog.lineage.values import (
    Direction,
    LineageEdge,
    LineageNode,
    Link,
    NodeKind,
    edges_into,
    edges_out_of,
)
from astrid_sdk.catalog.lineage.words import words
from astrid_sdk.catalog.steps.derivation import Derivation


class LineageGraph:
    """What a content was made from, or what was made from it.

    Parameters
    ----------
    direction : Direction
    nodes : mapping of str to LineageNode
        By content hash, the root first, then as a walk from it meets them.
    links : mapping of str to sequence of Link
        By content hash: what lies one derivation further from the root.
    derivations : LazyDerivations
        By key; read when asked for.
    folded : int
        Lists kept by assets that were left out.
    """

    def __init__(
        self,
        direction: Direction,
        nodes: Mapping[str, LineageNode],
        links: Mapping[str, Sequence[Link]],
        derivations: LazyDerivations,
        folded: int = 0,
    ) -> None:
        self.direction = direction
        self.nodes = nodes
        self.derivations = derivations
        self.folded = folded
        self._links = links

    @property
    def root(self) -> LineageNode:
        """The content that was asked about."""
        return next(iter(self.nodes.values()))

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[LineageNode]:
        return self.walk()

    def walk(self) -> Iterator[LineageNode]:
        """Yield the contents from the root on, each once."""
        yield from self.nodes.values()

    def raw(self) -> list[LineageNode]:
        """Return the ingested contents, by name."""
        return self._of_kind(NodeKind.RAW)

    def dataset_versions(self) -> list[str]:
        """Return the dataset versions in the graph, such as ``"sn-train v2"``."""
        return self._versions(NodeKind.DATASET_VERSION)

    def model_versions(self) -> list[str]:
        """Return the registered models in the graph, such as ``"real-bogus v1"``."""
        return self._versions(NodeKind.MODEL_VERSION)

    def excluded(self) -> list[LineageNode]:
        """Return the contents in the graph that are excluded, by name."""
        return _by_name(node for node in self.nodes.values() if node.excluded)

    def deleted(self) -> list[LineageNode]:
        """Return the contents in the graph that were deleted, by name."""
        return _by_name(node for node in self.nodes.values() if node.deleted)

    def tiers(self) -> dict[str, int]:
        """Return how many contents of each tier there are beside the root."""
        others = (node.tier for node in list(self.nodes.values())[1:])
        return dict(sorted(Counter(others).items()))

    def links(self, content_hash: str) -> Sequence[Link]:
        """Return the derivations that lead on from a content, away from the root."""
        return self._links.get(content_hash, ())

    def onward(self, content_hash: str) -> Iterator[LineageEdge]:
        """Yield the edges that lead on from a content, reading derivations as they are met."""
        for link in self.links(content_hash):
            made = self.derivations[link.derivation_key]
            if self.direction == Direction.WHY:
                yield from edges_into(content_hash, made)
            else:
                yield from edges_out_of(content_hash, made, link.targets)

    def load(self, contents: Iterable[str]) -> None:
        """Read together the derivations that lead on from `contents`."""
        found = (link for content_hash in contents for link in self.links(content_hash))
        self.derivations.load(link.derivation_key for link in found)

    @cached_property
    def edges(self) -> Sequence[LineageEdge]:
        """All edges of the graph; each derivation in it is read."""
        self.load(self.nodes)
        found = (edge for content_hash in self.nodes for edge in self.onward(content_hash))
        return tuple(dict.fromkeys(found))

    def refusals(self) -> list[Derivation]:
        """Return the derivations that refused the root, in an impact graph."""
        links = self.links(self.root.content_hash)
        found = (self.derivations[link.derivation_key] for link in links if not link.targets)
        return [made for made in found if made.refusal]

    def tree(self, max_lines: int | None = 200) -> str:
        """Return the graph as a tree of text; None writes all of it, however long."""
        return tree(self, max_lines)

    def words(self) -> str:
        """Return in sentences why the root exists, or what came of it."""
        return words(self)

    def to_svg(self) -> str:
        """Return the graph as a picture, the first contents where there are many."""
        return standalone_svg(self)

    def to_prov(self) -> dict[str, Any]:
        """Return the graph as a W3C PROV-JSON document, complete."""
        return prov_document(self)

    def to_json(self) -> dict[str, Any]:
        """Return the graph as plain JSON values, complete."""
        return graph_json(self)

    @override
    def __str__(self) -> str:
        return self.tree()

    @override
    def __repr__(self) -> str:
        return self.tree()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": page(self)}

    def _versions(self, kind: NodeKind) -> list[str]:
        return sorted({version for node in self._of_kind(kind) for version in node.versions})

    def _of_kind(self, kind: NodeKind) -> list[LineageNode]:
        return _by_name(node for node in self.nodes.values() if node.kind == kind)


def _by_name(nodes: Iterator[LineageNode]) -> list[LineageNode]:
    return sorted(nodes, key=lambda node: (node.name, node.content_hash))
