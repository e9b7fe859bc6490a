"""Scored detections: what the real/bogus model says of each; detections stay as they are."""

import dagster as dg

from astrid_sdk.models.real_bogus import score_step
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import materialize_result
from dagster_defs.model_metadata import score_numbers
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="detections",
    partitions_def=NIGHTS,
    tags={"tier": Tier.DETECTIONS.value},
    kinds={"parquet"},
    code_version=score_step.STEP.code_version,
)
def scored_detections(
    astrid: AstridParam, detections: Manifest, real_bogus_model: Manifest
) -> dg.MaterializeResult[Manifest]:
    """Score the detections of a night: a new model gives new scores, never new detections."""
    made = astrid.real_bogus.score(detections, real_bogus_model)
    numbers = score_numbers(made.manifest)
    return materialize_result(astrid, made, [detections, real_bogus_model], numbers)
