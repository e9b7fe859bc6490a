"""Whole groups onto sides: the largest first, each where most is lacking, then exchanges.

What is balanced are columns: the number of samples, and that of each label. A side's error in a
column is how far it is from its fraction of it, squared, as a share of the column.
"""

import numpy as np

from astrid_sdk.datasets.splits.ties import Floats, Numbers

_PASSES = 6
_MOST_EXCHANGED = 1_500  # groups; of more, the small ones even out what the large ones left
_LEAST_GAIN = 1e-9


def placed(sizes: Floats, ranks: Numbers, shares: Floats, have: Floats) -> Numbers:
    """Return the side of each group.

    Parameters
    ----------
    sizes : ndarray, shape (groups, columns)
        What each group brings.
    ranks : ndarray of int64, shape (groups,)
        Decides between groups of one size.
    shares : ndarray, shape (sides,)
        Fractions.
    have : ndarray, shape (sides, columns)
        What stands on the sides already.
    """
    totals = sizes.sum(axis=0) + have.sum(axis=0)
    weights = 1 / np.maximum(totals, 1)
    lacking = shares[:, np.newaxis] * totals - have
    side = np.zeros(len(sizes), np.int64)
    for group in np.lexsort((ranks, -sizes.sum(axis=1))).tolist():
        side[group] = np.argmax(lacking @ (sizes[group] * weights))
        lacking[side[group]] -= sizes[group]
    if len(sizes) <= _MOST_EXCHANGED:
        _exchange(sizes, side, lacking, weights)
    return side


def _exchange(sizes: Floats, side: Numbers, lacking: Floats, weights: Floats) -> None:
    """Move groups, or exchange two, while that makes the error less."""
    for _ in range(_PASSES):
        moved = [_improved(group, sizes, side, lacking, weights) for group in range(len(sizes))]
        if not any(moved):
            return


def _improved(group: int, sizes: Floats, side: Numbers, lacking: Floats, weights: Floats) -> bool:
    """Make the best move or exchange of one group; say whether there was one."""
    here = int(side[group])
    sides = np.arange(len(lacking))
    # what would leave this side, for each other group, and for nothing in return
    given = np.concatenate([sizes[group] - sizes, np.tile(sizes[group], (len(sides), 1))])
    there = np.concatenate([side, sides])
    change = 2 * ((lacking[here] - lacking[there] + given) * given) @ weights
    change[there == here] = 0
    best = int(np.argmin(change))
    if change[best] >= -_LEAST_GAIN:
        return False
    lacking[here] += given[best]
    lacking[there[best]] -= given[best]
    side[group] = there[best]
    if best < len(sizes):
        side[best] = here
    return True
