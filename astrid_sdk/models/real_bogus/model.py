"""The real/bogus model as a content: features' names, forest and calibration, in one JSON file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from typing_extensions import override

from astrid_sdk.canonical import canonical_json
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.formats import read_versioned
from astrid_sdk.models.real_bogus.forest import Floats, Forest

FORMAT_VERSION = 1
MEDIA_TYPE = "application/json"
_FARTHEST = 700.0  # exp() of more is no float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt's sigmoid: 1 / (1 + exp(slope f + intercept)) of the forest's share f."""

    slope: float
    intercept: float

    def scores(self, shares: Floats) -> Floats:
        """Return calibrated probabilities."""
        power = np.clip(self.slope * shares + self.intercept, -_FARTHEST, _FARTHEST)
        return np.asarray(1 / (1 + np.exp(power)), np.float64)


@dataclass(frozen=True, slots=True, repr=False)
class RealBogusModel:
    """Says how likely a triplet shows a real transient.

    Attributes
    ----------
    features : tuple of str
        Names of the columns, in the order the forest knows them.
    forest : Forest
    calibration : Calibration, optional
        None where the training side was too small to calibrate on.
    manifest_hash, split_hash : str
        What it was trained on: a dataset version, and the split of it.
    """

    features: tuple[str, ...]
    forest: Forest
    calibration: Calibration | None
    manifest_hash: str
    split_hash: str

    def scores(self, values: Floats) -> Floats:
        """Return for each row of `values`, in the order of `features`, 0 (bogus) to 1 (real)."""
        shares = self.forest.shares(values)
        return shares if self.calibration is None else self.calibration.scores(shares)

    def values_in(self, table: pa.Table) -> Floats:
        """Return the features in a table of them, shape (rows, features).

        Raises
        ------
        InvalidInputError
            A feature is not among the columns.
        """
        return columns_of(table, self.features)

    def to_bytes(self) -> bytes:
        """Return the model as canonical JSON; the same model gives the same bytes."""
        found = self.calibration
        value: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "features": list(self.features),
            "forest": self.forest.to_json(),
            "calibration": None if found is None else [found.slope, found.intercept],
            "manifest_hash": self.manifest_hash,
            "split_hash": self.split_hash,
        }
        return canonical_json(value)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return the model that `to_bytes` wrote.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        value = read_versioned(content, FORMAT_VERSION, "a real/bogus model")
        found = value["calibration"]
        return cls(
            features=tuple(value["features"]),
            forest=Forest.from_json(value["forest"]),
            calibration=None if found is None else Calibration(*found),
            manifest_hash=value["manifest_hash"],
            split_hash=value["split_hash"],
        )

    @override
    def __repr__(self) -> str:
        how = "calibrated" if self.calibration else "not calibrated"
        trees = len(self.forest.trees)
        return f"<real/bogus model of {trees} trees on {len(self.features)} features, {how}>"


def columns_of(table: pa.Table, features: Sequence[str]) -> Floats:
    """Return columns of a table of features, shape (rows, features).

    Raises
    ------
    InvalidInputError
        A feature is not among the columns.
    """
    missing = [name for name in features if name not in table.column_names]
    if missing:
        raise InvalidInputError(
            f"the features lack {', '.join(missing)}: measure them with the release that the model "
            "was trained with, or train it again",
            kind="features",
        )
    columns = [table[name].to_numpy() for name in features]
    return np.stack(columns, axis=1).astype(np.float64).reshape(-1, len(features))
