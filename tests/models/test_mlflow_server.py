"""Against a real MLflow server, its files in a bucket: stock clients read ours, we read theirs."""

import os
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pytest
from models.mlflow_servers import MlflowServer
from servers import MotoServer
from sklearn.linear_model import LogisticRegression

import astrid_sdk
from astrid_sdk.errors import CorruptionError, NotFoundError, StorageUnavailableError
from astrid_sdk.session import AstridSession

CONTENT = b"weights"


@pytest.fixture(scope="module", params=["direct", "proxied"])
def server(
    request: pytest.FixtureRequest, moto_server: MotoServer, mlflow_database: Path
) -> Iterator[MlflowServer]:
    bucket = f"mlflow-{request.param}"
    is_proxied = request.param == "proxied"
    with astrid_sdk.connect(config=moto_server.config(bucket)) as session:
        session.prepare()
    with MlflowServer(moto_server, bucket, mlflow_database, is_proxied=is_proxied) as running:
        yield running


@pytest.fixture
def astrid(server: MlflowServer, moto_server: MotoServer) -> Iterator[AstridSession]:
    proxied = {"mlflow_artifact_root": "mlflow-artifacts:/"} if server.is_proxied else {}
    config = moto_server.config(server.bucket, mlflow_tracking_uri=server.url, **proxied)
    with astrid_sdk.connect(config=config) as session:
        yield session


@pytest.fixture
def stock(server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """MLflow's own client, as somebody without this package has it."""
    for name, value in server.client_environment.items():
        monkeypatch.setenv(name, value)
    return mlflow.MlflowClient(tracking_uri=server.url, registry_uri=server.url)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(CONTENT)
    return path


def test_stock_mlflow_reads_what_we_stored(
    astrid: AstridSession, stock: mlflow.MlflowClient, weights: Path, tmp_path: Path
) -> None:
    run_id = astrid.mlflow.create_run("nets")
    uri = astrid.mlflow.store_model_artifact(str(weights), run_id)
    assert astrid.mlflow.retrieve_model_artifact(uri) == CONTENT
    assert [found.path for found in stock.list_artifacts(run_id, "model")] == ["model/weights.bin"]
    written = stock.download_artifacts(run_id, "model/weights.bin", str(tmp_path))
    assert Path(written).read_bytes() == CONTENT


def test_we_read_what_stock_mlflow_stored(
    astrid: AstridSession, stock: mlflow.MlflowClient, weights: Path, tmp_path: Path
) -> None:
    run_id = astrid.mlflow.create_run("theirs")
    stock.log_artifact(run_id, str(weights), "deep/er")
    experiment_id = stock.get_run(run_id).info.experiment_id
    rows = {row["run_id"]: row for row in astrid.mlflow.list_model_artifacts(experiment_id)}
    assert rows[run_id]["content_hash"] is None
    assert astrid.mlflow.retrieve_model_artifact(rows[run_id]["uri"]) == CONTENT
    root = stock.get_run(run_id).info.artifact_uri
    assert astrid.mlflow.retrieve_model_artifact(f"{root}/deep/er/weights.bin") == CONTENT
    written = astrid.mlflow.download_model_artifacts(f"runs:/{run_id}/deep", tmp_path / "out")
    assert (written / "er" / "weights.bin").read_bytes() == CONTENT


def test_no_credentials_of_ours_reach_the_environment(astrid: AstridSession, weights: Path) -> None:
    before = dict(os.environ)  # noqa: TID251 - it is what must not change
    astrid.mlflow.store_model_artifact(str(weights), astrid.mlflow.create_run())
    assert dict(os.environ) == before  # noqa: TID251


def test_a_model_is_logged_registered_and_loaded_by_both(
    astrid: AstridSession, stock: mlflow.MlflowClient, estimator: LogisticRegression
) -> None:
    model = astrid.models.log(estimator, "real-bogus", metrics={"auc": 0.9}, params={"C": 1})
    name = f"rb-{model.model_id[-6:]}"
    version = astrid.models.register(name, model.uri)
    astrid.models.promote(name, version.version, "champion")
    again = astrid.models.load(f"models:/{name}@champion")
    assert np.array_equal(again.coef_, estimator.coef_)
    assert stock.get_model_version_by_alias(name, "champion").status == "READY"
    assert stock.get_logged_model(model.model_id).status == "READY"
    mlflow.set_tracking_uri(astrid.mlflow.config.tracking_uri)
    try:
        theirs = mlflow.sklearn.load_model(f"models:/{name}@champion")
    finally:
        mlflow.set_tracking_uri(None)
    assert np.array_equal(theirs.coef_, estimator.coef_)
    experiment_id = stock.get_run(model.run_id).info.experiment_id
    listed = [
        row
        for row in astrid.mlflow.list_model_artifacts(experiment_id)
        if row["model_id"] == model.model_id
    ]
    assert {row["path"] for row in listed} >= {"MLmodel", "model.skops"}
    assert all(row["content_hash"] for row in listed)
    content = astrid.mlflow.retrieve_model_artifact(f"{model.uri}/MLmodel")
    assert astrid.mlflow.retrieve_model_artifact(f"models:/{name}/1/MLmodel") == content


def test_a_changed_byte_is_told(
    astrid: AstridSession, stock: mlflow.MlflowClient, weights: Path
) -> None:
    run_id = astrid.mlflow.create_run()
    uri = astrid.mlflow.store_model_artifact(str(weights), run_id)
    weights.write_bytes(b"Weights")
    stock.log_artifact(run_id, str(weights), "model")
    with pytest.raises(CorruptionError, match=rf"model/weights.bin of run {run_id}"):
        astrid.mlflow.retrieve_model_artifact(uri)


def test_what_is_not_there_is_not_found(astrid: AstridSession) -> None:
    run_id = astrid.mlflow.create_run()
    with pytest.raises(NotFoundError):
        astrid.mlflow.retrieve_model_artifact(f"runs:/{run_id}/nothing")
    with pytest.raises(NotFoundError):
        astrid.mlflow.retrieve_model_artifact(f"runs:/{'0' * 32}/nothing")


def test_a_server_that_does_not_listen_is_told_at_once(moto_server: MotoServer) -> None:
    config = moto_server.config("mlflow-direct", mlflow_tracking_uri="http://127.0.0.1:9")
    with (
        astrid_sdk.connect(config=config) as session,
        pytest.raises(StorageUnavailableError, match=r"127.0.0.1:9 is not reachable") as caught,
    ):
        session.mlflow.create_run()
    assert caught.value.kind == "mlflow_unreachable"
