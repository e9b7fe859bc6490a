"""What Dagster loads: ``dagster dev -w workspace.yaml`` or ``dg dev``."""

import dagster as dg

from dagster_defs.assets.calibration_frames import calibration_frames
from dagster_defs.assets.datasets import datasets
from dagster_defs.assets.detections import detections
from dagster_defs.assets.difference_images import difference_images
from dagster_defs.assets.processed_observations import processed_observations
from dagster_defs.assets.raw_observations import raw_observations
from dagster_defs.assets.real_bogus_model import real_bogus_model
from dagster_defs.assets.reference_images import reference_images
from dagster_defs.assets.scored_detections import scored_detections
from dagster_defs.checks import bytes_match_hashes, no_flood, no_leakage
from dagster_defs.io_manager import manifest_io_manager
from dagster_defs.resources import astrid_resource

ASSETS = [
    raw_observations,
    calibration_frames,
    processed_observations,
    reference_images,
    difference_images,
    detections,
    datasets,
    real_bogus_model,
    scored_detections,
]
CHECKS = [bytes_match_hashes, no_flood, no_leakage]

night_job = dg.define_asset_job(
    "night",
    selection=[raw_observations, processed_observations, difference_images, detections],
    description="One night from raw frames to detections, with the templates that there are.",
)


def build_definitions(astrid: dg.ResourceDefinition | None = None) -> dg.Definitions:
    """Return the definitions; `astrid` is by default the store that `connect()` opens."""
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=[night_job],
        # the steps of a night follow one another: a process for each would only import it all again
        executor=dg.in_process_executor,
        resources={"astrid": astrid or astrid_resource(), "io_manager": manifest_io_manager},
    )


defs = build_definitions()
