"""The step that splits a dataset version: pure, so it is done once and can be done again.

What ties the samples comes from the catalogue, which grows. It is written down first, as a content
that a parameter names: the same ties and rules give the stored split, and other ties another one.
"""

from collections.abc import Mapping
from typing import Any

from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.datasets.splits.rules import SplitRules
from astrid_sdk.datasets.splits.splitting import split_of
from astrid_sdk.datasets.splits.ties import Ties
from astrid_sdk.tiers import Tier

MEDIA_TYPE = "application/json"
SPLIT, TIES = "split", "ties"


def _run(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    told = inputs.content(parameters["ties_hash"], Tier.DATASETS)
    rules = SplitRules.from_json(parameters["rules"])
    (manifest_hash,) = inputs.hashes["manifest"]
    made = split_of(Ties.from_bytes(told), rules, parameters["dataset_id"], manifest_hash)
    outputs = [
        Output(SPLIT, made.to_bytes(), MEDIA_TYPE, ".split.json"),
        Output(TIES, told, MEDIA_TYPE, ".ties.json"),
    ]
    sizes = {side: len(found) for side, found in made.samples.items()}
    return Result(outputs, {"sizes": sizes, "held_out": len(made.held_out_conflict)})


SPLIT_STEP = Step("dataset_split", _run, Tier.DATASETS, ("numpy", "scipy"))
