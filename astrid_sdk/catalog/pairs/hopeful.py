"""The best few of very many, where telling how good one is takes long and guessing does not."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

NEVER = np.int64(np.iinfo(np.int64).max)
"""The worth of what is not to be had."""

_FIRST = 2  # times as many as are wanted are measured first
_MORE = 4
_HOPE_BITS = 44  # a hope is less than this power of two


def most_hopeful(
    groups: Numbers, hopes: Numbers, most: int, measure: Callable[[Numbers], Numbers]
) -> None:
    """Measure what may be among the best `most` of its group: the most hopeful first.

    Parameters
    ----------
    groups : ndarray, shape (n,)
        Whose each is; less than 2**19.
    hopes : ndarray, shape (n,)
        No worth is less than its hope; the least is the best. Different within a group.
    most : int
        When it returns, so many of each group that are best were measured, if there are as many.
    measure : callable
        Takes places and returns what is there worth; `NEVER` where it is not to be had.
    """
    order = np.argsort((groups << _HOPE_BITS) | hopes)
    hopes = hopes[order]
    first = np.flatnonzero(np.diff(groups[order], prepend=-1))
    counts = np.diff(first, append=len(order))
    good = np.zeros((len(first), 0), np.int64)  # the best worth of each group
    start, stop = 0, _FIRST * most
    while len(first):
        worth = _worth_of(order, first, counts, (start, stop), measure)
        good = np.sort(np.hstack([good, worth]), axis=1)[:, :most]
        is_left = counts > stop
        next_hope = hopes[np.where(is_left, first + stop, 0)]
        goes_on = is_left & (good[:, -1] > next_hope)
        first, counts, good = first[goes_on], counts[goes_on], good[goes_on]
        start, stop = stop, _MORE * stop


def _worth_of(
    order: Numbers,
    first: Numbers,
    counts: Numbers,
    stretch: tuple[int, int],
    measure: Callable[[Numbers], Numbers],
) -> Numbers:
    """Return the worth of a stretch of each group, shape (groups, at most the stretch)."""
    nth = np.arange(stretch[0], min(stretch[1], int(counts.max())))
    is_there = nth < counts[:, np.newaxis]
    worth = np.full(is_there.shape, NEVER)
    worth[is_there] = measure(order[(first[:, np.newaxis] + nth)[is_there]])
    return worth
