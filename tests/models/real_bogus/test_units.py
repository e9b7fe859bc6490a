"""What is drawn together when an uncertainty is estimated."""

import numpy as np

from astrid_sdk.models.real_bogus.forest import Floats
from astrid_sdk.models.real_bogus.units import Units

RADIUS_ARCSEC = 10.0


def places(*ra_deg: float) -> Floats:
    return np.array([(ra, 0.0) for ra in ra_deg])


def units(frames: list[str], positions: Floats) -> Units:
    return Units.of([(frame,) for frame in frames], positions, RADIUS_ARCSEC)


def test_samples_of_one_exposure_are_one_unit() -> None:
    found = units([f"frame {n // 2}" for n in range(12)], places(*range(12)))
    assert found.of_sample.tolist() == [n // 2 for n in range(12)]
    assert found.note == ""


def test_samples_of_one_place_are_one_unit() -> None:
    found = units([f"frame {n}" for n in range(12)], places(*(n // 2 for n in range(12))))
    assert found.of_sample.tolist() == [n // 2 for n in range(12)]


def test_where_all_hangs_together_exposures_are_drawn_and_it_is_told() -> None:
    found = units([f"frame {n // 2}" for n in range(12)], places(*[0, 1] * 6))
    assert (found.kind, found.count) == ("exposures", 6)
    assert "into 1 only" in found.note


def test_of_few_exposures_places_are_drawn_and_it_is_told() -> None:
    found = units(["one"] * 12, places(*range(12)))
    assert (found.kind, found.count) == ("places on the sky", 12)
    assert "too few exposures to draw from (1)" in found.note


def test_a_sample_without_place_or_frame_stands_alone() -> None:
    found = Units.of([()] * 6, np.full((6, 2), np.nan), RADIUS_ARCSEC)
    assert found.count == 6


def test_no_samples_are_no_units() -> None:
    assert Units.of([], np.empty((0, 2)), RADIUS_ARCSEC).count == 0
