"""The metrics are those of scikit-learn, with weights and with ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from astrid_sdk.models.real_bogus.evaluation import evaluate
from astrid_sdk.models.real_bogus.forest import Floats
from astrid_sdk.models.real_bogus.metrics import METRICS, Ranked
from astrid_sdk.models.real_bogus.units import Units

SAMPLES = st.lists(
    st.tuples(st.integers(0, 8), st.booleans(), st.integers(1, 4)), min_size=2, max_size=60
).filter(lambda rows: len({real for _, real, _ in rows}) == 2)


def alone(count: int) -> Units:
    return Units(np.arange(count), "samples")


def scores_of(
    count: int, *, seed: int = 0
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    rng = np.random.default_rng(seed)
    is_real = rng.random(count) < 0.4
    return np.clip(0.5 * is_real + rng.uniform(0, 0.6, count), 0, 1), is_real


@given(SAMPLES)
def test_each_metric_is_that_of_scikit_learn(rows: list[tuple[int, bool, int]]) -> None:
    level, real, weight = (np.array(column) for column in zip(*rows, strict=True))
    scores = level / 8
    ranked = Ranked.of(scores, real)
    found = {name: measure(ranked, weight[ranked.order]) for name, measure in METRICS.items()}
    known = {"y_true": real, "sample_weight": weight}
    assert found["aucpr"] == pytest.approx(average_precision_score(y_score=scores, **known))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(y_score=scores, **known))
    assert found["brier"] == pytest.approx(brier_score_loss(y_proba=scores, **known))
    false, hits, _ = roc_curve(y_score=scores, drop_intermediate=False, **known)
    assert found["recall_at_1pct_fpr"] == pytest.approx(hits[false <= 0.01].max())


def test_scores_of_a_perfect_model_have_no_doubt() -> None:
    is_real = np.arange(40) % 2 == 0
    told = evaluate(is_real.astype(float), is_real, alone(40), seed=0)
    estimate = told.metrics["aucpr"]
    assert (estimate.value, estimate.low, estimate.high, estimate.error) == (1, 1, 1, 0)
    assert told.confusion.true_real == told.confusion.true_bogus == 20


def test_the_interval_holds_the_value_and_the_same_seed_draws_the_same() -> None:
    scores, is_real = scores_of(80)
    told = evaluate(scores, is_real, alone(80), seed=3)
    estimate = told.metrics["roc_auc"]
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < estimate.value < estimate.high
    assert told == evaluate(scores, is_real, alone(80), seed=3)


def test_many_samples_of_few_exposures_are_less_sure_than_as_many_alone() -> None:
    rng = np.random.default_rng(5)
    exposure = np.repeat(np.arange(8), 40)
    is_real = rng.random(320) < 0.5
    scores = np.clip(0.4 * is_real + rng.normal(0, 0.25, 8)[exposure] + 0.3, 0, 1)
    together = evaluate(scores, is_real, Units(exposure, "exposures"), seed=0).metrics["aucpr"]
    apart = evaluate(scores, is_real, alone(320), seed=0).metrics["aucpr"]
    assert together.value == apart.value
    assert together.error is not None
    assert apart.error is not None
    assert together.error > 1.5 * apart.error


@pytest.mark.parametrize("real", [True, False])
def test_without_one_of_the_classes_there_is_a_reason_and_no_number(*, real: bool) -> None:
    told = evaluate(np.linspace(0, 1, 20), np.full(20, real), alone(20), seed=0)
    assert all(estimate.value is None and estimate.reason for estimate in told.metrics.values())
    assert told.numbers() == {}


def test_of_too_few_units_the_value_is_told_without_uncertainty() -> None:
    scores, is_real = scores_of(60)
    told = evaluate(scores, is_real, Units(np.arange(60) % 3, "exposures"), seed=0)
    estimate = told.metrics["aucpr"]
    assert estimate.value is not None
    assert estimate.error is None
    assert "3 exposures" in estimate.reason


def test_the_bins_count_every_sample() -> None:
    scores, is_real = scores_of(80)
    told = evaluate(scores, is_real, alone(80), seed=0)
    assert sum(it.count for it in told.reliability) == 80
    assert told.real + told.bogus == 80


def test_a_false_positive_rate_finer_than_the_samples_is_told() -> None:
    scores, is_real = scores_of(80)
    notes = evaluate(scores, is_real, alone(80), seed=0).notes
    assert any("less than one" in note for note in notes)
