"""How good a model is on samples it never saw, with how sure that is, or why nobody can say."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.models.real_bogus.forest import Floats
from astrid_sdk.models.real_bogus.metrics import (
    BINS,
    FALSE_POSITIVE_RATE,
    METRICS,
    THRESHOLD,
    Ranked,
    bin_of,
)
from astrid_sdk.models.real_bogus.units import LEAST_UNITS, Units

DRAWS = 1_000
_INTERVAL = (2.5, 97.5)  # percent
_LEAST_DRAWS = 100

Measure = Callable[[Ranked, Floats], float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its uncertainty; None, and the reason, where it cannot be told.

    Attributes
    ----------
    value : float or None
    low, high : float or None
        The middle 95 % of the draws.
    error : float or None
        Their standard deviation.
    reason : str
        Why a number is missing.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of the scores: how many, their mean, and the share of them that is real."""

    low: float
    high: float
    count: int
    mean_score: float | None
    real_share: float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at a threshold: called real are the scores at or above it."""

    threshold: float
    true_real: int
    false_real: int
    true_bogus: int
    false_bogus: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What held-out samples say of a model.

    Attributes
    ----------
    real, bogus : int
        How many samples there are of each.
    metrics : dict of str to Estimate
    reliability : tuple of Bin
    confusion : Confusion
    units : int
        How many there are to resample.
    unit : str
        What is resampled.
    draws : int
    seed : int
    notes : tuple of str
    """

    real: int
    bogus: int
    metrics: dict[str, Estimate]
    reliability: tuple[Bin, ...]
    confusion: Confusion
    units: int
    unit: str
    draws: int
    seed: int
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation as plain JSON values."""
        return asdict(self)

    def numbers(self) -> dict[str, float]:
        """Return what is known as a flat list: each metric, its ends and its error."""
        found: dict[str, float] = {}
        for name, estimate in self.metrics.items():
            told = {"": estimate.value, "_low": estimate.low, "_high": estimate.high}
            told["_error"] = estimate.error
            found |= {f"{name}{end}": value for end, value in told.items() if value is not None}
        return found


def evaluate(scores: Floats, is_real: NDArray[np.bool_], units: Units, seed: int) -> Evaluation:
    """Return what scores of held-out samples say.

    Parameters
    ----------
    scores : ndarray of float64
        0 bogus to 1 real.
    is_real : ndarray of bool
    units : Units
        What is drawn again and again, with replacement (Efron & Tibshirani 1993, block bootstrap).
    seed : int
        Of the draws.
    """
    ranked = Ranked.of(scores, is_real)
    weights = _draws(ranked, units, seed)
    metrics = {
        name: _estimate(measure, ranked, units, weights) for name, measure in METRICS.items()
    }
    return Evaluation(
        real=int(is_real.sum()),
        bogus=int((~is_real).sum()),
        metrics=metrics,
        reliability=tuple(_reliability(scores, is_real)),
        confusion=_confusion(scores, is_real),
        units=units.count,
        unit=units.kind,
        draws=len(weights),
        seed=seed,
        notes=tuple(_notes(is_real, units)),
    )


def _draws(ranked: Ranked, units: Units, seed: int) -> Sequence[Floats]:
    """Return how often each ranked sample counts in each draw; draws of one class are left out."""
    if units.count < LEAST_UNITS:
        return ()
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(units.count, np.full(units.count, 1 / units.count), size=DRAWS)
    weights = drawn[:, units.of_sample[ranked.order]].astype(np.float64)
    has_both = (weights @ ranked.is_real > 0) & (weights @ ~ranked.is_real > 0)
    return list(weights[has_both])


def _estimate(
    measure: Measure, ranked: Ranked, units: Units, weights: Sequence[Floats]
) -> Estimate:
    if ranked.is_real.all() or not ranked.is_real.any():
        kinds = "real" if ranked.is_real.any() else "bogus"
        return Estimate(None, reason=f"the held-out side has no sample that is not {kinds}")
    value = measure(ranked, np.ones(len(ranked.scores)))
    if np.isnan(value):
        return Estimate(None, reason="no held-out sample has a score of 0.5 or more")
    if units.count < LEAST_UNITS:
        reason = f"no uncertainty: {units.count} {units.kind} to draw from, it takes {LEAST_UNITS}"
        return Estimate(value, reason=reason)
    drawn = np.array([measure(ranked, weight) for weight in weights])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < _LEAST_DRAWS:
        reason = f"no uncertainty: only {len(drawn)} of {DRAWS} draws hold real and bogus ones"
        return Estimate(value, reason=reason)
    low, high = (float(end) for end in np.percentile(drawn, _INTERVAL))
    return Estimate(value, low, high, float(drawn.std(ddof=1)))


def _reliability(scores: Floats, is_real: NDArray[np.bool_]) -> Sequence[Bin]:
    bins = bin_of(scores)
    found = []
    for number in range(BINS):
        here = bins == number
        means = (scores[here].mean(), is_real[here].mean()) if here.any() else (None, None)
        mean_score, real_share = (None if mean is None else float(mean) for mean in means)
        ends = number / BINS, (number + 1) / BINS
        found.append(Bin(*ends, int(here.sum()), mean_score, real_share))
    return found


def _confusion(scores: Floats, is_real: NDArray[np.bool_]) -> Confusion:
    passing = scores >= THRESHOLD
    counts = (is_real & passing, ~is_real & passing, ~is_real & ~passing, is_real & ~passing)
    return Confusion(THRESHOLD, *(int(found.sum()) for found in counts))


def _notes(is_real: NDArray[np.bool_], units: Units) -> Sequence[str]:
    notes = [units.note] if units.note else []
    bogus = int((~is_real).sum())
    if bogus * FALSE_POSITIVE_RATE < 1:
        notes.append(
            f"1 % of {bogus} bogus samples is less than one: the recall at that rate is the recall "
            "without any false positive"
        )
    return notes
