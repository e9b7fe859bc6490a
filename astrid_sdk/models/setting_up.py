"""MLflow for one session: which runs, where their files go, who may do what."""

from pathlib import Path

from astrid_sdk.config import StorageConfig, mlflow_rights, mlflow_tracking_uri
from astrid_sdk.models.artifact_places import store_root
from astrid_sdk.models.rights import ModelRights
from astrid_sdk.models.storage_config import MLflowStorageConfig
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.tiers import Tier

FOLDER = "mlflow"
_DATABASE = "mlflow.db"


def mlflow_config(
    storage: ObjectStorage, bucket: str, home: Path, config: StorageConfig | None
) -> MLflowStorageConfig:
    """Return how MLflow is set up for a store.

    Without a tracking URI runs go to an SQLite database in `home`: no server is needed. Their
    files go to the tier ``artifacts`` of the store.

    Raises
    ------
    InvalidInputError
        A setting cannot be used.
    """
    given = "" if config is None else config.mlflow_tracking_uri
    tracking_uri = given or mlflow_tracking_uri() or f"sqlite:///{home / FOLDER / _DATABASE}"
    root = f"{store_root(storage, bucket)}/{Tier.ARTIFACTS.value}/{FOLDER}"
    return MLflowStorageConfig(
        tracking_uri=tracking_uri,
        artifact_root=root if config is None else config.mlflow_artifact_root,
        endpoint_url=None if config is None else config.endpoint_url,
        rights=ModelRights(**mlflow_rights()),
    )
