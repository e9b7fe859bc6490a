"""Labelled triplets with their features: what the two sides of a split are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.splits.split import Split
from astrid_sdk.models.real_bogus.forest import Floats
from astrid_sdk.models.real_bogus.model import columns_of
from astrid_sdk.pipeline.features import NAMES
from astrid_sdk.pipeline.steps.real_bogus_features import CONTENT_HASH

REAL, BOGUS = "real", "bogus"
TRAIN, TEST = "train", "test"


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Triplets that are called real or bogus, in the order of their paths.

    Attributes
    ----------
    files : sequence of DatasetFile
    values : ndarray of float64, shape (samples, features)
    """

    files: Sequence[DatasetFile]
    values: Floats

    @classmethod
    def of(cls, files: Sequence[DatasetFile], features: Mapping[str, Floats]) -> Self:
        """Return those of `files` that are labelled and have features, by content hash."""
        known = [file for file in files if is_labelled(file) and file.content_hash in features]
        values = [features[file.content_hash] for file in known]
        return cls(tuple(known), np.array(values, np.float64).reshape(-1, len(NAMES)))

    def __len__(self) -> int:
        return len(self.files)

    @property
    def is_real(self) -> NDArray[np.bool_]:
        """True where the label is ``real``."""
        return np.array([file.label == REAL for file in self.files], bool)

    @property
    def exposures(self) -> tuple[tuple[str, ...], ...]:
        """The raw frames that each goes back to."""
        return tuple(tuple(sorted(file.sources)) for file in self.files)

    @property
    def positions(self) -> Floats:
        """ICRS degrees, shape (samples, 2); NaN where not known."""
        told = [(file.ra_deg, file.dec_deg) for file in self.files]
        return np.array(told, np.float64).reshape(-1, 2)


def is_labelled(file: DatasetFile) -> bool:
    """Return whether a file is called real or bogus; other labels take no part."""
    return file.label in (REAL, BOGUS)


def features_by_hash(tables: Sequence[pa.Table]) -> dict[str, Floats]:
    """Return the features of each triplet in some tables of them."""
    found: dict[str, Floats] = {}
    for table in tables:
        hashes = table[CONTENT_HASH].to_pylist()
        found |= dict(zip(hashes, columns_of(table, NAMES), strict=True))
    return found


def side_of(
    side: str, manifest: DatasetManifest, split: Split, features: Mapping[str, Floats]
) -> Samples:
    """Return the labelled samples on one side of a split."""
    paths = set(split.sides[side])
    files = [file for file in manifest.files if file.path in paths]
    return Samples.of(sorted(files, key=lambda file: file.path), features)
