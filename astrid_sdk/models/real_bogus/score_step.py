"""Step ``score_detections``: the detections of one difference image and a model -> scores."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from astrid_sdk.catalog.models.detection import detection_id_of
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.models.real_bogus.metrics import THRESHOLD
from astrid_sdk.models.real_bogus.model import RealBogusModel
from astrid_sdk.pipeline.detection_files import read_table
from astrid_sdk.pipeline.detections import best_first
from astrid_sdk.pipeline.parquet import MEDIA_TYPE, parquet_bytes, read_parquet
from astrid_sdk.pipeline.steps.real_bogus_features import CONTENT_HASH
from astrid_sdk.tiers import Tier

DETECTIONS, DIFFERENCE, FEATURES = "detections", "difference", "features"
MODEL, CARD = "model", "card"
SCORES = "scores"
_FOUND = ("flags", "is_negative", "snr")


def _run(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    found = read_table(inputs.read(DETECTIONS))
    features = read_parquet(inputs.read(FEATURES))
    model = RealBogusModel.from_bytes(inputs.read(MODEL))
    trained_on = set(json.loads(inputs.read(CARD))["trained_on"])
    triplets = features[CONTENT_HASH].to_pylist()
    # triplets are told apart by the order in which they were cut out
    order = best_first(*(np.asarray(found[name]) for name in _FOUND))[: len(triplets)]
    scores = np.full(len(found), np.nan)
    scores[order] = model.scores(model.values_in(features))
    in_training = np.zeros(len(found), bool)
    in_training[order] = [triplet in trained_on for triplet in triplets]
    (difference,), (model_hash,) = inputs.hashes[DIFFERENCE], inputs.hashes[MODEL]
    places = zip(found["x"].tolist(), found["y"].tolist(), strict=True)
    names = [detection_id_of(difference, x, y) for x, y in places]
    table = pa.table(
        {
            "detection_id": pa.array(names, pa.string()),
            "confidence_score": pa.array(scores, pa.float64(), from_pandas=True),
            "model_hash": pa.array([model_hash] * len(names), pa.string()),
            "in_training": pa.array(in_training, pa.bool_()),
            "night": pa.array([parameters["night"]] * len(names), pa.string()),
        }
    )
    content = parquet_bytes(table)
    return Result(
        [Output(SCORES, content, MEDIA_TYPE, ".scores.parquet")], _facts(scores, in_training)
    )


def _facts(scores: "np.ndarray[Any, Any]", in_training: "np.ndarray[Any, Any]") -> dict[str, Any]:
    return {
        "rows": len(scores),
        "scored": int(np.isfinite(scores).sum()),
        "likely_real": int((scores >= THRESHOLD).sum()),
        "in_training": int(in_training.sum()),
    }


STEP = Step("score_detections", _run, Tier.DETECTIONS, ("astropy", "numpy", "pyarrow"))
