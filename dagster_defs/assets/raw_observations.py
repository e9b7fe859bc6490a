"""Raw observations: the frames of a night as they came."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.metadata import materialize_result
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridResource


@dg.asset(partitions_def=NIGHTS, group_name="raw_observations", kinds={"fits"})
def raw_observations(
    context: dg.AssetExecutionContext, astrid: AstridResource
) -> dg.MaterializeResult[Manifest]:
    """The raw frames of a night that were ingested and are not excluded."""
    session = astrid.session()
    made = session.survey.raw_observations(context.partition_key)
    return materialize_result(
        made,
        size_bytes=session.size_of(made.manifest),
        preview_png=session.preview(made.manifest),
    )
