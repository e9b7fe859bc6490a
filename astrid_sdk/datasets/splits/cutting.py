"""Breaking a group: each tie gets a side, and samples whose ties disagree are held out.

Whatever sides the ties get, two samples on different sides share none; what is looked for are
sides that hold few samples out and leave the others in the wanted fractions. Two beginnings are
improved, tie by tie (Fiduccia & Mattheyses 1982, 19th Design Automation Conference, 175): ties in
the order in which one is met from the other, which suits chains, and in an order by chance, which
suits the table of many exposures of many places.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order

from astrid_sdk.datasets.splits.ties import Floats, Numbers

HELD = -1
_PASSES = 5
_UNBALANCED = 4.0  # what a share too far from its fraction costs, next to a share held out
_EMPTY = 10.0
_ROUNDING = 1e-9


def cost_of(kept: Floats, count: int, shares: Floats, tolerance: float) -> float:
    """Return how bad it is to keep `kept` samples on each side, of `count`.

    The share that is held out, and four times what fractions are off by more than `tolerance`.
    """
    total = kept.sum()
    if not total:
        return float(np.inf)
    off = np.maximum(np.abs(kept / total - shares) - tolerance, 0).sum()
    empty = np.count_nonzero((kept == 0) & (shares > 0))
    return float((count - total) / max(count, 1) + _UNBALANCED * off + _EMPTY * empty)


def cut(table: sparse.csr_array, ranks: Numbers, shares: Floats, tolerance: float) -> Numbers:
    """Return the side of each sample of a group, `HELD` where it is held out.

    Parameters
    ----------
    table : csr_array, shape (samples, tokens)
    ranks : ndarray of int64, shape (samples,)
        Decides wherever chance may.
    shares : ndarray, shape (sides,)
        Wanted fractions of the group; 0 where a side needs nothing of it.
    tolerance : float
    """
    order = _token_ranks(table, ranks)
    starts = [_met_in_turn(table, order, shares), _by_chance(order, shares)]
    cuts = [_Cut(table, start, shares, tolerance) for start in starts]
    for each in cuts:
        each.improve()
    best = min(cuts, key=lambda each: each.cost)
    return _restored(table, best.sides_of_samples(), ranks, shares)


def token_sides(table: sparse.csr_array, side: Numbers, count: int) -> Numbers:
    """Return the sides on which each token stands, a bit for each."""
    kept = np.flatnonzero(side != HELD)
    on = sparse.csr_array(
        (np.ones(len(kept), np.int64), (kept, side[kept])), shape=(len(side), count)
    )
    found = (table.T @ on).toarray() > 0
    return np.asarray(found @ (1 << np.arange(count)), np.int64)


def _token_ranks(table: sparse.csr_array, ranks: Numbers) -> Numbers:
    """Return the tokens in an order by chance: that of their samples, the first of each."""
    first = np.argsort(ranks, kind="stable")
    met = table[first].tocoo()
    rank = np.full(table.shape[1], len(ranks), np.int64)
    np.minimum.at(rank, met.col, met.row)
    # tokens of one first sample: told apart by what is the same in whatever order they came
    return np.lexsort((-np.diff(table.tocsc().indptr), rank)).astype(np.int64)


def _met_in_turn(table: sparse.csr_array, order: Numbers, shares: Floats) -> Numbers:
    """Give ties sides in the order in which they are met from one at the rim."""
    samples, tokens = table.shape
    links = sparse.block_array([[None, table], [table.T, None]], format="csr")
    anywhere = _met_from(links, samples + int(order[0]))
    met = _met_from(links, int(anywhere[anywhere >= samples][-1]))  # that is at the rim
    turn = np.full(samples + tokens, samples + tokens, np.int64)
    turn[met] = np.arange(len(met))
    in_turn = np.argsort(turn[samples:], kind="stable")
    new = np.zeros(tokens)
    first = sparse.csr_array(table[:, in_turn])
    first.sort_indices()
    np.add.at(new, first.indices[first.indptr[:-1]], 1)  # samples that each token meets first
    side = np.empty(tokens, np.int64)
    side[in_turn] = _shared_out(np.cumsum(new) / samples, shares)
    return side


def _met_from(links: sparse.csr_array, start: int) -> Numbers:
    found = breadth_first_order(links, start, directed=False, return_predecessors=False)
    return np.asarray(found, np.int64)


def _by_chance(order: Numbers, shares: Floats) -> Numbers:
    side = np.empty(len(order), np.int64)
    side[order] = _shared_out((np.arange(len(order)) + 1) / len(order), shares)
    return side


def _shared_out(reached: Floats, shares: Floats) -> Numbers:
    """Return the side of what reaches up to these shares of all."""
    ends = np.cumsum(shares)
    wanted = np.flatnonzero(shares > 0)
    side = np.searchsorted(ends[wanted], reached - _ROUNDING)
    return np.asarray(wanted[np.minimum(side, len(wanted) - 1)], np.int64)


def _restored(table: sparse.csr_array, side: Numbers, ranks: Numbers, shares: Floats) -> Numbers:
    """Give back held samples whose ties stand on one side, or on none, in an order by chance."""
    on = token_sides(table, side, len(shares))
    kept = np.bincount(side[side != HELD], minlength=len(shares)).astype(np.float64)
    for sample in np.argsort(ranks, kind="stable").tolist():
        if side[sample] != HELD:
            continue
        tokens = table.indices[table.indptr[sample] : table.indptr[sample + 1]]
        bits = int(np.bitwise_or.reduce(on[tokens], initial=0))
        if bits & (bits - 1):
            continue
        lacking = np.where(shares > 0, shares * len(side) - kept, -np.inf)
        chosen = bits.bit_length() - 1 if bits else int(np.argmax(lacking))
        side[sample] = chosen
        kept[chosen] += 1
        on[tokens] |= 1 << chosen
    return side


class _Cut:
    """Sides of the ties, with what follows for the samples."""

    def __init__(
        self, table: sparse.csr_array, side: Numbers, shares: Floats, tolerance: float
    ) -> None:
        self.side = side
        self.shares = shares
        self.tolerance = tolerance
        self._by_token = table.tocsc()
        self._has = np.asarray(table @ np.eye(len(shares), dtype=np.int64)[side], np.int64)
        self._needs = np.diff(table.indptr).astype(np.int64)
        self._kept = (self._has == self._needs[:, np.newaxis]).sum(axis=0).astype(np.float64)
        self.cost = self._cost(self._kept)

    def sides_of_samples(self) -> Numbers:
        agree = self._has == self._needs[:, np.newaxis]
        return np.where(agree.any(axis=1), agree.argmax(axis=1), HELD).astype(np.int64)

    def improve(self) -> None:
        """Give ties other sides while that lowers the cost."""
        order = np.argsort(-np.diff(self._by_token.indptr), kind="stable").tolist()
        for _ in range(_PASSES):
            before = self.cost
            for token in order:
                self._improve(token)
            if self.cost >= before:
                return

    def _improve(self, token: int) -> None:
        start, end = self._by_token.indptr[token : token + 2]
        samples = self._by_token.indices[start:end]
        has, needs = self._has[samples], self._needs[samples]
        here = int(self.side[token])
        leaves = int((has[:, here] == needs).sum())
        joins = (has == needs[:, np.newaxis] - 1).sum(axis=0)
        best, cost = here, self.cost
        for there in np.flatnonzero(self.shares > 0).tolist():
            if there != here:
                kept = self._kept.copy()
                kept[here] -= leaves
                kept[there] += joins[there]
                now = self._cost(kept)
                if now < cost:
                    best, cost = there, now
        if best != here:
            self._move(token, samples, best)

    def _move(self, token: int, samples: Numbers, there: int) -> None:
        here = int(self.side[token])
        needs = self._needs[samples]
        self._kept[here] -= (self._has[samples, here] == needs).sum()
        self._has[samples, here] -= 1
        self._has[samples, there] += 1
        self._kept[there] += (self._has[samples, there] == needs).sum()
        self.side[token] = there
        self.cost = self._cost(self._kept)

    def _cost(self, kept: Floats) -> float:
        return cost_of(kept, len(self._needs), self.shares, self.tolerance)
