"""What Dagster loads: ``dagster dev -w workspace.yaml`` or ``dg dev``."""

import dagster as dg

from dagster_defs.assets.calibration_frames import calibration_frames
from dagster_defs.assets.datasets import datasets
from dagster_defs.assets.detections import detections
from dagster_defs.assets.difference_images import difference_images
from dagster_defs.assets.processed_observations import processed_observations
from dagster_defs.assets.raw_observations import raw_observations
from dagster_defs.assets.reference_images import reference_images
from dagster_defs.io_manager import ManifestIOManager
from dagster_defs.resources import AstridResource

ASSETS = [
    raw_observations,
    calibration_frames,
    processed_observations,
    reference_images,
    difference_images,
    detections,
    datasets,
]


def build_definitions(store: str = "") -> dg.Definitions:
    """Return the definitions for a store; "" is the one that `astrid_sdk.connect()` opens."""
    astrid = AstridResource(store=store)
    return dg.Definitions(
        assets=ASSETS,
        resources={"astrid": astrid, "io_manager": ManifestIOManager(astrid=astrid)},
    )


defs = build_definitions()
