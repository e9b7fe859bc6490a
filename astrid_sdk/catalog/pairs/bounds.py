"""The most that two footprints can share: far quicker to tell than how much they do share.

Each footprint is put into a box of right ascension and the sine of declination, in which areas are
those on the sphere (Lambert's cylinder). What two footprints share lies in what their boxes share.
"""

from dataclasses import dataclass

import numpy as np

from astrid_sdk.catalog.pairs.frames import Frames
from astrid_sdk.catalog.pairs.neighbours import Places
from astrid_sdk.sky.shared_area import areas
from astrid_sdk.sky.sphere import Bools, Floats, normalised

_LARGEST_RAD = 0.3  # a wider one may reach round the sphere, where discs stand for footprints
_TURN = 2 * np.pi
_QUARTER = np.pi / 2
_MARGIN = 1e-6  # what rounding may take away of a share, and how near a pole counts as there
_HAIR_RAD = 1e-12
_NORTH = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """A box around each footprint, radians and sines of declination.

    Attributes
    ----------
    ra, half : ndarray
        The middle in right ascension, and how far it goes to either side: 2 pi is all around.
    low, high : ndarray
        Sines of declination.
    scale : ndarray
        One over the solid angle of the footprint.
    """

    ra: Floats
    half: Floats
    low: Floats
    high: Floats
    scale: Floats

    @classmethod
    def of(cls, frames: Frames) -> "Boxes":
        """Return the boxes; of a frame without a footprint, the whole sphere."""
        corners, (x, y, _) = frames.corners, frames.middle.T
        ra = np.arctan2(y, x)
        east = np.arctan2(corners[..., 1], corners[..., 0]) - ra[:, np.newaxis]
        half = np.abs(np.remainder(east + np.pi, _TURN) - np.pi).max(axis=1, initial=0.0)
        low, high, has_pole = _sines(corners)
        known = frames.outlined & (frames.radius < _LARGEST_RAD)
        return cls(
            ra=ra,
            half=np.where(known & ~has_pole & (half < _QUARTER), half + _HAIR_RAD, _TURN),
            low=np.where(known, low, -1.0),
            high=np.where(known, high, 1.0),
            scale=1.0 / np.where(known, areas(corners), 1e-300),
        )


def most_shared(ours: Boxes, i: Places, theirs: Boxes, j: Places) -> Floats:
    """Return what no share of footprint i in footprint j exceeds; may be more than 1."""
    half_a, half_b = ours.half[i], theirs.half[j]
    apart = np.abs(ours.ra[i] - theirs.ra[j])
    apart = np.minimum(apart, _TURN - apart)
    wide = np.minimum(half_a + half_b - apart, 2 * np.minimum(half_a, half_b))
    tall = np.minimum(ours.high[i], theirs.high[j]) - np.maximum(ours.low[i], theirs.low[j])
    shared = np.maximum(wide, 0.0) * np.maximum(tall, 0.0)
    return np.asarray(shared * ours.scale[i] + _MARGIN)


def _sines(corners: Floats) -> tuple[Floats, Floats, Bools]:
    """Return the least and the greatest sine of declination, and which may hold a pole."""
    following = np.roll(corners, -1, axis=1)
    normals = normalised(np.cross(corners, following))
    lean, z = normals[..., 2], corners[..., 2]
    # the highest point of an edge's great circle, and whether the edge goes through it, or through
    # the lowest one, which is opposite
    top = normalised(_NORTH - lean[..., np.newaxis] * normals)
    before = (np.cross(corners, top) * normals).sum(axis=-1)
    beyond = (np.cross(top, following) * normals).sum(axis=-1)
    height = np.hypot(normals[..., 0], normals[..., 1])
    high = np.where((before > 0) & (beyond > 0), height, z).max(axis=1)
    low = np.where((before < 0) & (beyond < 0), -height, z).min(axis=1)
    north, south = (np.asarray((way * lean >= -_MARGIN).all(axis=1)) for way in (1, -1))
    return np.where(south, -1.0, low), np.where(north, 1.0, high), north | south
