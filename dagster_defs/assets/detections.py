"""Detections: what is in a difference image, with cutout triplets."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.steps import detect
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import detection_numbers, materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="detections",
    partitions_def=NIGHTS,
    tags={"tier": Tier.DETECTIONS.value},
    kinds={"parquet"},
    code_version=detect.STEP.code_version,
)
def detections(astrid: AstridParam, difference_images: Manifest) -> dg.MaterializeResult[Manifest]:
    """Find the sources of each difference image of a night, and cut them out."""
    made = astrid.survey.detections(difference_images)
    numbers = detection_numbers(made.manifest)
    return materialize_result(astrid, made, [difference_images], numbers)
