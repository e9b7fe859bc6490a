"""What each sample of a group is tied by: a table of samples and the ties that matter."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from astrid_sdk.datasets.splits.nearness import UNKNOWN, cells, is_wide
from astrid_sdk.datasets.splits.reach import edges, lying_above
from astrid_sdk.datasets.splits.ties import Numbers, Tie, TieKind, Ties

_LAST = 3
_BROAD = 0.02  # share of a group: a chain of fewer is broken nowhere


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The ties of some samples; ties that the same samples share are one token.

    Attributes
    ----------
    table : scipy.sparse.csr_array, shape (samples, tokens)
        1 where a sample has a token; every token has two samples or more.
    words : tuple of str
        What each token is, for people.
    """

    table: sparse.csr_array
    words: tuple[str, ...]


def tokens_of(ties: Ties, members: Numbers, chain: Numbers, radius_arcsec: float) -> Tokens:
    """Return what ties the samples `members`.

    Parameters
    ----------
    ties : Ties
    members : ndarray of int64
        Numbers of samples.
    chain : ndarray of int64
        Of all samples; `UNKNOWN` where the sky ties nothing.
    radius_arcsec : float
    """
    above, nodes = _above(ties, members)
    near, places = _near(ties, members, chain, radius_arcsec)
    table = sparse.hstack([above, near], format="csc")
    words = np.array([*map(ties.tie, nodes.tolist()), *places], object)
    weight = [*(_preference(ties, node) for node in nodes.tolist()), *([_LAST] * len(places))]
    order = np.argsort(weight, kind="stable")
    first = order[_first_alike(table[:, order])]
    shared = first[np.diff(table.indptr)[first] > 1]
    return Tokens(table[:, shared].tocsr(), tuple(_words(word) for word in words[shared]))


def shared_by_most(ties: Ties, members: Numbers) -> list[tuple[Tie, int]]:
    """Return the contents that most of the samples `members` go back to, and how many do.

    Of contents that the same samples share, those that are made of another are left out.
    """
    table, nodes = _above(ties, members)
    counts = np.diff(table.indptr)
    if not len(counts) or counts.max() < 2:  # noqa: PLR2004 - one sample shares nothing
        return []
    _, first, _ = _first_ties(ties, members)
    above = lying_above(ties, first).tocsc()
    alike = np.union1d(nodes[counts == counts.max()], _like(above, nodes[counts.argmax()]))
    alike = alike[ties.is_tie()[alike]]
    over = lying_above(ties, alike).tocsc()[:, alike]
    below = np.diff(over.indptr)  # of how many of them each is an ancestor
    return [(ties.tie(node), int(counts.max())) for node in alike[below == below.min()].tolist()]


def _like(above: sparse.csc_array, node: int) -> Numbers:
    """Return the nodes that lie above the same as `node`."""
    start, end = above.indptr[node : node + 2]
    rows = above.indices[start:end]
    shared = np.zeros(above.shape[0], np.int64)
    shared[rows] = 1
    hits = np.asarray(shared @ above)
    is_like = (hits == len(rows)) & (np.diff(above.indptr) == len(rows)) & (len(rows) > 0)
    return np.flatnonzero(is_like).astype(np.int64)


def _above(ties: Ties, members: Numbers) -> tuple[sparse.csc_array, Numbers]:
    """Return which ties lie above each sample, samples of one derivation walked once."""
    own, first, onward = _first_ties(ties, members)
    above = lying_above(ties, first).tocsc()
    kept = _apart(ties, above, np.unique(own.indices).astype(np.int64))
    table = (onward @ above[:, kept].tocsr()) + own[:, kept]
    table.data[:] = 1
    return table.tocsc(), kept


def _apart(ties: Ties, above: sparse.csc_array, own: Numbers) -> Numbers:
    """Return the ties to tell apart: one of those alike, and all that a sample has of its own."""
    used = np.flatnonzero((np.diff(above.indptr) > 0) & ties.is_tie())
    order = used[np.argsort([_preference(ties, node) for node in used.tolist()], kind="stable")]
    return np.union1d(order[_first_alike(above[:, order])], own)


def _first_ties(ties: Ties, members: Numbers) -> tuple[sparse.csr_array, Numbers, sparse.csr_array]:
    """Return the ties just above each sample and its content, and the nodes above these.

    Returns
    -------
    own : csr_array, shape (members, nodes)
    first : ndarray of int64
        Nodes to walk on from.
    onward : csr_array, shape (members, len(first))
    """
    child, parent = edges(ties, strictly=True)
    shape = (ties.count, ties.count)
    up = sparse.csr_array((np.ones(len(child), np.int32), (child, parent)), shape=shape)
    own = up[members]
    onward = own @ up
    first = np.unique(onward.indices)
    onward.data[:] = 1
    return own, first.astype(np.int64), onward.tocsc()[:, first].tocsr()


def _near(
    ties: Ties, members: Numbers, chain: Numbers, radius_arcsec: float
) -> tuple[sparse.csc_array, list[str]]:
    """Return the places on the sky: a chain is one, unless it is long and holds much of all."""
    pairs = [np.zeros((2, 0), np.int64)]
    count = 0
    for some in _alike(chain[members]):
        sample, cell = _cells(ties, members, some, radius_arcsec)
        pairs.append(np.stack([sample, cell + count]))
        count += int(cell.max()) + 1
    row, column = np.concatenate(pairs, axis=1)
    ones = np.ones(len(row), np.int32)
    table = sparse.csc_array((ones, (row, column)), shape=(len(members), count))
    _, one_of = np.unique(column, return_index=True)
    return table, [_place(ties, int(members[sample])) for sample in row[one_of].tolist()]


def _alike(chain: Numbers) -> Iterator[Numbers]:
    """Yield where each chain of two or more stands."""
    order = np.argsort(chain, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(chain[order])) + 1):
        if len(some) > 1 and chain[some[0]] != UNKNOWN:
            yield some


def _cells(
    ties: Ties, members: Numbers, some: Numbers, radius_arcsec: float
) -> tuple[Numbers, Numbers]:
    positions = ties.positions[members[some]]
    if len(some) > _BROAD * len(members) and is_wide(positions, radius_arcsec):
        sample, cell = cells(positions, radius_arcsec)
        return some[sample], cell
    return some, np.zeros(len(some), np.int64)


def _place(ties: Ties, sample: int) -> str:
    ra_deg, dec_deg = ties.positions[sample]
    return f"the place at {ra_deg:.5f} {dec_deg:+.5f}"


def _preference(ties: Ties, node: int) -> int:
    """Return which of ties that the same samples share is named: a raw frame tells most."""
    tie = ties.tie(node)
    if tie.kind is TieKind.EXPOSURE:
        return 2
    return 1 if tie.step else 0


def _words(token: object) -> str:
    return token if isinstance(token, str) else token.words()  # type: ignore[attr-defined]


def _first_alike(table: sparse.csc_array) -> Numbers:
    """Return the columns, each first of those that have the same rows."""
    marks = np.random.default_rng(0).integers(0, 2**63, (table.shape[0], 2), np.uint64)
    sums = sparse.csc_array(
        (np.ones(table.nnz, np.int8), table.indices, table.indptr), shape=table.shape
    )
    totals = _column_sums(sums, marks)
    _, first = np.unique(totals, axis=0, return_index=True)
    return np.sort(first).astype(np.int64)


def _column_sums(table: sparse.csc_array, marks: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return per column the sums of its rows' marks, which wrap around."""
    running = np.zeros((table.nnz + 1, 2), np.uint64)
    np.cumsum(marks[table.indices], axis=0, out=running[1:])
    sums: NDArray[np.uint64] = running[table.indptr[1:]] - running[table.indptr[:-1]]
    return sums
