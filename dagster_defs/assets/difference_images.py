"""Difference images: science minus PSF-matched template."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.steps import subtract
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="difference_images",
    partitions_def=NIGHTS,
    tags={"tier": Tier.DIFFERENCE_IMAGES.value},
    kinds={"fits"},
    code_version=subtract.STEP.code_version,
)
def difference_images(
    astrid: AstridParam, processed_observations: Manifest, reference_images: Manifest
) -> dg.MaterializeResult[Manifest]:
    """Subtract from each science frame of a night the template of its field and filter."""
    made = astrid.survey.difference_images(processed_observations, reference_images)
    return materialize_result(astrid, made, [processed_observations, reference_images])
