"""The forest as plain JSON is the one that scikit-learn trained."""

import numpy as np
import pytest

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.real_bogus.fitting import ForestSettings, fit, forest_of
from astrid_sdk.models.real_bogus.forest import Floats
from astrid_sdk.models.real_bogus.model import RealBogusModel
from astrid_sdk.models.real_bogus.units import Numbers

FEATURES = ("a", "b", "c")
SMALL = ForestSettings(trees=20)


def samples(
    count: int = 120,
) -> tuple[Floats, "np.ndarray[tuple[int], np.dtype[np.bool_]]", Numbers]:
    """Return features, some of them missing, labels, and groups of three."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(count, len(FEATURES)))
    is_real = values[:, 0] + 0.5 * rng.normal(size=count) > 0
    values[rng.random(values.shape) < 0.2] = np.nan
    return values, is_real, np.arange(count) // 3


def trained(settings: ForestSettings = SMALL) -> RealBogusModel:
    return RealBogusModel(FEATURES, *forest_of(fit(*samples(), settings)), "m" * 64, "s" * 64)


def test_the_scores_are_those_of_scikit_learn_bit_for_bit() -> None:
    estimator = fit(*samples(), SMALL)
    model = RealBogusModel(FEATURES, *forest_of(estimator), "", "")
    asked = np.random.default_rng(7).normal(size=(500, len(FEATURES)))
    asked[::7, 1] = np.nan
    np.testing.assert_allclose(
        model.scores(asked), estimator.predict_proba(asked)[:, 1], rtol=1e-12
    )
    (found,) = estimator.calibrated_classifiers_
    shares = found.estimator.predict_proba(asked)[:, 1]
    assert np.array_equal(model.forest.shares(asked), shares)


def test_a_model_comes_back_from_its_bytes() -> None:
    model = trained()
    assert RealBogusModel.from_bytes(model.to_bytes()) == model
    assert "calibrated" in repr(model)


def test_training_twice_gives_the_same_bytes_and_another_seed_others() -> None:
    assert trained().to_bytes() == trained().to_bytes()
    assert trained(ForestSettings(trees=20, seed=1)).to_bytes() != trained().to_bytes()


def test_no_group_is_on_both_sides_of_a_fold() -> None:
    groups = samples()[2]
    for train, test in fit(*samples(), SMALL).cv:
        assert not set(groups[train]) & set(groups[test])


def test_of_one_group_there_is_a_forest_without_calibration() -> None:
    values, is_real, _ = samples()
    model = RealBogusModel(
        FEATURES, *forest_of(fit(values, is_real, np.zeros(120, int), SMALL)), "", ""
    )
    assert model.calibration is None
    assert np.array_equal(model.scores(values), model.forest.shares(values))


def test_too_few_of_a_class_are_refused_with_their_counts() -> None:
    values, _, groups = samples()
    is_real = np.arange(120) < 4
    with pytest.raises(InvalidInputError, match="4 real and 116 bogus") as refused:
        fit(values, is_real, groups, SMALL)
    assert refused.value.kind == "few_samples"
