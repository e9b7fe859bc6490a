"""Calibration frames: the fixed pattern of each detector."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.steps import pattern
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import materialize_result
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="processed_observations",
    tags={"tier": Tier.PROCESSED_OBSERVATIONS.value},
    kinds={"fits"},
    code_version=pattern.STEP.code_version,
)
def calibration_frames(
    astrid: AstridParam, raw_observations: dict[str, Manifest]
) -> dg.MaterializeResult[Manifest]:
    """Derive each detector's fixed pattern (hot pixels) from its drifting raw reference frames."""
    nights = list(raw_observations.values())
    made = astrid.survey.calibration_frames(nights)
    return materialize_result(astrid, made, nights)
