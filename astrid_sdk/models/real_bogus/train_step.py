"""Step ``train_real_bogus``: a dataset version, its split and features -> a model and its card."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from astrid_sdk.canonical import canonical_json, sha256_hex
from astrid_sdk.catalog.steps.code_version import library_versions
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.datasets.splits.split import Split
from astrid_sdk.models.real_bogus.evaluation import Evaluation, evaluate
from astrid_sdk.models.real_bogus.figures import figures
from astrid_sdk.models.real_bogus.fitting import ForestSettings, fit, forest_of
from astrid_sdk.models.real_bogus.forest import Floats
from astrid_sdk.models.real_bogus.model import MEDIA_TYPE as JSON
from astrid_sdk.models.real_bogus.model import RealBogusModel
from astrid_sdk.models.real_bogus.samples import (
    TEST,
    TRAIN,
    Samples,
    features_by_hash,
    side_of,
)
from astrid_sdk.models.real_bogus.units import Units
from astrid_sdk.pipeline.features import NAMES
from astrid_sdk.pipeline.parquet import MEDIA_TYPE as PARQUET
from astrid_sdk.pipeline.parquet import parquet_bytes, read_parquet
from astrid_sdk.tiers import Tier

CARD_VERSION = 1
MANIFEST, SPLIT, FEATURES = "manifest", "split", "features"
MODEL, CARD, SCORES, SHEET = "model", "card", "scores", "sheet"
FIGURES = ("precision_recall", "reliability", "confusion")
_LIBRARIES = ("numpy", "pillow", "pyarrow", "scikit-learn", "scipy")


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """What a step's inputs hold: the split, and the labelled samples of both sides."""

    manifest: DatasetManifest
    split: Split
    train: Samples
    test: Samples

    @classmethod
    def of(cls, inputs: Inputs) -> Self:
        """Read the manifest, the split and the features."""
        manifest = DatasetManifest.from_bytes(inputs.read(MANIFEST))
        split = Split.from_bytes(inputs.read(SPLIT))
        features = features_by_hash([read_parquet(it) for it in inputs.read_all(FEATURES)])
        sides = (side_of(side, manifest, split, features) for side in (TRAIN, TEST))
        return cls(manifest, split, *sides)

    def units(self, samples: Samples) -> Units:
        """Return what of `samples` is drawn, or cut, together."""
        radius_arcsec = self.split.rules.radius_arcsec
        return Units.of(samples.exposures, samples.positions, radius_arcsec)

    def fitted(self, settings: ForestSettings) -> Any:
        """Return the estimator of the training side."""
        groups = self.units(self.train).of_sample
        return fit(self.train.values, self.train.is_real, groups, settings)


def _run(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    settings = ForestSettings(**parameters)
    sides = Sides.of(inputs)
    forest, calibration = forest_of(sides.fitted(settings))
    hashes = {role: inputs.hashes[role][0] for role in (MANIFEST, SPLIT)}
    model = RealBogusModel(NAMES, forest, calibration, hashes[MANIFEST], hashes[SPLIT])
    scores = model.scores(sides.test.values)
    units = sides.units(sides.test)
    told = evaluate(scores, sides.test.is_real, units, settings.seed)
    content = model.to_bytes()
    card = _card(sides, model, sha256_hex(content), told, settings)
    outputs = [
        Output(MODEL, content, JSON, ".model.json"),
        Output(CARD, canonical_json(card), JSON, ".card.json"),
        Output(SCORES, _scores(sides.test, scores, units), PARQUET, ".held-out.parquet"),
    ]
    shown = figures(scores, sides.test.is_real, told)
    outputs += [Output(name, png, "image/png", f".{name}.png") for name, png in shown.items()]
    return Result(outputs, {**_sizes(sides), **told.numbers(), "units": told.units})


def _card(
    sides: Sides,
    model: RealBogusModel,
    model_hash: str,
    told: Evaluation,
    settings: ForestSettings,
) -> dict[str, Any]:
    return {
        "format_version": CARD_VERSION,
        "model_hash": model_hash,
        "dataset_id": sides.manifest.dataset_id,
        "manifest_hash": model.manifest_hash,
        "split_hash": model.split_hash,
        "shared_steps": list(sides.split.rules.shared_steps),
        "features": list(model.features),
        "settings": settings.to_json(),
        "is_calibrated": model.calibration is not None,
        **_sizes(sides),
        "trained_on": sorted(file.content_hash for file in sides.train.files),
        "evaluation": told.to_json(),
        "libraries": library_versions(_LIBRARIES),
    }


def _sizes(sides: Sides) -> dict[str, int]:
    return {
        "training_real": int(sides.train.is_real.sum()),
        "training_bogus": int((~sides.train.is_real).sum()),
        "held_out_real": int(sides.test.is_real.sum()),
        "held_out_bogus": int((~sides.test.is_real).sum()),
    }


def _scores(samples: Samples, scores: Floats, units: Units) -> bytes:
    """Return what the metrics can be computed from again, by anybody."""
    files = samples.files
    columns = {
        "content_hash": [file.content_hash for file in files],
        "path": [file.path for file in files],
        "label": [file.label for file in files],
        "confidence_score": np.asarray(scores),
        "unit": units.of_sample,
    }
    return parquet_bytes(pa.table(columns))


STEP = Step("train_real_bogus", _run, Tier.MODELS, _LIBRARIES)
