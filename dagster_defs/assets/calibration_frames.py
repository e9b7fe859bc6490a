"""Calibration frames: the fixed pattern of each detector."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.metadata import materialize_result
from dagster_defs.resources import AstridResource


@dg.asset(group_name="processed_observations", kinds={"fits"})
def calibration_frames(
    astrid: AstridResource, raw_observations: dict[str, Manifest]
) -> dg.MaterializeResult[Manifest]:
    """The fixed pattern (hot pixels) of each detector, from its drifting raw reference frames."""
    session = astrid.session()
    nights = list(raw_observations.values())
    made = session.survey.calibration_frames(nights)
    return materialize_result(
        made,
        nights,
        size_bytes=session.size_of(made.manifest),
        preview_png=session.preview(made.manifest),
    )
