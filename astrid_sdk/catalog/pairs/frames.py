"""Observations as arrays: where and when they are, in which light, how good."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.catalog.models.observation_table import LeftOutObservation
from astrid_sdk.catalog.pairs.neighbours import Places
from astrid_sdk.sky.shared_area import areas, circle_fractions, shared_fractions, stacked_corners
from astrid_sdk.sky.sphere import Bools, Floats, angle, centre, unit_vectors

UNDATED = "undated: its header gives no usable time"
NO_POSITION = "no position on the sky: its header has no sound WCS"
NO_SIZE = "its size on the sky is not known: neither a footprint, nor shape and pixel scale"

_ARCSEC_RAD = np.pi / 180.0 / 3600.0
_SECONDS_PER_DAY = 86400.0
_BLOCK = 1 << 14  # pairs at a time: what the cache of a processor holds


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Observations that have a place and a time, one array per thing known of them.

    Attributes
    ----------
    observations : tuple of Observation
    corners : ndarray, shape (n, k, 3)
        As `astrid_sdk.sky.shared_area` takes them; meaningless where not `outlined`.
    outlined : ndarray of bool
        Whether the footprint is known; else a circle of the same area stands for it.
    middle : ndarray, shape (n, 3)
    radius, disc : ndarray
        Radians: of the circle around it, and of the circle of the same area.
    start, end : ndarray
        Of the exposure, MJD UTC.
    seeing, depth : ndarray
        Arcsec, and exposure time in seconds; NaN where unknown.
    light : ndarray of str
        Same survey (or instrument) and filter: same text.
    ids : ndarray of str
    """

    observations: tuple[Observation, ...]
    corners: Floats
    outlined: Bools
    middle: Floats
    radius: Floats
    disc: Floats
    start: Floats
    end: Floats
    seeing: Floats
    depth: Floats
    light: NDArray[np.str_]
    ids: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.observations)

    @classmethod
    def of(cls, usable: Sequence[Observation]) -> "Frames":
        """Return the arrays of observations that `why_not` has nothing against."""
        outlined = np.array([made.footprint is not None for made in usable], bool)
        corners = stacked_corners([made.footprint or _NOWHERE for made in usable])
        middle = np.where(outlined[:, np.newaxis], centre(corners)[:, 0], _centres(usable))
        around = angle(corners, middle[:, np.newaxis]).max(axis=1, initial=0.0)
        disc = np.sqrt(np.where(outlined, areas(corners), _solid_angles(usable)) / np.pi)
        depth = _numbers([made.exposure_time_s for made in usable])
        start = _numbers([made.mjd for made in usable])
        return cls(
            observations=tuple(usable),
            corners=corners,
            outlined=outlined,
            middle=middle,
            radius=np.where(outlined, around, disc),
            disc=disc,
            start=start,
            end=start + np.nan_to_num(depth) / _SECONDS_PER_DAY,
            seeing=_numbers([made.seeing_arcsec for made in usable]),
            depth=depth,
            light=np.array([light_of(made) for made in usable], str),
            ids=np.array([made.observation_id for made in usable], str),
        )


_NOWHERE = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


def usable_of(
    observations: Sequence[Observation],
) -> tuple[list[Observation], list[LeftOutObservation]]:
    """Return the observations that can be paired, and the others with the reason."""
    reasons = [why_not(made) for made in observations]
    usable = [made for made, reason in zip(observations, reasons, strict=True) if not reason]
    left_out = [
        LeftOutObservation(made.name, made.content_hash, reason)
        for made, reason in zip(observations, reasons, strict=True)
        if reason
    ]
    return usable, left_out


def why_not(made: Observation) -> str:
    """Return why an observation cannot be paired; "" where it can."""
    if made.observation_time is None:
        return UNDATED
    if made.footprint is not None:
        return ""
    if made.ra_deg is None:
        return NO_POSITION
    return "" if made.shape and made.pixel_scale_arcsec else NO_SIZE


def light_of(made: Observation) -> str:
    """Return the survey, or else the camera, and the filter, as people would say it."""
    camera = made.survey or made.instrument or "an unknown camera"
    return f"{camera} in {made.filter_band or 'an unknown filter'}"


def overlap_of(science: Frames, i: Places, references: Frames, j: Places) -> tuple[Floats, Bools]:
    """Return how much of each science frame its reference covers, and where that is an estimate.

    It is one where a footprint is missing: discs of the same area stand for both.
    """
    outlined = science.outlined[i] & references.outlined[j]
    fraction = np.full(len(i), np.nan)
    places = np.flatnonzero(outlined)
    for first in range(0, len(places), _BLOCK):
        some = places[first : first + _BLOCK]
        fraction[some] = shared_fractions(science.corners[i[some]], references.corners[j[some]])
    estimated = np.isnan(fraction)
    a, b = i[estimated], j[estimated]
    apart = angle(science.middle[a], references.middle[b])
    fraction[estimated] = circle_fractions(science.disc[a], references.disc[b], apart)
    return fraction, estimated


def _centres(usable: Sequence[Observation]) -> Floats:
    places = [(made.ra_deg or 0.0, made.dec_deg or 0.0) for made in usable]
    ra, dec = np.array(places, dtype=np.float64).reshape(-1, 2).T
    return unit_vectors(ra, dec)


def _solid_angles(usable: Sequence[Observation]) -> Floats:
    """Return the solid angles that shape and pixel scale make, steradian; NaN without them."""
    sides = [(made.shape or (0, 0), made.pixel_scale_arcsec) for made in usable]
    return _numbers([ny * nx * (px * _ARCSEC_RAD) ** 2 if px else None for (ny, nx), px in sides])


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)
