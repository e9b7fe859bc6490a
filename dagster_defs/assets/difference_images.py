"""Difference images: science minus PSF-matched template."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.metadata import materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridResource


@dg.asset(partitions_def=NIGHTS, group_name="difference_images", kinds={"fits"})
def difference_images(
    astrid: AstridResource, processed_observations: Manifest, reference_images: Manifest
) -> dg.MaterializeResult[Manifest]:
    """Each science frame of a night minus the template of its field and filter."""
    session = astrid.session()
    made = session.survey.difference_images(processed_observations, reference_images)
    return materialize_result(
        made,
        [processed_observations, reference_images],
        size_bytes=session.size_of(made.manifest),
        preview_png=session.preview(made.manifest),
    )
