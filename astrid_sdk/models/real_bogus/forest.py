"""A forest of decision trees as plain numbers: JSON to keep, numpy to ask. Nothing is unpickled."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAF = -1


@dataclass(frozen=True, slots=True, repr=False)
class Tree:
    """One tree, an entry per node; node 0 is the root.

    Attributes
    ----------
    feature : sequence of int
        The column that a node looks at; -1 in a leaf.
    threshold : sequence of float
        Values up to it, as 32-bit floats, go left.
    left, right : sequence of int
        The next node.
    missing_left : sequence of bool
        Whether a missing value goes left.
    share : sequence of float
        The share of real ones among the training samples of a node.
    """

    feature: Sequence[int]
    threshold: Sequence[float]
    left: Sequence[int]
    right: Sequence[int]
    missing_left: Sequence[bool]
    share: Sequence[float]

    def shares(self, values: NDArray[np.float32]) -> Floats:
        """Return the share of the leaf that each row of `values` comes to."""
        feature, threshold = np.array(self.feature), np.array(self.threshold)
        left, right = np.array(self.left), np.array(self.right)
        missing_left = np.array(self.missing_left, bool)
        node = np.zeros(len(values), np.int64)
        going = np.flatnonzero(feature[node] != _LEAF)
        while len(going):
            here = node[going]
            value = values[going, feature[here]]
            goes_left = np.where(np.isnan(value), missing_left[here], value <= threshold[here])
            node[going] = np.where(goes_left, left[here], right[here])
            going = going[feature[node[going]] != _LEAF]
        return np.array(self.share, np.float64)[node]


@dataclass(frozen=True, slots=True, repr=False)
class Forest:
    """Trees whose shares are averaged (Breiman 2001)."""

    trees: Sequence[Tree]

    def shares(self, values: Floats) -> Floats:
        """Return the mean share over the trees for each row of `values`; NaN is a value."""
        rounded = values.astype(np.float32)
        total = np.zeros(len(values), np.float64)
        for tree in self.trees:
            total += tree.shares(rounded)
        return np.asarray(total / len(self.trees), np.float64)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the trees as plain JSON values."""
        return [asdict(tree) for tree in self.trees]

    @classmethod
    def from_json(cls, trees: Sequence[Mapping[str, Any]]) -> Self:
        """Return the forest that `to_json` gave."""
        return cls(tuple(Tree(**tree) for tree in trees))
