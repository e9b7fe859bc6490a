"""Walks up a graph for all samples at once."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from astrid_sdk.datasets.splits.ties import Numbers, Ties

Bools = NDArray[np.bool_]


def spread(values: Numbers, child: Numbers, parent: Numbers, join: np.ufunc) -> Numbers:
    """Return `values` of nodes, each joined with those of all nodes below it.

    Parameters
    ----------
    values : ndarray of int64, shape (nodes,)
    child, parent : ndarray of int64
        Edges upwards.
    join : numpy.ufunc
        Such as ``numpy.bitwise_or`` or ``numpy.minimum``: joining twice changes nothing.
    """
    found = values.copy()
    fresh = np.ones(len(values), np.bool_)
    while fresh.any():
        moving = fresh[child]
        before = found.copy()
        join.at(found, parent[moving], before[child[moving]])
        fresh = found != before
    return found


def reached(ties: Ties, *, strictly: bool) -> Bools:
    """Return which nodes lie above any sample; strictly: by strict edges alone."""
    start = np.zeros(ties.count, np.int64)
    start[: len(ties.samples)] = 1
    child, parent = edges(ties, strictly=strictly)
    return spread(start, child, parent, np.bitwise_or).astype(np.bool_)


def edges(ties: Ties, *, strictly: bool) -> tuple[Numbers, Numbers]:
    """Return the edges, or only the strict ones."""
    if not strictly:
        return ties.child, ties.parent
    return ties.child[ties.strict], ties.parent[ties.strict]


def lying_above(ties: Ties, nodes: Numbers) -> sparse.csr_array:
    """Return which nodes each of `nodes` reaches by strict edges, itself among them.

    Returns
    -------
    scipy.sparse.csr_array of int8, shape (len(nodes), nodes of `ties`)
    """
    child, parent = edges(ties, strictly=True)
    shape = (ties.count, ties.count)
    up = sparse.csr_array((np.ones(len(child), np.int32), (child, parent)), shape=shape)
    rows = np.arange(len(nodes))
    layer = sparse.csr_array(
        (np.ones(len(nodes), np.int32), (rows, nodes)), shape=(len(nodes), ties.count)
    )
    found = layer
    while layer.nnz:
        layer = layer @ up
        layer.data[:] = 1
        together = found + layer
        together.data[:] = 1
        if together.nnz == found.nnz:  # nothing new, also where something was made of itself
            return found
        found = together
    return found
