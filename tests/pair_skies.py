"""Observations on a made-up sky, for tests of pairs."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from astrid_sdk.catalog.models.observation import Observation, ObservationFile
from astrid_sdk.catalog.pairs.known_transients import KnownTransient
from astrid_sdk.catalog.pairs.pairing import pair_up
from astrid_sdk.catalog.pairs.search import PairRules
from astrid_sdk.catalog.pairs.table import PairTable
from astrid_sdk.sky.sphere import positions, unit_vectors

START = datetime(2024, 1, 1, tzinfo=UTC)
HALF = math.radians(0.25)
NOVA = KnownTransient("SN 2024abc", 150.0, 2.0, START + timedelta(days=5))


def seen(
    number: int,
    day: float = 0.0,
    place: tuple[float, float] = (150.0, 2.0),
    shift: tuple[float, float] = (0.0, 0.0),
    **said: Any,
) -> Observation:
    """Return an observation half a degree wide; `shift` is in sides of it, from `place`."""
    ra, dec = square(place, shift)
    footprint = tuple(zip(ra.tolist(), dec.tolist(), strict=True))
    middle = unit_vectors(ra, dec).sum(axis=0)
    ra_deg, dec_deg = (float(angle) for angle in positions(middle / np.linalg.norm(middle)))
    about = {
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "footprint": footprint,
        "observation_time": START + timedelta(days=day),
        "filter_band": "r",
        "instrument": "testcam",
        **said,
    }
    image = ObservationFile("image", f"{number:064x}", 0, f"frame-{number}.fits")
    return Observation(observation_id=f"exposure-{number}", files=(image,), **about)


def square(place: tuple[float, float], shift: tuple[float, float]) -> tuple[Any, Any]:
    middle = unit_vectors(*place)
    east = np.cross(np.eye(3)[np.argmin(np.abs(middle))], middle)
    east /= np.linalg.norm(east)
    north = np.cross(middle, east)
    x = (np.array([-1, 1, 1, -1]) + 2 * shift[0]) * HALF
    y = (np.array([-1, -1, 1, 1]) + 2 * shift[1]) * HALF
    flat = middle + x[:, np.newaxis] * east + y[:, np.newaxis] * north
    return positions(flat / np.linalg.norm(flat, axis=1, keepdims=True))


def paired(
    frames: Sequence[Observation],
    transients: Sequence[KnownTransient] | None = None,
    **rules: Any,
) -> PairTable:
    return pair_up(frames, frames, PairRules(**rules), transients)


def numbers(table: PairTable) -> list[tuple[int, int]]:
    return [(number(pair.science), number(pair.reference)) for pair in table]


def number(made: Observation) -> int:
    return int(made.observation_id.rpartition("-")[2])


def reasons(table: PairTable) -> dict[str, str]:
    return {left.name: left.reason for left in table.left_out}
