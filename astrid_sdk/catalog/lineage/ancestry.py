"""What very many contents were made from, as one graph of numbers, walked once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.lineage.index import NONE, LineageIndex

_Numbers = NDArray[np.int64]
_TOLD = ("name", "role", "observation_id", "ra_deg", "dec_deg")


@dataclass(frozen=True, slots=True, eq=False)
class Ancestry:
    """Some contents and all that lies above them.

    Nodes are numbered: first the contents, then the derivations. A derivation stands between what
    it made and what it used, so that many outputs of many inputs are no table of all pairs. One
    that used nothing is left out: it ties nothing together.

    Attributes
    ----------
    hashes : tuple of str
        Of the contents, sorted; also of those that the catalogue does not know.
    child, parent : ndarray of int64
        Edges between nodes, upwards.
    steps : tuple of str
        What made each content; "" for what came from outside.
    names, roles : tuple of str
        As the catalogue calls each content; "" where it does not.
    positions : ndarray of float64, shape (contents, 2)
        ICRS (ra_deg, dec_deg); NaN where it is not known.
    observations : tuple of (int, str)
        Contents and the observations that they say they are of; several where a file has several.
    """

    hashes: tuple[str, ...]
    child: _Numbers
    parent: _Numbers
    steps: tuple[str, ...]
    names: tuple[str, ...]
    roles: tuple[str, ...]
    positions: NDArray[np.float64]
    observations: tuple[tuple[int, str], ...]


def ancestry_of(index: LineageIndex, contents: Sequence[str]) -> Ancestry:
    """Return the graph above `contents`.

    Parameters
    ----------
    index : LineageIndex
    contents : sequence of str
        Content hashes.
    """
    asked = sorted(set(contents))
    numbers = np.asarray(index.numbers_of(asked), np.int64)
    met, made, used = _walked(index, numbers[numbers != NONE])
    unknown = [asked[place] for place in np.flatnonzero(numbers == NONE)]
    hashes = [*index.hashes_of(met.tolist()), *unknown]
    order = np.argsort(np.array(hashes, "U64"), kind="stable")
    node = np.empty(len(order), np.int64)
    node[order] = np.arange(len(order))
    steps = [*index.steps_of(index.makers_of(met).tolist()), *([""] * len(unknown))]
    child, parent = _edges(met, node, made, used)
    names, roles, positions, observations = _told(index, met, node)
    return Ancestry(
        hashes=tuple(hashes[place] for place in order),
        child=child,
        parent=parent,
        steps=tuple(steps[place] for place in order),
        names=names,
        roles=roles,
        positions=positions,
        observations=observations,
    )


_Pairs = tuple[_Numbers, _Numbers]


def _walked(index: LineageIndex, start: _Numbers) -> tuple[_Numbers, _Pairs, _Pairs]:
    """Return the contents met, sorted; pairs of content and maker; pairs of maker and input."""
    seen = np.zeros(len(index), np.bool_)
    done = np.zeros(len(index.inputs.start) - 1, np.bool_)
    layer = np.unique(start)
    made, used = [_no_pairs()], [_no_pairs()]
    while len(layer):
        seen[layer] = True
        makers = index.makers_of(layer)
        made.append((layer[makers != NONE], makers[makers != NONE]))
        fresh = np.unique(makers[makers != NONE])
        fresh = fresh[~done[fresh]]
        done[fresh] = True
        used.append(index.inputs.many(fresh))
        layer = np.unique(used[-1][1])
        layer = layer[~seen[layer]]
    return np.flatnonzero(seen), _joined(made), _joined(used)


def _no_pairs() -> _Pairs:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def _joined(pairs: Sequence[_Pairs]) -> _Pairs:
    first, second = zip(*pairs, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _edges(met: _Numbers, node: _Numbers, made: _Pairs, used: _Pairs) -> _Pairs:
    """Return the edges upwards, content to derivation and derivation to content."""
    makers = np.unique(used[0])
    has_inputs = np.isin(made[1], makers)
    above = len(node) + np.searchsorted(makers, made[1][has_inputs])
    below = len(node) + np.searchsorted(makers, used[0])
    contents = node[np.searchsorted(met, made[0][has_inputs])]
    sources = node[np.searchsorted(met, used[1])]
    return np.concatenate([contents, below]), np.concatenate([above, sources])


def _told(
    index: LineageIndex, met: _Numbers, node: _Numbers
) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64], tuple[tuple[int, str], ...]]:
    """Return names, roles, positions and observations of the contents."""
    owners, rows = index.rows_telling(met, _TOLD)
    nodes = node[np.searchsorted(met, owners)]
    names, roles = (_texts(rows[name], nodes, len(node)) for name in ("name", "role"))
    positions = np.full((len(node), 2), np.nan)
    places = np.stack(
        [np.asarray(arrow.to_numpy(rows[name]), float) for name in _TOLD[-2:]], axis=1
    )
    positions[nodes[::-1]] = places[::-1]
    is_told = arrow.to_numpy(pc.is_valid(rows["observation_id"]))
    ids = rows["observation_id"].filter(arrow.column(is_told)).to_pylist()
    observations = sorted(set(zip(nodes[is_told].tolist(), ids, strict=True)))
    return names, roles, positions, tuple(observations)


def _texts(column: pa.ChunkedArray, nodes: _Numbers, count: int) -> tuple[str, ...]:
    """Return per node the first text that is told of it, "" where none is."""
    texts = [""] * count
    told = zip(nodes.tolist(), column.to_pylist(), strict=True)
    for number, text in reversed(list(told)):
        texts[number] = text or ""
    return tuple(texts)
