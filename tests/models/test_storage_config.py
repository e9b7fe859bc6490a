"""How MLflow is set up: from the environment, for a folder and for a bucket, secrets unseen."""

import pickle
from pathlib import Path

import pytest

import astrid_sdk
from astrid_sdk.config import StorageConfig
from astrid_sdk.errors import AccessDeniedError, InvalidInputError
from astrid_sdk.models.rights import ModelRights
from astrid_sdk.models.storage_config import MLflowStorageConfig

SECRET = "do-not-show-me"  # noqa: S105 - it opens nothing


def bucket(**changes: str) -> StorageConfig:
    """Return a bucket on a server that nobody runs."""
    given = {"r2_endpoint_url": "http://127.0.0.1:9", **changes}
    return StorageConfig("account", "key-id", SECRET, "a-bucket", **given)  # type: ignore[arg-type]


def test_a_folder_needs_no_server(tmp_path: Path) -> None:
    with astrid_sdk.connect(tmp_path) as astrid:
        config = astrid.mlflow.config
    assert config.tracking_uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert config.artifact_root == f"{tmp_path.as_uri()}/astrid-storage/artifacts/mlflow"
    assert config.location_of("real bogus/1") == f"{config.artifact_root}/real-bogus-1"


def test_a_bucket_has_its_files_in_the_bucket() -> None:
    with astrid_sdk.connect(config=bucket()) as astrid:
        config = astrid.mlflow.config
    assert config.artifact_root == "s3://a-bucket/artifacts/mlflow"
    assert config.endpoint_url == "http://127.0.0.1:9"
    with astrid_sdk.connect(config=bucket(mlflow_artifact_root="r2://a-bucket/x")) as astrid:
        assert astrid.mlflow.config.artifact_root == "r2://a-bucket/x"


def test_a_server_is_named_by_config_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTRID_MLFLOW_TRACKING_URI", "https://runs.example.org")
    with astrid_sdk.connect(tmp_path) as astrid:
        assert astrid.mlflow.config.is_served
    given = bucket(mlflow_tracking_uri="https://other.example.org")
    with astrid_sdk.connect(config=given) as astrid:
        assert astrid.mlflow.config.tracking_uri == "https://other.example.org"


def test_rights_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTRID_MLFLOW_MAY_PROMOTE", "alice, bob")
    monkeypatch.setenv("ASTRID_MLFLOW_MAY_DELETE", "")
    with astrid_sdk.connect(tmp_path) as astrid:
        rights = astrid.mlflow.config.rights
    assert rights == ModelRights(promote=frozenset({"alice", "bob"}), delete=frozenset())
    rights.require("register", "it")
    with pytest.raises(AccessDeniedError, match=r"nobody may; .*ASTRID_MLFLOW_MAY_DELETE"):
        rights.require("delete", "it")


@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://astrid:{SECRET}@db.example.org/mlflow",
        f"postgresql://db.example.org/mlflow?user=astrid&password={SECRET}",
        f"mssql://db.example.org/mlflow?pwd={SECRET}",
    ],
)
def test_a_password_is_never_shown_nor_pickled(uri: str) -> None:
    config = MLflowStorageConfig(uri, "s3://a-bucket/artifacts/mlflow")
    assert SECRET not in repr(config) + str(config) + f"{config}"
    assert "db.example.org" in repr(config)
    with pytest.raises(InvalidInputError, match="password"):
        pickle.dumps(config)
    assert SECRET not in repr(bucket(mlflow_tracking_uri=uri))


def test_a_set_up_without_a_password_goes_to_other_processes() -> None:
    config = MLflowStorageConfig("https://runs.example.org", "s3://a-bucket/x")
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - made above


@pytest.mark.parametrize(
    ("tracking_uri", "artifact_root", "more"),
    [
        ("runs.db", "s3://b/x", {}),
        ("sqlite:///x", "artifacts", {}),
        ("sqlite:///x", "http://host/x", {}),
        ("sqlite:///x", "s3://b/x", {"model_folder": "../model"}),
        ("sqlite:///x", "s3://b/x", {"experiment_folder": ""}),
    ],
)
def test_what_cannot_be_is_refused(
    tracking_uri: str, artifact_root: str, more: dict[str, str]
) -> None:
    with pytest.raises(InvalidInputError):
        MLflowStorageConfig(tracking_uri, artifact_root, **more)  # type: ignore[arg-type]


def test_names_of_people_are_a_set() -> None:
    with pytest.raises(InvalidInputError, match="set of names"):
        ModelRights(register="alice")  # type: ignore[arg-type]
