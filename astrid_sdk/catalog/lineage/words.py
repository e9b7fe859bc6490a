"""A lineage graph in sentences: what an astronomer asks, answered without a diagram."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from astrid_sdk.catalog.lineage.tree import short_parameters
from astrid_sdk.catalog.lineage.values import Direction, LineageEdge, LineageNode, NodeKind
from astrid_sdk.catalog.steps.derivation import Derivation

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.catalog.lineage.graph import LineageGraph

_MOST_CONTENTS = 1_000  # that are read for the sentences; the raw files are told of all
_MOST_SENTENCES = 12
_MOST_NAMES = 8
_ROLE_WORDS = {
    "difference": "difference image",
    "science": "science image",
    "reference": "template",
    "raw": "raw image",
    "pattern": "detector pattern",
    "files": "file",
    "items": "item",
}


def words(graph: "LineageGraph") -> str:
    """Return in sentences, a line each, why the root exists or what came of it."""
    told = _why if graph.direction == Direction.WHY else _impact
    return "\n".join([*told(graph), *_warnings(graph)])


def _many(word: str) -> str:
    return word if word.endswith("s") else f"{word}s"


def _why(graph: "LineageGraph") -> Iterator[str]:
    if not graph.links(graph.root.content_hash):
        yield f"{_named(graph.root)} {_came(graph.root)}."
        return
    yield from _Ancestry(graph).sentences()
    raw = graph.raw()
    files = "the raw file" if len(raw) == 1 else f"{len(raw)} raw files"
    if raw:
        yield f"It goes back to {files} {_list(map(_raw, raw))}."


def _impact(graph: "LineageGraph") -> Iterator[str]:
    root = graph.root
    yield f"{_named(root)} {_came(root)}."
    used = [link for link in graph.links(root.content_hash) if link.targets]
    if used:
        tiers = (f"{count} in {tier or 'no tier'}" for tier, count in graph.tiers().items())
        derivations = "1 derivation" if len(used) == 1 else f"{len(used)} derivations"
        yield f"{derivations} used it; made from it, directly or further on: {_list(tiers)}."
    else:
        yield "Nothing was made from it."
    if versions := graph.dataset_versions():
        yield f"It is behind the dataset versions {_list(versions)}."
    if models := graph.model_versions():
        yield f"It is behind the models {_list(models)}."
    for made in graph.refusals()[:_MOST_SENTENCES]:
        yield f"{made.step} refused it: {made.refusal}."
    if root.deleted:
        yield "It was deleted; its bytes stay until they are swept."
    if root.excluded:
        still = "; what is listed was made with it all the same" if used else ""
        yield f"It is excluded ({root.excluded}){still}."


class _Ancestry:
    """The sentences on what a content was made from, one per kind of step."""

    def __init__(self, graph: "LineageGraph") -> None:
        self._graph = graph
        self._roles: dict[str, str] = {}
        graph.load(islice(graph.nodes, _MOST_CONTENTS))
        for content_hash in islice(graph.nodes, _MOST_CONTENTS):
            for edge in graph.onward(content_hash):
                self._roles.setdefault(edge.source, _ROLE_WORDS.get(edge.role, edge.role))

    def sentences(self) -> Iterator[str]:
        groups = list(self._groups().values())
        yield from map(self._sentence, groups[:_MOST_SENTENCES])
        if len(groups) > _MOST_SENTENCES:
            yield "Further steps lie above those: the tree shows them."

    def _groups(self) -> Mapping[tuple[str, str, str], list[str]]:
        """Return the contents that one sentence tells of: same step, role and parameters."""
        groups: dict[tuple[str, str, str], list[str]] = {}
        for content_hash in islice(self._graph.nodes, _MOST_CONTENTS):
            for link in self._graph.links(content_hash):
                made = self._graph.derivations[link.derivation_key]
                role = self._roles.get(content_hash, "")
                kind = (made.step, role, short_parameters(made.parameters))
                groups.setdefault(kind, []).append(content_hash)
        return groups

    def _sentence(self, group: Sequence[str]) -> str:
        (link, *_) = self._graph.links(group[0])
        made = self._graph.derivations[link.derivation_key]
        edges = [edge for content_hash in group for edge in self._graph.onward(content_hash)]
        sources = " and ".join(map(self._sources, _by_role(edges)))
        head = f"{self._subject(group)} made by {made.step}{self._when(group, made)}"
        return f"{head}{' from ' + sources if sources else ''}{_with(made)}."

    def _subject(self, group: Sequence[str]) -> str:
        nodes = [self._graph.nodes[content_hash] for content_hash in group]
        role = self._roles.get(group[0], "")
        if nodes == [self._graph.root]:
            return f"{_named(nodes[0])} was"
        if len(nodes) == 1:
            return f"The {role} {nodes[0]} was"
        return f"The {len(nodes)} {_many(role or 'content')} {_list(map(str, nodes))} were each"

    def _when(self, group: Sequence[str], made: Derivation) -> str:
        if len(group) > 1:
            return ""
        author = self._graph.nodes[group[0]].author
        return f" on {made.created_at:%Y-%m-%d}{' by ' + author if author else ''}"

    def _sources(self, edges: Sequence[LineageEdge]) -> str:
        """Return what was used as one role, and what the step left out of it."""
        word = _ROLE_WORDS.get(edges[0].role, edges[0].role)
        used = dict.fromkeys(edge.source for edge in edges if not edge.note)
        names = [self._source(self._graph.nodes[source]) for source in used]
        many = f"{len(names)} {_many(word)} {_list(names)}"
        told = f"the {word} {names[0]}" if len(names) == 1 else many
        left_out = [
            f"{self._graph.nodes[edge.source]} ({edge.note})" for edge in edges if edge.note
        ]
        return f"{told}, without {_list(left_out)}" if left_out else told

    def _source(self, node: LineageNode) -> str:
        """Return what a source is called, with its night where that is another than the root's."""
        if not node.night or node.night == self._graph.root.night:
            return str(node)
        return f"{node} (night {node.night})"


def _by_role(edges: Iterable[LineageEdge]) -> Iterable[list[LineageEdge]]:
    found: dict[str, list[LineageEdge]] = {}
    for edge in edges:
        found.setdefault(edge.role, []).append(edge)
    return found.values()


def _with(made: Derivation) -> str:
    if not made.parameters:
        return ""
    text = short_parameters(made.parameters)
    return f", with {text}" if text else f", with {len(made.parameters)} long parameters"


def _named(node: LineageNode) -> str:
    return f"{node} ({', '.join(known)})" if (known := _known(node)) else str(node)


def _raw(node: LineageNode) -> str:
    return f"{node} ({', '.join([*_known(node), f'from {node.origin}'])})"


def _known(node: LineageNode) -> list[str]:
    """Return night, exposure start and filter, as far as they are known."""
    start = (node.observation_time or "")[:19].replace("T", " ")
    return [
        f"{what}{value}{unit}"
        for what, value, unit in (
            ("night ", node.night, ""),
            ("exposed ", start, " UTC"),
            ("filter ", node.filter_band, ""),
        )
        if value
    ]


def _came(node: LineageNode) -> str:
    if node.kind == NodeKind.MISSING:
        return "was used or made, but no record tells of it"
    when = f" on {node.created_at:%Y-%m-%d}" if node.created_at else ""
    by = f" by {node.author}" if node.author else ""
    return f"{'was made by ' + node.step if node.step else 'came from ' + node.origin}{when}{by}"


def _warnings(graph: "LineageGraph") -> Iterator[str]:
    excluded = [node for node in graph.excluded() if node is not graph.root]
    if excluded:
        yield f"Excluded by now: {_list(f'{node} ({node.excluded})' for node in excluded)}."
    deleted = [node for node in graph.deleted() if node is not graph.root]
    if deleted:
        yield f"Deleted by now: {_list(map(str, deleted))}."
    missing = [node for node in graph.walk() if node.kind == NodeKind.MISSING]
    if missing and missing != [graph.root]:
        yield f"No record tells of {_list(map(str, missing))}."


def _list(names: Iterable[str]) -> str:
    told = list(names)
    more = len(told) - _MOST_NAMES
    return ", ".join(told[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
