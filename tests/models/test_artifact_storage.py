"""What `MLflowArtifactStorage` promises, on the embedded store."""

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow
import pytest

from astrid_sdk.errors import CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.session import AstridSession

CONTENT = b"weights of a small network"
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "net"
    (path / "deep" / "er").mkdir(parents=True)
    (path / "MLmodel").write_text("flavors: {}\n")
    (path / "deep" / "er" / "w.bin").write_bytes(CONTENT)
    return path


def rows(astrid: AstridSession, run_id: str) -> list[dict[str, Any]]:
    experiment_id = astrid.mlflow.client().get_run(run_id).info.experiment_id
    return astrid.mlflow.list_model_artifacts(experiment_id)


def place_of(astrid: AstridSession, run_id: str, path: str) -> Path:
    """Return where a file of a run lies on this disk."""
    uri = astrid.mlflow.client().get_run(run_id).info.artifact_uri
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{uri}/{path}"))


def test_a_file_goes_to_its_run_and_comes_back(astrid: AstridSession, weights: Path) -> None:
    run_id = astrid.mlflow.create_run("nets")
    uri = astrid.mlflow.store_model_artifact(str(weights), run_id)
    assert uri == f"runs:/{run_id}/model/weights.bin"
    assert astrid.mlflow.retrieve_model_artifact(uri) == CONTENT


def test_every_kind_of_uri_finds_the_file(astrid: AstridSession, folder: Path) -> None:
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.store_model_artifact(str(folder), run_id)
    client = astrid.mlflow.client()
    root = client.get_run(run_id).info.artifact_uri
    version = astrid.models.register("net", f"runs:/{run_id}/model/net")
    astrid.models.promote("net", version.version, "best")
    for base in (f"{root}/model/net", "models:/net/1", "models:/net@best", "models:/net/latest"):
        assert astrid.mlflow.retrieve_model_artifact(f"{base}/deep/er/w.bin") == CONTENT
    plain = place_of(astrid, run_id, "model/net/deep/er/w.bin")
    assert astrid.mlflow.retrieve_model_artifact(plain.as_uri()) == CONTENT


def test_a_folder_is_not_bytes_and_says_what_to_use(
    astrid: AstridSession, folder: Path, tmp_path: Path
) -> None:
    run_id = astrid.mlflow.create_run()
    uri = astrid.mlflow.store_model_artifact(str(folder), run_id)
    with pytest.raises(InvalidInputError, match=r"folder of 2 files: use download_model_artifacts"):
        astrid.mlflow.retrieve_model_artifact(uri)
    written = astrid.mlflow.download_model_artifacts(uri, tmp_path / "out")
    assert written == tmp_path / "out" / "net"
    assert (written / "deep" / "er" / "w.bin").read_bytes() == CONTENT


def test_a_listing_tells_everything_of_all_runs(
    astrid: AstridSession, weights: Path, folder: Path
) -> None:
    first, second = astrid.mlflow.create_run(), astrid.mlflow.create_run()
    uri = astrid.mlflow.store_model_artifact(str(weights), first)
    astrid.mlflow.store_model_artifact(str(folder), second)
    listed = rows(astrid, first)
    assert len(listed) == 3
    row = next(row for row in listed if row["uri"] == uri)
    assert row["run_id"] == first
    assert (row["path"], row["size_bytes"]) == ("model/weights.bin", len(CONTENT))
    assert row["content_hash"] == HASH
    assert row["created_at"].endswith("+00:00")


def test_a_listing_has_all_pages(
    astrid: AstridSession, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrid_sdk.models.tracking._PAGE", 2)
    runs = [astrid.mlflow.create_run() for _ in range(5)]
    for run_id in runs:
        astrid.mlflow.store_model_artifact(str(weights), run_id)
    assert {row["run_id"] for row in rows(astrid, runs[0])} == set(runs)


def test_what_is_stored_is_found_by_hash_too(astrid: AstridSession, weights: Path) -> None:
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.store_model_artifact(str(weights), run_id)
    (found,) = astrid.find(tier="artifacts")
    assert found.content_hash == HASH
    assert found.origin == f"runs:/{run_id}/model/weights.bin"
    assert astrid.cas.retrieve_data(HASH) == CONTENT


def test_a_flipped_byte_is_told_with_run_path_and_both_hashes(
    astrid: AstridSession, weights: Path, tmp_path: Path
) -> None:
    run_id = astrid.mlflow.create_run()
    uri = astrid.mlflow.store_model_artifact(str(weights), run_id)
    damaged = CONTENT.replace(b"w", b"W", 1)
    place_of(astrid, run_id, "model/weights.bin").write_bytes(damaged)
    with pytest.raises(CorruptionError) as caught:
        astrid.mlflow.retrieve_model_artifact(uri)
    for told in (run_id, "model/weights.bin", HASH, hashlib.sha256(damaged).hexdigest()):
        assert told in caught.value.message
    with pytest.raises(CorruptionError):
        astrid.mlflow.download_model_artifacts(uri, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert astrid.cas.retrieve_data(HASH) == CONTENT


def test_a_changed_list_of_hashes_is_told(astrid: AstridSession, weights: Path) -> None:
    run_id = astrid.mlflow.create_run()
    uri = astrid.mlflow.store_model_artifact(str(weights), run_id)
    (told,) = place_of(astrid, run_id, ".astrid").iterdir()
    told.write_bytes(told.read_bytes().replace(HASH.encode(), b"0" * 64))
    with pytest.raises(CorruptionError, match="list of hashes"):
        astrid.mlflow.retrieve_model_artifact(uri)


def test_what_stock_mlflow_wrote_is_read_and_listed_without_a_hash(
    astrid: AstridSession, weights: Path
) -> None:
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.client().log_artifact(run_id, str(weights), "theirs")
    (row,) = rows(astrid, run_id)
    assert (row["path"], row["content_hash"]) == ("theirs/weights.bin", None)
    assert astrid.mlflow.retrieve_model_artifact(row["uri"]) == CONTENT


def test_stock_mlflow_reads_what_is_stored(
    astrid: AstridSession, folder: Path, tmp_path: Path
) -> None:
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.store_model_artifact(str(folder), run_id)
    client = mlflow.MlflowClient(tracking_uri=astrid.mlflow.config.tracking_uri)
    assert "model" in {found.path for found in client.list_artifacts(run_id)}
    written = Path(client.download_artifacts(run_id, "model/net", str(tmp_path)))
    assert (written / "deep" / "er" / "w.bin").read_bytes() == CONTENT


def test_writers_at_once_lose_no_hash(astrid: AstridSession, tmp_path: Path) -> None:
    run_id = astrid.mlflow.create_run()
    paths = [tmp_path / f"part-{number}" for number in range(8)]
    for path in paths:
        path.write_text(path.name)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: astrid.mlflow.store_model_artifact(str(path), run_id), paths))
    listed = {row["path"]: row["content_hash"] for row in rows(astrid, run_id)}
    assert listed == {
        f"model/{path.name}": hashlib.sha256(path.name.encode()).hexdigest() for path in paths
    }


def test_runs_at_once_do_not_meet(astrid: AstridSession, tmp_path: Path) -> None:
    def whole_run(number: int) -> tuple[str, bytes]:
        path = tmp_path / str(number) / "w.bin"
        path.parent.mkdir()
        path.write_bytes(b"%d" % number)
        uri = astrid.mlflow.store_model_artifact(str(path), astrid.mlflow.create_run("crowd"))
        return uri, path.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(whole_run, range(8)))
    for uri, content in stored:
        assert astrid.mlflow.retrieve_model_artifact(uri) == content


def test_a_file_that_is_written_again_is_the_new_one(astrid: AstridSession, weights: Path) -> None:
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.store_model_artifact(str(weights), run_id)
    weights.write_bytes(b"better weights")
    uri = astrid.mlflow.store_model_artifact(str(weights), run_id)
    assert astrid.mlflow.retrieve_model_artifact(uri) == b"better weights"
    (row,) = rows(astrid, run_id)
    assert row["content_hash"] == hashlib.sha256(b"better weights").hexdigest()


def test_what_is_not_there_is_not_found(astrid: AstridSession, weights: Path) -> None:
    run_id = astrid.mlflow.create_run()
    with pytest.raises(NotFoundError, match="is not there"):
        astrid.mlflow.retrieve_model_artifact(f"runs:/{run_id}/nothing")
    with pytest.raises(NotFoundError):
        astrid.mlflow.retrieve_model_artifact("models:/nobody/1/MLmodel")
    with pytest.raises(NotFoundError):
        astrid.mlflow.store_model_artifact(str(weights), "0" * 32)
    with pytest.raises(NotFoundError, match="No Experiment"):
        astrid.mlflow.list_model_artifacts("999")


@pytest.mark.parametrize("uri", ["ftp://host/x", "weights.bin", "runs:/", "models:/"])
def test_other_uris_are_refused(astrid: AstridSession, uri: str) -> None:
    with pytest.raises(InvalidInputError):
        astrid.mlflow.retrieve_model_artifact(uri)


def test_nothing_and_an_empty_folder_are_no_model(astrid: AstridSession, tmp_path: Path) -> None:
    run_id = astrid.mlflow.create_run()
    with pytest.raises(InvalidInputError, match="not there"):
        astrid.mlflow.store_model_artifact(str(tmp_path / "nothing"), run_id)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="empty folder"):
        astrid.mlflow.store_model_artifact(str(tmp_path / "empty"), run_id)


def test_nothing_is_left_in_the_working_folder(astrid: AstridSession, weights: Path) -> None:
    before = set(os.listdir())  # noqa: PTH208 - names are what is compared
    astrid.mlflow.store_model_artifact(str(weights), astrid.mlflow.create_run())
    assert set(os.listdir()) == before  # noqa: PTH208


def test_an_artifact_survives_a_move_of_its_files(
    astrid: AstridSession, folder: Path, tmp_path: Path
) -> None:
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.store_model_artifact(str(folder), run_id)
    place = place_of(astrid, run_id, "model").parent
    moved = tmp_path / "elsewhere" / run_id / "artifacts"
    shutil.copytree(place, moved)
    uri = (moved / "model" / "net" / "deep" / "er" / "w.bin").as_uri()
    assert astrid.mlflow.retrieve_model_artifact(uri) == CONTENT
    (moved / "model" / "net" / "deep" / "er" / "w.bin").write_bytes(b"other")
    with pytest.raises(CorruptionError, match=HASH):
        astrid.mlflow.retrieve_model_artifact(uri)
