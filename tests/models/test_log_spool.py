"""What is logged while MLflow or the store is away waits here, and is logged once, in order."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.conftest import with_database
from sklearn.linear_model import LogisticRegression
from stores import CrashingStore

from astrid_sdk.connecting import LOCAL_BUCKET
from astrid_sdk.errors import ConflictError, NotFoundError, StorageUnavailableError
from astrid_sdk.models.setting_up import FOLDER
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.local_client import LocalStorageClient

NOBODY = "http://127.0.0.1:9"


def away(astrid: AstridSession, monkeypatch: pytest.MonkeyPatch) -> AstridSession:
    """Return a session on the same store that looks for MLflow where nobody listens."""
    monkeypatch.setenv("ASTRID_MLFLOW_TRACKING_URI", NOBODY)
    session = AstridSession(astrid.r2, astrid.bucket, astrid.home)
    assert session.mlflow.config.is_served
    monkeypatch.delenv("ASTRID_MLFLOW_TRACKING_URI")
    return session


def runs_of(astrid: AstridSession) -> list[str]:
    client = astrid.mlflow.client()
    found = client.get_experiment_by_name("astrid")
    if found is None:
        return []
    runs = client.search_runs([found.experiment_id], order_by=["attributes.start_time"])
    return [run.info.run_name for run in runs]


def test_without_spool_an_outage_is_an_error_and_nothing_waits(
    astrid: AstridSession, estimator: LogisticRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = away(astrid, monkeypatch)
    with pytest.raises(StorageUnavailableError, match="spool=True"):
        session.models.log(estimator, "rb")
    assert session.models.waiting == 0
    assert runs_of(astrid) == []


def test_what_waits_is_logged_in_order_and_once(
    astrid: AstridSession,
    estimator: LogisticRegression,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    session = away(astrid, monkeypatch)
    (tmp_path / "curve.csv").write_text("0,1\n")
    waiting = [
        session.models.log(
            estimator,
            "rb",
            run_name=f"run {number}",
            params={"number": number},
            metrics={"auc": 0.5 + number, "loss": [2.0, float("nan")]},
            artifacts={"curve.csv": tmp_path / "curve.csv"},
            spool=True,
        )
        for number in range(3)
    ]
    model = waiting[-1]
    assert all(each.is_spooled for each in waiting)
    assert session.models.waiting == 3
    assert "3 logs wait" in repr(session.models)
    assert "replay()" in repr(model)
    with pytest.raises(StorageUnavailableError):
        session.models.replay()
    assert session.models.waiting == 3

    assert astrid.models.replay() == 3
    assert astrid.models.replay() == 0
    assert runs_of(astrid) == ["run 0", "run 1", "run 2"]
    experiment_id = astrid.mlflow.client().get_experiment_by_name("astrid").experiment_id
    known = astrid.mlflow.client().search_logged_models([experiment_id])
    assert [each.status for each in known] == ["READY"] * 3
    assert model.model_hash in {each.tags["astrid.model_hash"] for each in known}
    again = astrid.models.load(f"models:/{known[0].model_id}")
    assert np.array_equal(again.coef_, estimator.coef_)
    paths = {row["path"] for row in astrid.mlflow.list_model_artifacts(experiment_id)}
    assert {"curve.csv", "model.skops"} <= paths


def test_what_is_logged_later_comes_later(
    astrid: AstridSession, estimator: LogisticRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(astrid, monkeypatch).models.log(estimator, "rb", run_name="first", spool=True)
    astrid.models.log(estimator, "rb", run_name="second", spool=True)
    assert runs_of(astrid) == ["first", "second"]
    assert astrid.models.waiting == 0


def test_an_entry_that_was_carried_out_and_kept_is_not_logged_twice(
    astrid: AstridSession,
    estimator: LogisticRegression,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    away(astrid, monkeypatch).models.log(estimator, "rb", metrics={"auc": 1}, spool=True)
    waiting = astrid.home / FOLDER / "spool" / "waiting"
    shutil.copytree(waiting, tmp_path / "kept")
    assert astrid.models.replay() == 1
    shutil.copytree(tmp_path / "kept", waiting, dirs_exist_ok=True)  # as after a crash at the end
    assert astrid.models.replay() == 1
    assert len(runs_of(astrid)) == 1
    experiment_id = astrid.mlflow.client().get_experiment_by_name("astrid").experiment_id
    assert len(astrid.mlflow.client().search_logged_models([experiment_id])) == 1
    (run,) = astrid.mlflow.client().search_runs([experiment_id])
    assert len(astrid.mlflow.client().get_metric_history(run.info.run_id, "auc")) == 1


def test_what_can_never_be_logged_is_kept_aside(
    astrid: AstridSession, estimator: LogisticRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = away(astrid, monkeypatch)
    session.models.log(estimator, "rb", run_id="0" * 32, spool=True)
    session.models.log(estimator, "rb", run_name="sound", spool=True)
    with pytest.raises(ConflictError, match="1 of the logs that waited") as caught:
        astrid.models.replay()
    assert caught.value.kind == "refused"
    assert astrid.models.waiting == 0
    assert runs_of(astrid) == ["sound"]


@pytest.mark.parametrize("writes", range(0, 30, 3))
def test_a_store_that_goes_away_anywhere_leaves_nothing_half_registered(
    tmp_path: Path, mlflow_database: Path, estimator: LogisticRegression, writes: int
) -> None:
    with_database(tmp_path, mlflow_database).close()
    store = CrashingStore(LocalStorageClient(tmp_path), writes)
    astrid = AstridSession(store, LOCAL_BUCKET, tmp_path)
    try:
        model = astrid.models.log(estimator, "rb", metrics={"auc": 0.9})
    except StorageUnavailableError:
        known = _known(astrid)
        assert all(each.status == "FAILED" for each in known)
        for each in known:
            with pytest.raises(ConflictError, match="not logged to its end"):
                astrid.models.register("rb", f"models:/{each.model_id}")
        store.left = 1_000
        with pytest.raises(NotFoundError):
            astrid.models.promote("rb", 1, "champion")
        model = astrid.models.log(estimator, "rb", metrics={"auc": 0.9})
    store.left = 1_000
    assert astrid.models.load(model.uri).coef_.shape == (1, 3)


def _known(astrid: AstridSession) -> list[Any]:
    found = astrid.mlflow.client().get_experiment_by_name("astrid")
    return [] if found is None else list(astrid.mlflow.tracking.logged_models(found.experiment_id))
