"""Detections: what is in a difference image, with cutout triplets."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.metadata import materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridResource


@dg.asset(partitions_def=NIGHTS, group_name="detections", kinds={"parquet"})
def detections(
    astrid: AstridResource, difference_images: Manifest
) -> dg.MaterializeResult[Manifest]:
    """The sources of each difference image of a night, and their cutouts."""
    session = astrid.session()
    made = session.survey.detections(difference_images)
    return materialize_result(
        made,
        [difference_images],
        size_bytes=session.size_of(made.manifest),
        preview_png=session.preview(made.manifest),
    )
