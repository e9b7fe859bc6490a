"""The real/bogus model: trained on the newest dataset version, registered in MLflow."""

import dagster as dg

from astrid_sdk.models.real_bogus import train_step
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.tiers import Tier
from dagster_defs.assets.datasets import DATASET_ID, datasets
from dagster_defs.model_metadata import model_result
from dagster_defs.resources import AstridParam


@dg.asset(
    group_name="models",
    deps=[datasets],
    tags={"tier": Tier.MODELS.value},
    kinds={"scikitlearn", "mlflow"},
    code_version=train_step.STEP.code_version,
)
def real_bogus_model(astrid: AstridParam) -> dg.MaterializeResult[Manifest]:
    """Train on what people labelled, and judge it on what it never saw; without labels say so."""
    made = astrid.real_bogus.train(DATASET_ID)
    return model_result(astrid, made, astrid.real_bogus.register(made.manifest))
