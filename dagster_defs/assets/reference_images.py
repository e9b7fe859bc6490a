"""Reference images: the templates that science frames are compared with."""

import dagster as dg

from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.metadata import materialize_result
from dagster_defs.resources import AstridResource


@dg.asset(group_name="processed_observations", kinds={"fits"})
def reference_images(
    astrid: AstridResource, processed_observations: dict[str, Manifest]
) -> dg.MaterializeResult[Manifest]:
    """A template per field, filter and instrument, co-added from its reference frames."""
    session = astrid.session()
    nights = list(processed_observations.values())
    made = session.survey.reference_images(nights)
    return materialize_result(
        made,
        nights,
        size_bytes=session.size_of(made.manifest),
        preview_png=session.preview(made.manifest),
    )
