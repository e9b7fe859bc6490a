"""Which raw files very many contents go back to, found together."""

from collections.abc import Collection, Mapping, Sequence

from astrid_sdk.catalog.lineage.index import NONE, LineageIndex
from astrid_sdk.catalog.lineage.lazy_derivations import LazyDerivations
from astrid_sdk.catalog.steps.derivations import Derivations

_OF_THE_SCENE = ("raw", "science")
"""Roles of what an output shows: what it was calibrated or compared with is beside the point."""

_Above = dict[int, Sequence[int]]


def raw_behind(
    index: LineageIndex, derivations: Derivations, contents: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return the contents from outside that each of `contents` shows, sorted.

    A triplet goes back to the raw frame that it was cut from; the frames behind its template are
    no part of that, for all samples of a field share them. What came from outside itself goes
    back to itself, and what is not known to nothing.
    """
    asked = list(dict.fromkeys(contents))
    numbers = index.numbers_of(asked)
    above = _walked(index, derivations, [number for number in numbers if number != NONE])
    behind = _resolved(above)
    raw = sorted({number for found in behind.values() for number in found})
    names = dict(zip(raw, index.hashes_of(raw), strict=True))
    return {
        content_hash: tuple(sorted(names[each] for each in behind.get(number, ())))
        for content_hash, number in zip(asked, numbers, strict=True)
    }


def _walked(index: LineageIndex, derivations: Derivations, start: Sequence[int]) -> _Above:
    """Return what each content that is met shows, a layer of the graph at a time."""
    above: _Above = {}
    layer = list(dict.fromkeys(start))
    while layer:
        makers = {content: index.maker_of(content) for content in layer}
        shown = _shown(index, derivations, {made for made in makers.values() if made != NONE})
        above |= {content: shown.get(made, ()) for content, made in makers.items()}
        found = (source for content in layer for source in above[content])
        layer = [content for content in dict.fromkeys(found) if content not in above]
    return above


def _shown(
    index: LineageIndex, derivations: Derivations, makers: Collection[int]
) -> Mapping[int, Sequence[int]]:
    """Return per derivation the inputs that its outputs show; it is read where it has several."""
    inputs = {made: index.inputs[made] for made in makers}
    several = [made for made, found in inputs.items() if len(found) > 1]
    keys = dict(zip(several, index.keys_of(several), strict=True))
    places = dict(zip(keys.values(), index.rows_of(several), strict=True))
    known = LazyDerivations(places, derivations, index.snapshot.derivation_rows)
    known.load(keys.values())
    for made, key in keys.items():
        roles = known[key].inputs
        of_the_scene = next((roles[role] for role in _OF_THE_SCENE if roles.get(role)), None)
        if of_the_scene is not None:
            inputs[made] = index.numbers_of(of_the_scene)
    return inputs


def _resolved(above: _Above) -> dict[int, frozenset[int]]:
    """Return the ends of all ways up from each content."""
    behind: dict[int, frozenset[int]] = {}
    for start in above:
        waiting = [start]
        on_the_way: set[int] = set()
        while waiting:
            content = waiting[-1]
            lacking = [up for up in above[content] if up not in behind and up not in on_the_way]
            if content not in behind and lacking and content not in on_the_way:
                on_the_way.add(content)
                waiting.extend(lacking)
                continue
            waiting.pop()
            if content not in behind:
                ends = (behind.get(up, frozenset()) for up in above[content])
                behind[content] = frozenset().union(*ends) or frozenset([content])
    return behind
