"""A lineage graph as a tree of text, as long as somebody would read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from astrid_sdk.catalog.lineage.values import Direction, LineageEdge, LineageNode, NodeKind
from astrid_sdk.catalog.steps.derivation import Derivation

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.catalog.lineage.graph import LineageGraph

_MOST_CHILDREN = 30
_MAX_PARAMETERS = 120  # longer ones are in `Derivation.parameters`, not in the tree


def tree(graph: "LineageGraph", max_lines: int | None) -> str:
    """Return `graph` as a tree; what is too much is counted.

    Parameters
    ----------
    graph : LineageGraph
    max_lines : int, optional
        None writes all of it.
    """
    graph.load(islice(graph.nodes, max_lines))
    return "\n".join(_Tree(graph, max_lines).lines())


def told(node: LineageNode, graph: "LineageGraph") -> str:
    """Return in a few words where a content stands and what it came from."""
    if node.kind == NodeKind.MISSING:
        return "no record tells of it"
    made = f"made by {node.step}" if node.step else f"from {node.origin}"
    words = [node.tier, *node.versions, made]
    if node.deleted:
        words.append("DELETED")
    if node.excluded:
        words.append(f"EXCLUDED: {node.excluded}")
    elif graph.direction == Direction.IMPACT and node is graph.root:
        words.append(f"used by {len(graph.links(node.content_hash))}")
    return ", ".join(words)


def short_parameters(parameters: Mapping[str, Any]) -> str:
    """Return parameters as JSON, "" where there are none or too many to show."""
    text = json.dumps(dict(parameters), sort_keys=True)
    return text if parameters and len(text) <= _MAX_PARAMETERS else ""


@dataclass(slots=True)
class _Branch:
    """A content whose children are being written."""

    children: Iterator[LineageEdge | Derivation]
    rest: str
    left: int


class _Tree:
    """Writes a graph line by line, without recursion: chains are longer than Python's stack."""

    def __init__(self, graph: "LineageGraph", max_lines: int | None) -> None:
        self._graph = graph
        self._max_lines = max_lines
        self._shown: set[str] = set()

    def lines(self) -> Iterator[str]:
        written = self._all_lines()
        yield from islice(written, self._max_lines)
        more = len(self._graph) - len(self._shown)
        if more > 0 and next(written, None) is not None:
            yield f"… and {more} more contents: .nodes has all, .tree(None) shows all"
        if self._graph.folded:
            yield f"({self._graph.folded} lists kept by assets are not shown: bookkeeping=True)"

    def _all_lines(self) -> Iterator[str]:
        yield self._line("", "", self._graph.root)
        yield from self._parameters(self._graph.root, "")
        branches = [self._branch(self._graph.root, "")]
        while branches:
            branch = branches[-1]
            child = next(branch.children, None)
            if child is None:
                branches.pop()
                if branch.left:
                    yield f"{branch.rest}└─ … and {branch.left} more"
                continue
            branch.left -= 1
            head, rest = ("├─ ", "│  ") if branch.left else ("└─ ", "   ")
            if isinstance(child, Derivation):
                yield f"{branch.rest}{head}refused by {child.step}: {child.refusal}"
                continue
            node = self._graph.nodes[self._far_end(child)]
            again = node.content_hash in self._shown and self._width(node.content_hash) > 0
            yield self._line(branch.rest + head, self._role(child, again=again), node)
            if not again:
                yield from self._parameters(node, branch.rest + rest)
                branches.append(self._branch(node, branch.rest + rest))

    def _branch(self, node: LineageNode, rest: str) -> _Branch:
        children = islice(self._children(node.content_hash), self._most())
        return _Branch(children, rest, self._width(node.content_hash))

    def _most(self) -> int | None:
        return None if self._max_lines is None else _MOST_CHILDREN

    def _children(self, content_hash: str) -> Iterator[LineageEdge | Derivation]:
        yield from self._graph.onward(content_hash)
        for link in self._graph.links(content_hash):
            if not link.targets:
                made = self._graph.derivations[link.derivation_key]
                if made.refusal:
                    yield made

    def _width(self, content_hash: str) -> int:
        # what made nothing refused; what was made of nothing has nothing above it
        least = 0 if self._graph.direction == Direction.WHY else 1
        return sum(max(least, len(link.targets)) for link in self._graph.links(content_hash))

    def _far_end(self, edge: LineageEdge) -> str:
        return edge.source if self._graph.direction == Direction.WHY else edge.target

    def _role(self, edge: LineageEdge, *, again: bool) -> str:
        notes = [note for note in (edge.note, "as above" if again else "") if note]
        more = f" ({'; '.join(notes)})" if notes else ""
        if self._graph.direction == Direction.WHY:
            return f"{edge.role}: |{more}"
        return f"|, as {edge.role}{more}"

    def _line(self, head: str, around: str, node: LineageNode) -> str:
        before, _, after = around.partition("|")
        self._shown.add(node.content_hash)
        return f"{head}{before}{node}  {told(node, self._graph)}{after}"

    def _parameters(self, node: LineageNode, rest: str) -> Iterator[str]:
        """Yield a line of the parameters with which a content was made."""
        links = self._graph.links(node.content_hash)
        if self._graph.direction == Direction.WHY and links:
            text = short_parameters(self._graph.derivations[links[0].derivation_key].parameters)
            if text:
                yield f"{rest}│  {text}" if self._width(node.content_hash) else f"{rest}   {text}"
