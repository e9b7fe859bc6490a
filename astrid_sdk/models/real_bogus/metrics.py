"""Numbers that say how good scores are, for samples with weights, as bootstrap draws give them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.models.real_bogus.forest import Floats

FALSE_POSITIVE_RATE = 0.01
THRESHOLD = 0.5
BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Scores with their labels, sorted once for very many draws.

    Attributes
    ----------
    scores : ndarray of float64
        Highest first.
    is_real : ndarray of bool
    order : ndarray of int64
        Where each stood before.
    """

    scores: Floats
    is_real: NDArray[np.bool_]
    order: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Floats, is_real: NDArray[np.bool_]) -> Self:
        """Return `scores` and labels, highest score first."""
        order = np.argsort(-scores, kind="stable").astype(np.int64)
        return cls(scores[order], is_real[order], order)

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return real and bogus ones at and above each distinct score, highest first."""
        last = np.flatnonzero(np.append(np.diff(self.scores) != 0, True))
        real = np.cumsum(weights * self.is_real)[last]
        bogus = np.cumsum(weights * ~self.is_real)[last]
        return real, bogus

    def curve(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return recall and precision at each distinct score, highest first."""
        real, bogus = self.counts(weights)
        return real / real[-1], real / np.maximum(real + bogus, np.finfo(float).tiny)


def average_precision(ranked: Ranked, weights: Floats) -> float:
    """Return the area under precision and recall as a sum of steps: AUCPR."""
    recall, precision = ranked.curve(weights)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def roc_auc(ranked: Ranked, weights: Floats) -> float:
    """Return the chance that a real one scores higher than a bogus one; ties count half."""
    real, bogus = ranked.counts(weights)
    hits, false = np.append(0.0, real / real[-1]), np.append(0.0, bogus / bogus[-1])
    return float((np.diff(false) * (hits[1:] + hits[:-1]) / 2).sum())


def recall_at_low_fpr(ranked: Ranked, weights: Floats) -> float:
    """Return the largest recall at which at most 1 % of the bogus ones pass."""
    real, bogus = ranked.counts(weights)
    passing = real[bogus <= FALSE_POSITIVE_RATE * bogus[-1]]
    return float(passing.max(initial=0.0) / real[-1])


def brier(ranked: Ranked, weights: Floats) -> float:
    """Return the mean squared distance of score and truth (Brier 1950); 0 is best."""
    return float((weights * (ranked.scores - ranked.is_real) ** 2).sum() / weights.sum())


def precision(ranked: Ranked, weights: Floats) -> float:
    """Return the share of real ones among those at or above 0.5; NaN where none is."""
    passing = weights * (ranked.scores >= THRESHOLD)
    total = float(passing.sum())
    return float((passing * ranked.is_real).sum() / total) if total else float("nan")


def recall(ranked: Ranked, weights: Floats) -> float:
    """Return the share of the real ones that are at or above 0.5."""
    real = weights * ranked.is_real
    return float((real * (ranked.scores >= THRESHOLD)).sum() / real.sum())


def calibration_error(ranked: Ranked, weights: Floats) -> float:
    """Return the mean distance of score and share of real ones over ten bins of the score."""
    bins = bin_of(ranked.scores)
    excess = np.bincount(bins, weights * (ranked.scores - ranked.is_real), BINS)
    return float(np.abs(excess).sum() / weights.sum())


METRICS: Mapping[str, Callable[[Ranked, Floats], float]] = {
    "aucpr": average_precision,
    "roc_auc": roc_auc,
    "brier": brier,
    "recall_at_1pct_fpr": recall_at_low_fpr,
    "precision_at_half": precision,
    "recall_at_half": recall,
    "calibration_error": calibration_error,
}
"""What is told of every model, by name."""


def bin_of(scores: Floats) -> NDArray[np.int64]:
    """Return the tenth of 0 to 1 that each score is in."""
    return np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)
