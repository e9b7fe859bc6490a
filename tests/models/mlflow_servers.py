"""MLflow's own server on this machine, its files on an S3 test server: passed on, or direct."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from servers import MotoServer, _Server
from typing_extensions import override

from astrid_sdk.config import child_environment


class MlflowServer(_Server):
    """MLflow with an SQLite database, and artifacts in a bucket of an S3 server.

    Parameters
    ----------
    moto : MotoServer
    bucket : str
    database : Path
        One without runs, which is copied.
    is_proxied : bool
        True: clients send files to MLflow (``mlflow-artifacts:/``); False: to the bucket.
    """

    start_timeout_s = 300.0  # it imports MLflow twice

    def __init__(self, moto: MotoServer, bucket: str, database: Path, *, is_proxied: bool) -> None:
        super().__init__()
        shutil.copyfile(database, self.folder / "mlflow.db")
        self.bucket = bucket
        self.is_proxied = is_proxied
        self.client_environment = entering(moto)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @override
    def command(self) -> Sequence[str]:
        root = f"s3://{self.bucket}/artifacts/mlflow"
        places = (
            ("--artifacts-destination", root)
            if self.is_proxied
            else ("--default-artifact-root", root, "--no-serve-artifacts")
        )
        return [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"),
            *("--host", "127.0.0.1", "--port", str(self.port), *places),
        ]

    @override
    def environment(self) -> dict[str, str]:
        return child_environment(
            {
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                **self.client_environment,
            }
        )


def entering(moto: MotoServer) -> Mapping[str, str]:
    """Return what stock MLflow reads to enter a bucket of `moto`."""
    return {
        "MLFLOW_S3_ENDPOINT_URL": moto.endpoint_url,
        "AWS_ACCESS_KEY_ID": moto.access_key_id,
        "AWS_SECRET_ACCESS_KEY": moto.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
