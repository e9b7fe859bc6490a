"""Which circles on the sky touch, for tens of thousands against tens of thousands."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.sky.sphere import Bools, Floats, angle

Places = NDArray[np.intp]

_BLOCK = 1 << 16  # pairs at a time
_MOST_ROWS = 1 << 12  # of a block
_SLACK_RAD = 1e-9
_DOUBT = 1e-14  # of a cosine: what rounding may change


def touching(
    middle_a: Floats, radius_a: Floats, middle_b: Floats, radius_b: Floats
) -> Iterator[tuple[Places, Places, Bools]]:
    """Yield (a, b, whether they touch, shape (len(a), len(b))) of circles that may touch.

    Each a is in one block only, with all it touches. Both are put in the order of their
    declination, so that only a band of b is looked at for some a: the difference in declination is
    never more than the separation, at the poles as elsewhere.

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
    order_a, order_b = (np.argsort(dec, kind="stable") for dec in (dec_a, dec_b))
    reach = radius_a[order_a] + radius_b.max() + _SLACK_RAD
    low = np.searchsorted(dec_b[order_b], dec_a[order_a] - reach)
    high = np.searchsorted(dec_b[order_b], dec_a[order_a] + reach, side="right")
    for first, last in _blocks(low, high):
        a = order_a[first:last]
        b = order_b[low[first:last].min() : high[first:last].max()]
        yield a, b, _touch(middle_a[a], radius_a[a], middle_b[b], radius_b[b])


def _blocks(low: Places, high: Places) -> Iterator[tuple[int, int]]:
    """Yield stretches of a that make about a block of pairs with their band of b."""
    first = 0
    while first < len(low):
        top = np.maximum.accumulate(high[first : first + _MOST_ROWS])
        band = np.maximum(top - np.minimum.accumulate(low[first : first + _MOST_ROWS]), 1)
        sizes = band * np.arange(1, len(band) + 1)
        last = first + max(1, int(np.searchsorted(sizes, _BLOCK, side="right")))
        yield first, last
        first = last


def _touch(a: Floats, radius_a: Floats, b: Floats, radius_b: Floats) -> Bools:
    """Return which circles touch, all a against all b.

    By the cosine of the separation less that of both radii together, which is one product of
    matrices; where that is too close to call, by the separation itself.
    """
    wide = radius_a + _SLACK_RAD
    ours = np.column_stack([a, -np.cos(wide), np.sin(wide)])
    theirs = np.column_stack([b, np.cos(radius_b), np.sin(radius_b)])
    height = ours @ theirs.T
    touch: Bools = height >= 0.0
    i, j = np.nonzero(np.abs(height) < _DOUBT)
    touch[i, j] = angle(a[i], b[j]) <= wide[i] + radius_b[j]
    if wide.max(initial=0.0) + radius_b.max(initial=0.0) >= np.pi:  # half a sphere each
        touch |= wide[:, np.newaxis] + radius_b >= np.pi
    return touch
