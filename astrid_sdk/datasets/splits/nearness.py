"""Which samples are near each other on the sky, without looking at all pairs.

Distances are those of unit vectors, so RA 0 and the poles are places like any other.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from astrid_sdk.datasets.splits.ties import Floats, Numbers
from astrid_sdk.sky.sphere import unit_vectors

UNKNOWN = -1
_ARCSEC_PER_DEG = 3600.0
_ROUNDING = 1e-12  # of unit vectors: 0.2 microarcsec, so that a pair at the radius is near
_CROWD = 8  # so many in one place are looked at as one
_AT_ONCE = 4_096
_WIDE = 8.0  # radii: a chain that is longer is no single place
_CORNERS = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), axis=-1).reshape(-1, 3)


def chord_of(radius_arcsec: float) -> float:
    """Return the distance of two unit vectors at this angle, a little more for rounding."""
    angle = np.radians(radius_arcsec / _ARCSEC_PER_DEG)
    return float(2 * np.sin(angle / 2) + _ROUNDING)


def chains(positions: Floats, radius_arcsec: float) -> Numbers:
    """Return for each position the number of its chain, `UNKNOWN` where it is not known.

    Positions within the radius of each other are of one chain, and so on from one to the next
    (friends of friends). Where very many stand in one place, others up to twice the radius away
    may be counted to them: what is near is never set apart.

    Parameters
    ----------
    positions : ndarray, shape (n, 2)
        ICRS degrees; NaN where not known.
    radius_arcsec : float
    """
    known = np.flatnonzero(np.isfinite(positions).all(axis=1))
    found = np.full(len(positions), UNKNOWN, np.int64)
    vectors = unit_vectors(*positions[known].T)
    places, of_place, reach = _places(vectors, chord_of(radius_arcsec))
    found[known] = _linked(places, reach, chord_of(radius_arcsec))[of_place]
    return found


def is_wide(positions: Floats, radius_arcsec: float) -> bool:
    """Return whether the positions of one chain spread over more than one place."""
    vectors = unit_vectors(*positions.T)
    extent = np.ptp(vectors, axis=0).max()
    return bool(extent > _WIDE * chord_of(radius_arcsec))


def cells(positions: Floats, radius_arcsec: float) -> tuple[Numbers, Numbers]:
    """Return cells of the sky so that any two positions within the radius share one.

    Each position is in all cells that a ball of half the radius around it touches: the point
    between two near ones is in both their balls.

    Returns
    -------
    position, cell : ndarray of int64
        Pairs of the number of a position and that of a cell it is in.
    """
    chord = chord_of(radius_arcsec)
    reach = unit_vectors(*positions.T)[:, np.newaxis] + _CORNERS * (chord / 2)
    numbers = np.floor(reach / (_WIDE * chord)).astype(np.int64).reshape(-1, 3)
    _, cell = np.unique(numbers, axis=0, return_inverse=True)
    position = np.repeat(np.arange(len(positions)), len(_CORNERS))
    pairs = np.unique(np.stack([position, cell.reshape(-1)]), axis=1)
    return pairs[0], pairs[1]


def nearest(positions: Floats, others: Floats, radius_arcsec: float) -> tuple[Numbers, Floats]:
    """Return for each position the nearest of `others`, and how far it is.

    Returns
    -------
    place : ndarray of int64
        `UNKNOWN` where none is within the radius, or the position is not known.
    separation_arcsec : ndarray of float64
    """
    known, theirs = (np.flatnonzero(np.isfinite(it).all(axis=1)) for it in (positions, others))
    place = np.full(len(positions), UNKNOWN, np.int64)
    separation = np.full(len(positions), np.nan)
    if not len(theirs) or not len(known):
        return place, separation
    tree = cKDTree(unit_vectors(*others[theirs].T))
    limit = np.nextafter(chord_of(radius_arcsec), np.inf)  # the tree leaves out what is at it
    chord, found = tree.query(unit_vectors(*positions[known].T), distance_upper_bound=limit)
    near = np.isfinite(chord)
    place[known[near]] = theirs[found[near]]
    separation[known[near]] = np.degrees(2 * np.arcsin(chord[near] / 2)) * _ARCSEC_PER_DEG
    return place, separation


def _places(vectors: Floats, chord: float) -> tuple[Floats, Numbers, Floats]:
    """Return places, the place of each vector, and how far the vectors of a place lie from it.

    A crowd is a small cell with many vectors, all within the radius of each other.
    """
    pitch = chord / np.sqrt(3) / (1 + 1e-9)
    _, cell, size = np.unique(
        np.floor(vectors / pitch), axis=0, return_inverse=True, return_counts=True
    )
    in_crowd = size[cell.reshape(-1)] >= _CROWD
    alone = np.flatnonzero(~in_crowd)
    crowds, member = np.unique(cell.reshape(-1)[in_crowd], return_inverse=True)
    centres = _means(vectors[in_crowd], member.reshape(-1), len(crowds))
    of_place = np.empty(len(vectors), np.int64)
    of_place[alone] = np.arange(len(alone))
    of_place[in_crowd] = len(alone) + member.reshape(-1)
    reach = np.concatenate([np.zeros(len(alone)), np.full(len(crowds), chord)])
    return np.concatenate([vectors[alone], centres]), of_place, reach


def _means(vectors: Floats, member: Numbers, count: int) -> Floats:
    sizes = np.bincount(member, minlength=count)
    sums = [np.bincount(member, vectors[:, axis], count) for axis in range(3)]
    return np.asarray(np.stack(sums, axis=1) / sizes[:, np.newaxis], np.float64)


def _linked(places: Floats, reach: Floats, chord: float) -> Numbers:
    """Return the chain of each place; the links of some places at a time are in memory."""
    tree = cKDTree(places.reshape(-1, 3))
    most = chord + 2 * reach.max(initial=0.0)
    chain = np.arange(len(places))
    for start in range(0, len(places), _AT_ONCE):
        some = np.arange(start, min(start + _AT_ONCE, len(places)))
        near = cKDTree(places[some]).sparse_distance_matrix(tree, most, output_type="ndarray")
        i, j = some[near["i"]], near["j"].astype(np.int64)
        close = near["v"] <= chord + reach[i] + reach[j]
        chain = _joined(chain, i[close], j[close])
    return chain


def _joined(chain: Numbers, i: Numbers, j: Numbers) -> Numbers:
    """Return the chains when the places `i` and `j` are linked, too."""
    count = len(chain)
    _, first = np.unique(chain, return_index=True)  # chains are numbered from 0
    ends = (np.concatenate([np.arange(count), i]), np.concatenate([first[chain], j]))
    links = sparse.coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)
