"""``r2://`` in stock MLflow, where this package is installed."""

import hashlib
from pathlib import Path

import mlflow
import pytest
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.r2_artifact_repo import R2ArtifactRepository
from servers import MotoServer

import astrid_sdk
from astrid_sdk.errors import CorruptionError, InvalidInputError
from astrid_sdk.models import artifact_repository
from astrid_sdk.models.artifact_repository import StoreArtifactRepository

BUCKET = "mlflow-native"


@pytest.fixture
def repository(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> ArtifactRepository:
    config = moto_server.config(BUCKET)
    with astrid_sdk.connect(config=config) as session:
        session.prepare()
    given = {
        "R2_ACCOUNT_ID": config.r2_account_id,
        "R2_ACCESS_KEY_ID": config.r2_access_key_id,
        "R2_SECRET_ACCESS_KEY": config.secret_access_key.reveal(),
        "R2_BUCKET_NAME": BUCKET,
        "R2_ENDPOINT_URL": config.endpoint_url,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"ASTRID_{name}", value)
    artifact_repository._storage_of_environment.cache_clear()
    return get_artifact_repository(f"r2://{BUCKET}/some/where")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m" / "deep").mkdir(parents=True)
    (tmp_path / "m" / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "m" / "deep" / "w.bin").write_bytes(b"weights")
    return tmp_path / "m"


def test_mlflow_finds_the_repository_by_the_scheme(repository: ArtifactRepository) -> None:
    assert isinstance(repository, StoreArtifactRepository)


def test_mlflows_own_form_of_r2_stays_mlflows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(R2ArtifactRepository, "_get_region_name", lambda _: "auto")
    uri = "r2://bucket@account.r2.cloudflarestorage.com/path"
    assert isinstance(get_artifact_repository(uri), R2ArtifactRepository)


def test_without_a_bucket_it_says_what_to_set() -> None:
    artifact_repository._storage_of_environment.cache_clear()
    with pytest.raises(InvalidInputError, match="set ASTRID_R2_ACCOUNT_ID"):
        get_artifact_repository("r2://bucket/path")


def test_folders_go_there_and_back(
    repository: ArtifactRepository, folder: Path, tmp_path: Path
) -> None:
    repository.log_artifacts(str(folder), "model")
    repository.log_artifact(str(folder / "MLmodel"))
    assert {found.path for found in repository.list_artifacts()} == {".astrid", "MLmodel", "model"}
    listed = {found.path: found for found in repository.list_artifacts("model")}
    assert listed["model/MLmodel"].file_size == len("flavors: {}\n")
    assert listed["model/deep"].is_dir
    assert repository.list_artifacts("model/MLmodel") == []
    written = Path(repository.download_artifacts("model", str(tmp_path)))
    assert (written / "deep" / "w.bin").read_bytes() == b"weights"
    repository.delete_artifacts("model")
    assert repository.list_artifacts("model") == []


def test_a_stock_run_with_its_files_there_is_read_verified_by_us(
    repository: ArtifactRepository, folder: Path, mlflow_database: Path, tmp_path: Path
) -> None:
    assert repository is not None
    uri = f"sqlite:///{mlflow_database}"
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment_id = client.create_experiment("native", f"r2://{BUCKET}/runs")
    run_id = client.create_run(experiment_id).info.run_id
    client.log_artifacts(run_id, str(folder), "model")
    written = Path(client.download_artifacts(run_id, "model", str(tmp_path)))
    assert (written / "deep" / "w.bin").read_bytes() == b"weights"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTRID_MLFLOW_TRACKING_URI", uri)
        astrid = astrid_sdk.connect()
    with astrid:
        rows = {row["path"]: row for row in astrid.mlflow.list_model_artifacts(experiment_id)}
        told = rows["model/deep/w.bin"]
        assert told["content_hash"] == hashlib.sha256(b"weights").hexdigest()
        assert astrid.mlflow.retrieve_model_artifact(told["uri"]) == b"weights"
        key = f"runs/{run_id}/artifacts/model/deep/w.bin"
        astrid.r2.upload_file(BUCKET, key, b"Weights", "application/octet-stream")
        with pytest.raises(CorruptionError, match=f"model/deep/w.bin of run {run_id}"):
            astrid.mlflow.retrieve_model_artifact(told["uri"])
