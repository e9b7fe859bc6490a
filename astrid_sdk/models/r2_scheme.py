"""MLflow's entry point for ``r2://``: who reads and writes such a URI.

MLflow loads this module while it is imported itself, so nothing of MLflow is imported here.
"""

from typing import Any
from urllib.parse import urlsplit


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    """Return our repository for ``r2://bucket/path``.

    MLflow's own form, ``r2://bucket@account.r2.cloudflarestorage.com/path``, stays MLflow's.
    """
    if "@" in urlsplit(artifact_uri).netloc:
        from mlflow.store.artifact.r2_artifact_repo import R2ArtifactRepository  # noqa: PLC0415

        return R2ArtifactRepository(
            artifact_uri, tracking_uri=tracking_uri, registry_uri=registry_uri
        )
    from astrid_sdk.models.artifact_repository import StoreArtifactRepository  # noqa: PLC0415

    return StoreArtifactRepository(artifact_uri, tracking_uri, registry_uri)
