"""Datasets: numbered, immutable sets of what the nights gave."""

import dagster as dg

from astrid_sdk.datasets.manifest_step import MANIFEST_STEP
from astrid_sdk.datasets.registry import Committed
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import dataset_result
from dagster_defs.resources import AstridParam

DATASET_ID = "transients"


@dg.asset(
    group_name="datasets",
    tags={"tier": Tier.DATASETS.value},
    kinds={"json"},
    code_version=MANIFEST_STEP.code_version,
)
def datasets(
    astrid: AstridParam, detections: dict[str, Manifest]
) -> dg.MaterializeResult[Committed]:
    """Version the dataset of all nights; unchanged contents are no new version."""
    committed = astrid.version_detections(DATASET_ID, detections)
    return dataset_result(astrid, committed, detections.values())
