"""MLflow's own server and UI on the runs of a store."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from astrid_sdk.config import StorageConfig, child_environment
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.storage_config import MLflowStorageConfig

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@dataclass(frozen=True, slots=True)
class ServerStart:
    """How to start MLflow's server: a command, and the environment of that process alone."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # it enters the bucket


def server_start(
    config: MLflowStorageConfig, storage: StorageConfig | None, home: Path, host: str, port: int
) -> ServerStart:
    """Return how to start MLflow's server on the runs that `config` names.

    Parameters
    ----------
    config : MLflowStorageConfig
    storage : StorageConfig, optional
        How the server enters the bucket; None for a folder.
    home : Path
        The folder of the runs' database, made where it is not there.
    host : str
    port : int

    Raises
    ------
    InvalidInputError
        The runs are on a server already.
    """
    if config.is_served:
        raise InvalidInputError(
            f"the runs are on a server: open {config.shown_tracking_uri} in a browser",
            kind="served",
        )
    home.mkdir(parents=True, exist_ok=True)
    command = (
        *(sys.executable, "-m", "mlflow", "server"),
        *("--host", host, "--port", str(port), "--workers", "1"),
        *("--default-artifact-root", config.artifact_root, "--no-serve-artifacts"),
    )
    given = {"MLFLOW_BACKEND_STORE_URI": config.tracking_uri, **_QUIET}
    return ServerStart(command, child_environment({**given, **_entering(storage)}))


def _entering(storage: StorageConfig | None) -> dict[str, str]:
    """Return the variables by which MLflow enters a bucket."""
    if storage is None:
        return {}
    token = storage.session_token
    return {
        "MLFLOW_S3_ENDPOINT_URL": storage.endpoint_url,
        "AWS_ACCESS_KEY_ID": storage.r2_access_key_id,
        "AWS_SECRET_ACCESS_KEY": storage.secret_access_key.reveal(),
        "AWS_DEFAULT_REGION": storage.r2_region,
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        **({} if token is None else {"AWS_SESSION_TOKEN": token.reveal()}),
    }
