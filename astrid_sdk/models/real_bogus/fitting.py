"""Training with scikit-learn, and what of it is kept: trees and two numbers, as plain JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.real_bogus.forest import Floats, Forest, Tree
from astrid_sdk.models.real_bogus.model import Calibration
from astrid_sdk.models.real_bogus.units import Numbers

LEAST_OF_A_CLASS = 5
_FOLDS = 5
_FEWEST_FOLDS = 2
_FARTHEST = float(np.finfo(np.float32).max)

Fold = tuple[Numbers, Numbers]


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """How the forest is grown; see scikit-learn's ``RandomForestClassifier``.

    Attributes
    ----------
    trees, least_leaf, most_leaves, seed : int
        How many trees; samples in a leaf, at least; leaves of a tree, at most.
    """

    trees: int = 200
    least_leaf: int = 2
    most_leaves: int = 256
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)


def fit(
    values: Floats, is_real: NDArray[np.bool_], groups: Numbers, settings: ForestSettings
) -> Any:
    """Return a trained scikit-learn estimator: a forest, calibrated where that can be done.

    The sigmoid is fitted to the shares that forests give samples of groups they were not grown
    on; the forest that is kept is grown on all samples (Platt 1999).

    Parameters
    ----------
    values : ndarray of float64, shape (samples, features)
    is_real : ndarray of bool
    groups : ndarray of int64
        Samples of one group are never on both sides of a fold.
    settings : ForestSettings

    Raises
    ------
    InvalidInputError
        There are fewer than five samples of a class (kind ``few_samples``).
    """
    from sklearn.calibration import CalibratedClassifierCV  # noqa: PLC0415 - takes a second
    from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 - as above

    _require_enough(is_real)
    forest = RandomForestClassifier(
        n_estimators=settings.trees,
        min_samples_leaf=settings.least_leaf,
        max_leaf_nodes=settings.most_leaves,
        class_weight="balanced",
        random_state=settings.seed,
        n_jobs=1,  # sums of many threads come in another order
    )
    folds = _folds(is_real, groups, settings.seed)
    if not folds:
        return forest.fit(values, is_real)
    calibrated = CalibratedClassifierCV(forest, method="sigmoid", cv=folds, ensemble=False)
    return calibrated.fit(values, is_real)


def forest_of(estimator: Any) -> tuple[Forest, Calibration | None]:
    """Return the trees and the sigmoid of an estimator that `fit` returned."""
    if not hasattr(estimator, "calibrated_classifiers_"):
        return Forest(tuple(map(_tree, estimator.estimators_))), None
    (found,) = estimator.calibrated_classifiers_
    (sigmoid,) = found.calibrators
    calibration = Calibration(float(sigmoid.a_), float(sigmoid.b_))
    return Forest(tuple(map(_tree, found.estimator.estimators_))), calibration


def _tree(grown: Any) -> Tree:
    nodes = grown.tree_
    threshold = np.clip(nodes.threshold, -_FARTHEST, _FARTHEST)  # JSON has no infinity
    return Tree(
        feature=np.maximum(nodes.feature, -1).tolist(),
        threshold=threshold.tolist(),
        left=nodes.children_left.tolist(),
        right=nodes.children_right.tolist(),
        missing_left=[bool(goes) for goes in nodes.missing_go_to_left],
        share=nodes.value[:, 0, 1].tolist(),
    )


def _folds(is_real: NDArray[np.bool_], groups: Numbers, seed: int) -> Sequence[Fold]:
    """Return the most folds, at most five, whose both sides hold real and bogus ones."""
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415 - takes a second

    most = min(_FOLDS, *(len(np.unique(groups[kind])) for kind in (is_real, ~is_real)))
    for count in range(most, _FEWEST_FOLDS - 1, -1):
        cut = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        folds = list(cut.split(is_real, is_real, groups))
        if all(0 < is_real[side].sum() < len(side) for fold in folds for side in fold):
            return folds
    return ()


def _require_enough(is_real: NDArray[np.bool_]) -> None:
    real, bogus = int(is_real.sum()), int((~is_real).sum())
    if min(real, bogus) < LEAST_OF_A_CLASS:
        raise InvalidInputError(
            f"{real} real and {bogus} bogus triplets are on the training side, and it takes "
            f"{LEAST_OF_A_CLASS} of each: label more",
            kind="few_samples",
        )
