"""Processed observations: calibrated frames with variance and mask."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.metadata import materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridResource


@dg.asset(partitions_def=NIGHTS, group_name="processed_observations", kinds={"fits"})
def processed_observations(
    astrid: AstridResource, raw_observations: Manifest, calibration_frames: Manifest
) -> dg.MaterializeResult[Manifest]:
    """Each frame of a night, calibrated: SCI, VAR and MASK."""
    session = astrid.session()
    made = session.survey.processed_observations(raw_observations, calibration_frames)
    return materialize_result(
        made,
        [raw_observations, calibration_frames],
        size_bytes=session.size_of(made.manifest),
        preview_png=session.preview(made.manifest),
    )
