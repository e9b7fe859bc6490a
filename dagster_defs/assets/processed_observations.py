"""Processed observations: calibrated frames with variance and mask."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.steps import calibrate
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="processed_observations",
    partitions_def=NIGHTS,
    tags={"tier": Tier.PROCESSED_OBSERVATIONS.value},
    kinds={"fits"},
    code_version=calibrate.STEP.code_version,
)
def processed_observations(
    astrid: AstridParam, raw_observations: Manifest, calibration_frames: Manifest
) -> dg.MaterializeResult[Manifest]:
    """Calibrate each frame of a night: SCI, VAR and MASK."""
    made = astrid.survey.processed_observations(raw_observations, calibration_frames)
    return materialize_result(astrid, made, [raw_observations, calibration_frames])
