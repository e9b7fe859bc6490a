"""What the features promise: they tell a star from an artefact, whatever pixels are missing."""

import numpy as np
import pytest
from models.real_bogus.made_up import noise, real_triplet, spot, triplet_of

from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.features import FEATURES, NAMES, features_of
from astrid_sdk.sky.cutouts import Triplet

STAR = spot(2_000)


def measured(triplet: Triplet, searched: Difference | None = None) -> dict[str, float]:
    (row,) = features_of([triplet], searched)
    return dict(zip(NAMES, row.tolist(), strict=True))


def star() -> dict[str, float]:
    return measured(triplet_of(noise(1) + STAR))


def test_each_feature_has_one_name_a_formula_and_a_source() -> None:
    assert len(set(NAMES)) == len(FEATURES)
    assert all(feature.formula and feature.source for feature in FEATURES)


def test_a_star_looks_like_the_psf() -> None:
    found = star()
    assert found["psf_correlation"] > 0.97
    assert found["fwhm_ratio"] == pytest.approx(1.0, abs=0.2)
    assert found["elongation"] < 1.2
    assert found["negative_1"] < 0.02
    assert found["sharpness"] == pytest.approx(1.0, abs=0.15)


def test_a_dipole_is_as_negative_as_it_is_positive() -> None:
    found = measured(triplet_of(noise(1) + spot(2_000, 2) - spot(2_000, -2)))
    assert found["negative_2"] == pytest.approx(0.5, abs=0.1)
    assert found["dip"] > 0.8
    assert found["psf_correlation"] < 0.3
    assert found["below_3_sigma"] > star()["below_3_sigma"]


def test_a_spike_is_sharper_and_a_blob_wider_than_a_star() -> None:
    spike = measured(triplet_of(noise(1) + spot(600, fwhm_px=0.8)))
    blob = measured(triplet_of(noise(1) + spot(6_000, fwhm_px=9.0)))
    assert spike["sharpness"] > 1.5
    assert blob["sharpness"] < 0.8
    assert blob["size_px"] > star()["size_px"]
    assert blob["growth_2"] > star()["growth_2"]


def test_a_bad_column_shows_as_one() -> None:
    plane = noise(1) + STAR
    plane[:, plane.shape[1] // 2] += 50
    found = measured(triplet_of(plane))
    assert found["column"] > 5 > found["row"]


def test_a_fading_is_measured_as_the_brightening_it_mirrors() -> None:
    up, down = noise(1) + STAR, -(noise(1) + STAR)
    brighter = Triplet(up, noise(3), up, triplet_of(up).header)
    fainter = Triplet(up, noise(3), down, triplet_of(down, ISNEG=True).header)
    assert measured(brighter) == pytest.approx(measured(fainter), nan_ok=True)


def test_missing_pixels_are_told_and_hurt_nothing_else() -> None:
    plane = noise(1) + STAR
    plane[:, :20] = np.nan
    found = measured(triplet_of(plane))
    assert found["missing"] == pytest.approx(20 / 63)
    assert found["missing_core"] == 0
    assert found["edge_px"] == pytest.approx(12)
    assert found["psf_correlation"] > 0.97


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf], ids=["missing", "flat", "infinite"])
def test_a_stamp_that_tells_nothing_gives_numbers_or_nan(value: float) -> None:
    plane = np.full_like(STAR, value)
    row = features_of([triplet_of(plane, plane)])
    assert not np.isinf(row).any()
    assert np.isnan(row[0, NAMES.index("psf_chi2")])


def test_a_position_that_says_no_snr_has_none() -> None:
    triplet = real_triplet(1)
    del triplet.header["SNR"]
    assert np.isnan(measured(triplet)["snr"])


def test_the_difference_brings_its_psf_and_its_mask() -> None:
    shape = (200, 200)
    planes = [np.zeros(shape, np.float32) for _ in range(4)]
    mask = np.zeros(shape, np.uint16)
    mask[98:103, 98:103] = 1
    data, variance, score, reference = planes
    middle = slice(21, 42)
    psf = spot(1, fwhm_px=7.0)[middle, middle]
    wide = Difference(data, variance, mask, score, reference, psf / psf.sum())
    found = measured(triplet_of(noise(1) + spot(6_000, fwhm_px=7.0)), wide)
    assert found["fwhm_ratio"] == pytest.approx(1.0, abs=0.2)
    assert found["masked"] == pytest.approx(25 / 63**2)
    assert found["masked_core"] > found["masked"]


def test_no_triplets_have_no_features() -> None:
    assert features_of([]).shape == (0, len(FEATURES))
