"""A lineage graph as a picture: SVG that reads on light and on dark paper.

Boxes are contents, in columns from what was raw on the left to what was made on the right; text
and lines take the page's own colour. Every text is escaped.
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from astrid_sdk.catalog.lineage.values import Direction, LineageEdge, LineageNode, NodeKind

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.catalog.lineage.graph import LineageGraph

MOST_BOXES = 40
_WIDTH, _HEIGHT = 212, 44
_GAP_X, _GAP_Y, _MARGIN = 68, 14, 8
_MOST_LETTERS = 30
_HUES = {
    "raw-observations": 210,
    "processed-observations": 170,
    "difference-images": 265,
    "detections": 35,
    "datasets": 130,
    "models": 320,
}
_SYSTEM_COLOURS = "<style>svg{color-scheme:light dark;color:CanvasText;background:Canvas}</style>"


def standalone_svg(graph: "LineageGraph") -> str:
    """Return a picture for a file of its own: it takes the viewer's colours, light or dark."""
    return _svg(graph, _SYSTEM_COLOURS)


def inline_svg(graph: "LineageGraph") -> str:
    """Return a picture for a page, whose text colour it takes."""
    return _svg(graph, "")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the boxes stand, by content hash, in pixels, and the edges between them."""

    places: Mapping[str, tuple[int, int]]
    edges: Sequence[LineageEdge]
    hidden: int

    @property
    def size(self) -> tuple[int, int]:
        right = max(x for x, _ in self.places.values()) + _WIDTH + _MARGIN
        below = max(y for _, y in self.places.values()) + _HEIGHT + _MARGIN
        return right, below + (20 if self.hidden else 0)


def _svg(graph: "LineageGraph", style: str) -> str:
    plan = _plan(graph)
    width, height = plan.size
    label = html.escape(f"{graph.direction.value} of {graph.root}", quote=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{label}" '
        f'font-family="sans-serif" font-size="12" fill="currentColor">{style}'
    )
    arrows = (_arrow(plan, edge) for edge in plan.edges)
    boxes = (_box(graph.nodes[content_hash], *place) for content_hash, place in plan.places.items())
    parts = [head, *arrows, *boxes]
    if plan.hidden:
        parts.append(f'<text x="{_MARGIN}" y="{height - 8}">and {plan.hidden} more contents</text>')
    return "".join([*parts, "</svg>"])


def _plan(graph: "LineageGraph") -> _Plan:
    shown = _nearest(graph)
    graph.load(shown)
    edges = [edge for edge in _edges(graph, shown) if {edge.source, edge.target} <= shown.keys()]
    columns = _columns(graph, list(shown), edges)
    last = max(columns.values())
    filled: dict[int, int] = {}
    places = {}
    for content_hash, depth in columns.items():
        column = last - depth if graph.direction == Direction.WHY else depth
        row = filled.get(column, 0)
        filled[column] = row + 1
        x, y = column * (_WIDTH + _GAP_X), row * (_HEIGHT + _GAP_Y)
        places[content_hash] = (x + _MARGIN, y + _MARGIN)
    return _Plan(places, edges, len(graph) - len(shown))


def _nearest(graph: "LineageGraph") -> dict[str, None]:
    """Return the contents nearest to the root, as many as a picture shows."""
    found = {graph.root.content_hash: None}
    waiting = list(found)
    for content_hash in waiting:
        for link in graph.links(content_hash):
            for target in link.targets:
                if target not in found and len(found) < MOST_BOXES:
                    found[target] = None
                    waiting.append(target)
    return found


def _edges(graph: "LineageGraph", shown: Mapping[str, None]) -> Iterator[LineageEdge]:
    """Yield the edges from shown contents; derivations that lead to none of them are not read."""
    for content_hash in shown:
        if any(not shown.keys().isdisjoint(link.targets) for link in graph.links(content_hash)):
            yield from dict.fromkeys(graph.onward(content_hash))


def _columns(
    graph: "LineageGraph", shown: Sequence[str], edges: Sequence[LineageEdge]
) -> dict[str, int]:
    """Return how many steps each content lies from the root, by the longest way."""
    is_why = graph.direction == Direction.WHY
    pairs = {(e.target, e.source) if is_why else (e.source, e.target) for e in edges}
    depth = dict.fromkeys(shown, 0)
    for _ in shown:  # no way is longer, but where disagreeing clocks made a circle
        moved = False
        for near, far in pairs:
            if depth[far] <= depth[near] < len(shown) - 1 and far != graph.root.content_hash:
                depth[far] = depth[near] + 1
                moved = True
        if not moved:
            break
    return depth


def _box(node: LineageNode, x: int, y: int) -> str:
    hue = _HUES.get(node.tier)
    paint = "rgb(128,128,128)" if hue is None else f"hsl({hue},60%,50%)"
    is_out = node.excluded or node.deleted or node.kind == NodeKind.MISSING
    dashed = ' stroke-dasharray="4 3"' if is_out else ""
    made = node.step or ("raw" if node.kind == NodeKind.RAW else node.kind.value)
    below = " · ".join([*node.versions, made, node.content_hash[:8]])
    if node.excluded:
        below = f"excluded · {below}"
    if node.deleted:
        below = f"deleted · {below}"
    return (
        f"<g><title>{html.escape(_title(node))}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{paint}" '
        f'fill-opacity="0.18" stroke="{paint}"{dashed}/>'
        f'<text x="{x + 8}" y="{y + 18}">{html.escape(_cut(node.name))}</text>'
        f'<text x="{x + 8}" y="{y + 35}" font-size="10" opacity="0.75">'
        f"{html.escape(_cut(below))}</text></g>"
    )


def _title(node: LineageNode) -> str:
    known = [node.name, node.content_hash, node.tier, node.night or "", node.origin, node.excluded]
    return "\n".join(word for word in known if word)


def _arrow(plan: _Plan, edge: LineageEdge) -> str:
    (left, top), (right, bottom) = plan.places[edge.source], plan.places[edge.target]
    x1, y1, x2, y2 = left + _WIDTH, top + _HEIGHT // 2, right, bottom + _HEIGHT // 2
    bend = max(24, abs(x2 - x1) // 2)
    dip = _HEIGHT + _GAP_Y if x2 - x1 > _GAP_X else 0  # below the boxes that it passes
    dashed = ' stroke-dasharray="4 3"' if edge.note else ""
    said = f"{edge.role} of {edge.step}" + (f", {edge.note}" if edge.note else "")
    return (
        f'<g stroke="currentColor" opacity="0.55"><title>{html.escape(said)}</title>'
        f'<path d="M{x1} {y1}C{x1 + bend} {y1 + dip} {x2 - bend} {y2 + dip} {x2} {y2}" '
        f'fill="none"{dashed}/>'
        f'<path d="M{x2} {y2}l-7 -4v8z" fill="currentColor" stroke="none"/></g>'
    )


def _cut(text: str) -> str:
    """Return `text` as long as a box is wide: names differ at both ends."""
    if len(text) <= _MOST_LETTERS:
        return text
    half = (_MOST_LETTERS - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
