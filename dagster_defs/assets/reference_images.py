"""Reference images: the templates that science frames are compared with."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.steps import coadd
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import materialize_result
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="processed_observations",
    tags={"tier": Tier.PROCESSED_OBSERVATIONS.value},
    kinds={"fits"},
    code_version=coadd.STEP.code_version,
)
def reference_images(
    astrid: AstridParam, processed_observations: dict[str, Manifest]
) -> dg.MaterializeResult[Manifest]:
    """Co-add the reference frames of each field, filter and instrument into a template."""
    nights = list(processed_observations.values())
    made = astrid.survey.reference_images(nights)
    return materialize_result(astrid, made, nights)
