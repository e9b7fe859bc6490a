"""Groups: samples that no side may share out, one to the next."""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from astrid_sdk.datasets.splits.nearness import UNKNOWN
from astrid_sdk.datasets.splits.reach import edges, reached
from astrid_sdk.datasets.splits.ties import Numbers, Ties


def groups_of(ties: Ties, chain: Numbers) -> Numbers:
    """Return for each sample the number of its group.

    Parameters
    ----------
    ties : Ties
    chain : ndarray of int64
        The place on the sky of each sample; `UNKNOWN` where the sky ties nothing.
    """
    child, parent = edges(ties, strictly=True)
    is_reached = reached(ties, strictly=True)[child]  # what only lies above others ties nothing
    placed = np.flatnonzero(chain != UNKNOWN)
    ends = (
        np.concatenate([child[is_reached], placed]),
        np.concatenate([parent[is_reached], ties.count + chain[placed]]),
    )
    count = ties.count + int(chain.max(initial=UNKNOWN)) + 1
    links = sparse.coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(count, count))
    found = connected_components(links, directed=False)[1][: len(ties.samples)]
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64).reshape(-1)
