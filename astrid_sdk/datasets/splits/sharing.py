"""What samples of several sides go back to together, found in one walk up the graph."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.datasets.splits.reach import Bools, edges, spread
from astrid_sdk.datasets.splits.ties import Numbers, Tie, TieKind, Ties

_NOBODY = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class SharedTie:
    """A tie with samples of several sides.

    Attributes
    ----------
    node : int
    tie : Tie
    examples : tuple of (int, int)
        A side and one of its samples, for each side.
    """

    node: int
    tie: Tie
    examples: tuple[tuple[int, int], ...]


def shared_ties(ties: Ties, side: Numbers, count: int) -> list[SharedTie]:
    """Return the ties, nearest to the samples, that lie above samples of several sides.

    What is above one of them, for the same sides, is not told again.

    Parameters
    ----------
    ties : Ties
    side : ndarray of int64
        Of each sample; negative where it stands on none.
    count : int
        How many sides there are.
    """
    on = _sides_below(ties, side, strictly=True)
    is_shared = _is_several(on) & ties.is_tie()
    child, parent = edges(ties, strictly=True)
    told = np.zeros(ties.count, np.int64)
    np.bitwise_or.at(told, parent[is_shared[child]], on[child[is_shared[child]]])
    told = spread(told, child, parent, np.bitwise_or)
    nodes = np.flatnonzero(is_shared & (on != told))
    examples = _examples(ties, side, count, nodes)
    return [
        SharedTie(node, ties.tie(node), found)
        for node, found in zip(nodes.tolist(), examples, strict=True)
    ]


def allowed_ties(ties: Ties, side: Numbers) -> list[Tie]:
    """Return the contents that several sides share only through what is allowed to be shared."""
    strict, full = (_sides_below(ties, side, strictly=strictly) for strictly in (True, False))
    is_content = [tie.kind is TieKind.CONTENT for tie in ties.ties]
    told = _is_several(full) & ~_is_several(strict)
    nodes = np.flatnonzero(told[len(ties.samples) :] & np.array(is_content, np.bool_))
    return [ties.ties[node] for node in nodes.tolist()]


def samples_below(ties: Ties, nodes: Numbers) -> Bools:
    """Return which samples go back to any of `nodes`."""
    child, parent = edges(ties, strictly=True)
    start = np.zeros(ties.count, np.int64)
    start[nodes] = 1
    found = spread(start, parent, child, np.bitwise_or)
    return found[: len(ties.samples)].astype(np.bool_)


def _sides_below(ties: Ties, side: Numbers, *, strictly: bool) -> Numbers:
    """Return for each node the sides of the samples below it, a bit for each."""
    start = np.zeros(ties.count, np.int64)
    start[: len(side)] = np.where(side >= 0, 1 << np.maximum(side, 0), 0)
    return spread(start, *edges(ties, strictly=strictly), np.bitwise_or)


def _is_several(bits: Numbers) -> NDArray[np.bool_]:
    return np.asarray((bits & (bits - 1)) != 0, np.bool_)


def _examples(
    ties: Ties, side: Numbers, count: int, nodes: Numbers
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield for each node the first sample of every side below it."""
    child, parent = edges(ties, strictly=True)
    first = []
    for number in range(count if len(nodes) else 0):
        start = np.full(ties.count, _NOBODY, np.int64)
        ours = np.flatnonzero(side == number)
        start[ours] = ours
        first.append(spread(start, child, parent, np.minimum)[nodes])
    for place in range(len(nodes)):
        found = [(number, int(it[place])) for number, it in enumerate(first)]
        yield tuple(pair for pair in found if pair[1] != _NOBODY)
