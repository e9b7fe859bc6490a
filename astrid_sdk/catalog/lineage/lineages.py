"""Why does it exist, and what came of it: walks over the catalogue's graph, both ways."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from astrid_sdk.catalog.lineage.ancestry import Ancestry, ancestry_of
from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.lineage.index import NONE, LineageIndex
from astrid_sdk.catalog.lineage.lazy_derivations import LazyDerivations
from astrid_sdk.catalog.lineage.sources import raw_behind
from astrid_sdk.catalog.lineage.values import Direction, LineageNode, Link, NodeKind
from astrid_sdk.catalog.lookup import digits_of
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import SHORTEST_PREFIX, Catalog
from astrid_sdk.errors import NotFoundError
from astrid_sdk.tiers import Tier

BOOKKEEPING = frozenset({"collect"})
"""Steps that only list what an asset made: nothing is computed from a list, so it is folded."""

VersionsOf = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""Says of contents which dataset versions or registered models they are: ``"sn-train v2"``."""

_VERSIONED = {Tier.DATASETS: NodeKind.DATASET_VERSION, Tier.MODELS: NodeKind.MODEL_VERSION}

_DIGITS = 64


def _no_versions(_manifests: Sequence[str]) -> Mapping[str, Sequence[str]]:
    return {}


class Lineages:
    """The questions why and impact over one catalogue.

    Parameters
    ----------
    catalog : Catalog
    derivations : Derivations
    versions_of : callable, optional
        Names dataset versions and models; without it a version shows as its manifest.
    """

    def __init__(
        self,
        catalog: Catalog,
        derivations: Derivations,
        versions_of: VersionsOf = _no_versions,
    ) -> None:
        self._catalog = catalog
        self._derivations = derivations
        self._versions_of = versions_of
        self._index: LineageIndex | None = None

    def why(self, content_hash: str) -> LineageGraph:
        """Return what a content was made from, up to the raw files and their origin.

        What made a content never changes: of a content that the catalogue knows already, with all
        that lies above it, the store is not asked again. Exclusions are those known then.

        Parameters
        ----------
        content_hash : str
            Or any unique prefix of at least eight digits, as tables show it.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        InvalidInputError
            The prefix is too short, or several hashes start with it.
        """
        return self._catalog.answer(lambda: self._why(content_hash))

    def impact(self, content_hash: str, *, bookkeeping: bool = False) -> LineageGraph:
        """Return what was made from a content, down to dataset versions.

        Parameters
        ----------
        content_hash : str
            As in `why`.
        bookkeeping : bool
            Show the lists that assets keep of what they made, too.

        Raises
        ------
        NotFoundError, InvalidInputError
            As `why`.
        """
        return self._catalog.answer(lambda: self._impact(content_hash, bookkeeping=bookkeeping))

    def raw_behind(self, contents: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the raw contents that each of `contents` shows; see `sources.raw_behind`."""
        return self._catalog.answer(
            lambda: raw_behind(self._indexed(refresh=True), self._derivations, contents)
        )

    def ancestry(self, contents: Sequence[str]) -> Ancestry:
        """Return all that very many contents were made from, as one graph; see `Ancestry`."""
        return self._catalog.answer(lambda: ancestry_of(self._indexed(refresh=True), contents))

    def _why(self, content_hash: str) -> LineageGraph:
        index = self._indexed(refresh=False)
        start = _known(index, content_hash)
        if start != NONE:
            walk = _up(index, start)
            if walk.is_whole(index):
                return self._graph(index, Direction.WHY, walk)
        index = self._indexed(refresh=True)
        return self._graph(index, Direction.WHY, _up(index, self._number(index, content_hash)))

    def _impact(self, content_hash: str, *, bookkeeping: bool) -> LineageGraph:
        index = self._indexed(refresh=True)
        start = self._number(index, content_hash)
        walk = _down(index, start, frozenset() if bookkeeping else BOOKKEEPING)
        return self._graph(index, Direction.IMPACT, walk)

    def _indexed(self, *, refresh: bool) -> LineageIndex:
        """Return the index of the catalogue; it is built again only where that changed."""
        snapshot = self._catalog.snapshot(refresh=refresh)
        if self._index is None or self._index.snapshot is not snapshot:
            self._index = LineageIndex(snapshot)
        return self._index

    def _number(self, index: LineageIndex, content_hash: str) -> int:
        number = _known(index, content_hash)
        if number == NONE and len(content_hash) != _DIGITS:
            number = index.number_of(self._catalog.resolve(content_hash))  # says what is wrong
        if number == NONE:
            raise NotFoundError(
                f"the catalogue knows nothing of {content_hash}: check the hash, or whether it is "
                "in another store"
            )
        return number

    def _graph(self, index: LineageIndex, direction: Direction, walk: "_Walk") -> LineageGraph:
        hashes = index.hashes_of(walk.contents)
        called = dict(zip(walk.contents, hashes, strict=True))
        numbers = list(walk.derivations())
        keys = dict(zip(numbers, index.keys_of(numbers), strict=True))
        links = {
            called[content]: [
                Link(keys[made], tuple(called[target] for target in targets))
                for made, targets in found
            ]
            for content, found in walk.links.items()
        }
        places = dict(zip(keys.values(), index.rows_of(numbers), strict=True))
        rows = index.snapshot.derivation_rows
        derivations = LazyDerivations(places, self._derivations, rows)
        nodes = self._nodes(index, walk.contents, hashes)
        return LineageGraph(direction, nodes, links, derivations, walk.folded)

    def _nodes(
        self, index: LineageIndex, contents: Sequence[int], hashes: Sequence[str]
    ) -> dict[str, LineageNode]:
        steps = index.steps_of([index.maker_of(content) for content in contents])
        told = index.told(contents)
        named = [
            content_hash
            for content_hash, said in zip(hashes, told, strict=True)
            if said.get("tier") in _VERSIONED
        ]
        versions = self._versions_of(named) if named else {}
        return {
            content_hash: _node(content_hash, step, said, tuple(versions.get(content_hash, ())))
            for content_hash, step, said in zip(hashes, steps, told, strict=True)
        }


@dataclass(slots=True)
class _Walk:
    """Contents as a walk met them, with the derivations between them."""

    contents: list[int] = field(default_factory=list)
    links: dict[int, list[tuple[int, list[int]]]] = field(default_factory=dict)
    folded: int = 0

    def derivations(self) -> Iterable[int]:
        return dict.fromkeys(made for found in self.links.values() for made, _ in found)

    def is_whole(self, index: LineageIndex) -> bool:
        """Return whether a record tells of every content that was met."""
        return all(map(index.is_told, self.contents))


def _up(index: LineageIndex, start: int) -> _Walk:
    """Walk depth first from a content to what it was made from."""
    walk, seen, waiting = _Walk(), set[int](), [start]
    while waiting:
        content = waiting.pop()
        if content in seen:
            continue
        seen.add(content)
        walk.contents.append(content)
        maker = index.maker_of(content)
        if maker != NONE:
            sources = index.inputs[maker]
            walk.links[content] = [(maker, sources)]
            waiting.extend(reversed(sources))
    return walk


def _down(index: LineageIndex, start: int, folded: frozenset[str]) -> _Walk:
    """Walk depth first from a content to all that was made from it."""
    walk, seen, lists, waiting = _Walk(), set[int](), set[int](), [start]
    is_list = index.made_by(folded)
    while waiting:
        content = waiting.pop()
        if content in seen:
            continue
        seen.add(content)
        walk.contents.append(content)
        found = walk.links.setdefault(content, [])
        for user in dict.fromkeys(index.users[content]):
            made = [target for target in dict.fromkeys(index.outputs[user]) if target != content]
            targets = [target for target in made if index.maker_of(target) != NONE]
            if is_list[user]:
                lists.update(targets)
            elif targets or not index.outputs[user]:  # a refusal makes nothing
                found.append((user, targets))
        waiting.extend(target for _, targets in reversed(found) for target in reversed(targets))
    walk.folded = len(lists - seen)
    return walk


def _known(index: LineageIndex, content_hash: str) -> int:
    """Return the number of the content that is meant, where the index tells it without doubt."""
    digits = digits_of(content_hash)
    if len(content_hash) == _DIGITS:
        return index.number_of(content_hash)
    found = index.starting_with(digits) if len(digits) >= SHORTEST_PREFIX else []
    return found[0] if len(found) == 1 else NONE


def _node(
    content_hash: str, step: str, said: Mapping[str, object], versions: tuple[str, ...]
) -> LineageNode:
    known = {name: said[name] for name in said if name != "place" and said[name] is not None}
    if not said:
        kind = NodeKind.MISSING
    elif versions:
        kind = _VERSIONED[Tier(str(said["tier"]))]
    else:
        kind = NodeKind.DERIVED if step else NodeKind.RAW
    fields = {**known, "step": step, "kind": kind, "versions": versions}
    return LineageNode(content_hash, **fields)  # type: ignore[arg-type]
