"""Raw observations: the frames of a night as they came."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.steps import collect
from astrid_sdk.tiers import Tier
from dagster_defs.metadata import materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="raw_observations",
    partitions_def=NIGHTS,
    tags={"tier": Tier.RAW_OBSERVATIONS.value},
    kinds={"fits"},
    code_version=collect.STEP.code_version,
)
def raw_observations(
    context: dg.AssetExecutionContext, astrid: AstridParam
) -> dg.MaterializeResult[Manifest]:
    """List the raw frames of a night that were ingested and are not excluded."""
    made = astrid.survey.raw_observations(context.partition_key)
    return materialize_result(astrid, made)
