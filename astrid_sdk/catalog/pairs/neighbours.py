"""Which circles on the sky touch, for tens of thousands against tens of thousands."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.sky.sphere import Floats

Places = NDArray[np.intp]

_BLOCK = 1 << 18  # pairs at a time
_SLACK_RAD = 1e-9


def touching(
    middle_a: Floats, radius_a: Floats, middle_b: Floats, radius_b: Floats
) -> Iterator[tuple[Places, Places]]:
    """Yield (i, j) of the circles a[i] and b[j] that touch; all of one i come in one block.

    Circles b are put in the order of their declination, so that only a band of them is looked at
    for each a: the difference in declination is never more than the separation, at the poles as
    elsewhere.

    Parameters
    ----------
    middle_a, middle_b : ndarray, shape (n, 3) and (m, 3)
        Unit vectors.
    radius_a, radius_b : ndarray, shape (n,) and (m,)
        Radians.
    """
    if not len(middle_a) or not len(middle_b):
        return
    dec_a, dec_b = (np.arcsin(np.clip(middle[:, 2], -1.0, 1.0)) for middle in (middle_a, middle_b))
    order = np.argsort(dec_b, kind="stable")
    reach = radius_a + radius_b.max() + _SLACK_RAD
    low = np.searchsorted(dec_b[order], dec_a - reach)
    counts = np.searchsorted(dec_b[order], dec_a + reach, side="right") - low
    for first, last in _blocks(counts):
        i = np.repeat(np.arange(first, last), counts[first:last])
        ends = np.cumsum(counts[first:last])
        place = np.arange(len(i)) - np.repeat(ends - counts[first:last], counts[first:last])
        j = order[low[i] + place]
        near = _touch(middle_a[i], middle_b[j], radius_a[i] + radius_b[j])
        yield i[near], j[near]


def _blocks(counts: Places) -> Iterator[tuple[int, int]]:
    """Yield stretches that hold about a block of pairs, at least one place each."""
    total = np.cumsum(counts)
    first = 0
    while first < len(counts):
        before = total[first] - counts[first]
        last = max(first + 1, int(np.searchsorted(total, before + _BLOCK, side="right")))
        yield first, last
        first = last


def _touch(a: Floats, b: Floats, reach: Floats) -> NDArray[np.bool_]:
    chord = 2.0 * np.sin(np.minimum(reach + _SLACK_RAD, np.pi) / 2.0)
    return np.asarray(((a - b) ** 2).sum(axis=1) <= chord**2)
