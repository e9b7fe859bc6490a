"""Why does it exist: from a content hash up to the raw file and where that came from."""

import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from astrid_sdk.catalog.derivations import Derivation
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import NotFoundError
from astrid_sdk.storage.records import RecordKind

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
        """Yield this content and everything above it, depth first."""
        yield self
        for source in self.sources:
            yield from source.walk()

    def raw(self) -> "list[Lineage]":
        """Return the ingested contents it goes back to, each once, by name."""
        found = {node.content_hash: node for node in self.walk() if not node.step}
        return sorted(found.values(), key=lambda node: (node.name, node.content_hash))

    def __str__(self) -> str:
        return "\n".join(_lines(self, "", ""))

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": f"<pre>{html.escape(str(self))}</pre>"}


def why(catalog: Catalog, content_hash: str) -> Lineage:
    """Return the lineage of `content_hash`.

    Raises
    ------
    NotFoundError
        The catalogue knows nothing of it.
    """
    makers = {ref.content_hash: made for made in catalog.derivations() for ref in made.outputs}
    contents = _contents(catalog)
    if content_hash not in contents:
        raise NotFoundError(f"the catalogue knows nothing of {content_hash}")
    return _node(content_hash, "", contents, makers)


def _node(
    content_hash: str,
    role: str,
    contents: Mapping[str, Mapping[str, Any]],
    makers: Mapping[str, Derivation],
) -> Lineage:
    known = contents.get(content_hash, {})
    made = makers.get(content_hash)
    return Lineage(
        content_hash=content_hash,
        name=known.get("name", "not in the catalogue"),
        tier=known.get("tier", ""),
        role=role,
        origin=known.get("origin", ""),
        step=made.step if made else "",
        derivation_key=made.key if made else "",
        code_version=made.code_version if made else "",
        parameters=made.parameters if made else None,
        sources=tuple(
            _node(source, source_role, contents, makers)
            for source_role, sources in (made.inputs.items() if made else ())
            for source in sources
        ),
    )


def _contents(catalog: Catalog) -> dict[str, dict[str, Any]]:
    rows = catalog.records().select(["content_hash", "kind", "name", "tier", "origin"])
    content_kinds = {RecordKind.INGEST.value, RecordKind.DERIVED.value}
    return {row["content_hash"]: row for row in rows.to_pylist() if row["kind"] in content_kinds}


def _lines(node: Lineage, head: str, rest: str) -> Iterator[str]:
    role = f"{node.role}: " if node.role else ""
    made = f"made by {node.step}" if node.step else f"from {node.origin}"
    yield f"{head}{role}{node.name}@{node.content_hash[:8]}  {node.tier}, {made}"
    told = json.dumps(dict(node.parameters or {}), sort_keys=True)
    if node.parameters and len(told) <= _MAX_PARAMETERS:
        yield f"{rest}{'│  ' if node.sources else '   '}{told}"
    for source in node.sources:
        last = source is node.sources[-1]
        yield from _lines(
            source, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")
        )
