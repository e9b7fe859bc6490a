"""Datasets: numbered, immutable sets of what the nights gave."""

import dagster as dg

from astrid_sdk.datasets.registry import Committed
from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.metadata import dataset_result
from dagster_defs.resources import AstridResource

DATASET_ID = "transients"


@dg.asset(group_name="datasets", kinds={"json"})
def datasets(
    astrid: AstridResource, detections: dict[str, Manifest]
) -> dg.MaterializeResult[Committed]:
    """The newest version of the dataset of all nights; unchanged contents are no new version."""
    committed = astrid.session().version_detections(DATASET_ID, detections)
    return dataset_result(committed, detections.values())
