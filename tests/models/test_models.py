"""What `Models` promises: logged with its data, loaded without running a stranger's code."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from typing_extensions import override

from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.errors import (
    AccessDeniedError,
    ConflictError,
    CorruptionError,
    InvalidInputError,
    NotFoundError,
)
from astrid_sdk.models.logged_model import LoggedModel
from astrid_sdk.models.rights import ModelRights
from astrid_sdk.session import AstridSession


class Strange(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that no safe format knows."""

    def fit(self, *_: Any) -> "Strange":
        return self

    def predict(self, features: Any) -> Any:
        return np.zeros(len(features))


class Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self._path}",)


def dataset(astrid: AstridSession) -> str:
    """Make version 1 of a dataset of one raw content, and return that content's hash."""
    raw = astrid.cas.store_data(b"a raw frame", "application/fits", tier="raw-observations")
    file = DatasetFile(raw, "a.fits", "raw-observations", "image", size_bytes=11)
    astrid.datasets.commit(DatasetManifest("sn-train", (file,)), "first")
    return str(raw)


def logged(astrid: AstridSession, estimator: LogisticRegression, **more: Any) -> LoggedModel:
    return astrid.models.log(estimator, "real-bogus", **more)


def folder_of(astrid: AstridSession, model: LoggedModel) -> Path:
    """Return where a logged model's files lie on this disk."""
    location = astrid.mlflow.client().get_logged_model(model.model_id).artifact_location
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=location))


def test_a_model_comes_back_as_it_was(astrid: AstridSession, estimator: LogisticRegression) -> None:
    model = logged(astrid, estimator)
    again = astrid.models.load(model.uri)
    assert np.array_equal(again.coef_, estimator.coef_)
    assert model.model_hash[:8] in repr(model)
    assert "more" not in str(astrid.why(model.model_hash))  # it was made of nothing stored


def test_trees_are_logged_without_pickles(astrid: AstridSession) -> None:
    features = np.random.default_rng(0).normal(size=(80, 2))
    trees = HistGradientBoostingClassifier(max_iter=3).fit(features, features[:, 0] > 0)
    again = astrid.models.load(logged(astrid, trees).uri)
    assert np.array_equal(again.predict_proba(features), trees.predict_proba(features))


def test_stock_mlflow_loads_what_is_logged(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    model = logged(astrid, estimator)
    client = mlflow.MlflowClient(tracking_uri=astrid.mlflow.config.tracking_uri)
    known = client.get_logged_model(model.model_id)
    assert known.status == "READY"
    again = mlflow.sklearn.load_model(known.artifact_location)
    assert np.array_equal(again.coef_, estimator.coef_)


def test_what_stock_mlflow_logged_is_loaded(
    astrid: AstridSession, estimator: LogisticRegression, tmp_path: Path
) -> None:
    mlflow.sklearn.save_model(
        estimator, tmp_path / "m", serialization_format="skops", pip_requirements=["skops"]
    )
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.client().log_artifacts(run_id, str(tmp_path / "m"), "theirs")
    assert astrid.models.load(f"runs:/{run_id}/theirs").coef_.shape == (1, 3)


def test_a_run_holds_what_was_said_of_the_model(
    astrid: AstridSession, estimator: LogisticRegression, tmp_path: Path
) -> None:
    (tmp_path / "curve.csv").write_text("0,1\n")
    model = logged(
        astrid,
        estimator,
        experiment="classifiers",
        params={"C": 1.0, "penalty": "l2"},
        metrics={"auc": 0.9, "loss": [3.0, 2.0, 1.0]},
        tags={"team": "transients"},
        artifacts={"plots/curve.csv": tmp_path / "curve.csv"},
    )
    client = astrid.mlflow.client()
    run = client.get_run(model.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"C": "1.0", "penalty": "l2"}
    assert run.data.metrics == {"auc": 0.9, "loss": 1.0}
    assert [each.value for each in client.get_metric_history(model.run_id, "loss")] == [3, 2, 1]
    assert run.data.tags["astrid.model_hash"] == model.model_hash
    assert [each.model_id for each in run.outputs.model_outputs] == [model.model_id]
    uri = f"runs:/{model.run_id}/plots/curve.csv"
    assert astrid.mlflow.retrieve_model_artifact(uri) == b"0,1\n"
    by_name = f"runs:/{model.run_id}/real-bogus/MLmodel"
    assert b"flavors" in astrid.mlflow.retrieve_model_artifact(by_name)


def test_a_run_that_is_given_stays_open(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    run_id = astrid.mlflow.create_run()
    assert logged(astrid, estimator, run_id=run_id).run_id == run_id
    assert astrid.mlflow.client().get_run(run_id).info.status == "RUNNING"


def test_a_model_remembers_its_data(astrid: AstridSession, estimator: LogisticRegression) -> None:
    raw = dataset(astrid)
    split = astrid.cas.store_data(b"a split", "application/json", tier="datasets")
    model = logged(astrid, estimator, dataset="sn-train@v1", inputs={"split": [split]})
    why = astrid.why(model.model_hash)
    assert why.dataset_versions() == ["sn-train v1"]
    assert {node.content_hash for node in why.raw()} == {raw, str(split)}
    impact = {node.content_hash: node for node in astrid.impact(raw)}
    assert impact[model.model_hash].tier == "models"
    assert impact[model.model_hash].step == "train_model"


def test_mlflow_itself_shows_the_dataset_version(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    dataset(astrid)
    model = logged(astrid, estimator, dataset="sn-train", metrics={"auc": 0.9})
    version = astrid.datasets.get("sn-train@v1")
    run = astrid.mlflow.client().get_run(model.run_id)
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "sn-train@v1"
    assert version.manifest_hash.startswith(given.dataset.digest)
    assert {tag.key: tag.value for tag in given.tags}["mlflow.data.context"] == "training"
    source = mlflow.data.get_source(given)
    manifest = json.loads(Path(source.load()).read_text())
    assert manifest["dataset_id"] == "sn-train"
    (metric,) = astrid.mlflow.client().get_logged_model(model.model_id).metrics
    assert (metric.dataset_name, metric.value) == ("sn-train@v1", 0.9)


def test_an_unknown_dataset_is_refused_and_nothing_begun(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    with pytest.raises(NotFoundError):
        logged(astrid, estimator, dataset="nobody@v1")
    assert astrid.mlflow.client().get_experiment_by_name("astrid") is None


def test_a_flipped_byte_in_a_model_is_told(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    model = logged(astrid, estimator)
    path = folder_of(astrid, model) / "model.skops"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptionError, match=f"model.skops of model {model.model_id}"):
        astrid.models.load(model.uri)


def test_what_only_a_pickle_brings_back_needs_a_word(astrid: AstridSession) -> None:
    with pytest.raises(InvalidInputError, match="Strange, which only a pickle can"):
        astrid.models.log(Strange(), "strange")
    model = astrid.models.log(Strange(), "strange", allow_pickle=True)
    with pytest.raises(AccessDeniedError, match="allow_pickle=True") as caught:
        astrid.models.load(model.uri)
    assert caught.value.kind == "pickle"
    assert list(astrid.models.load(model.uri, allow_pickle=True).predict([[1], [2]])) == [0, 0]


def test_an_excluded_model_is_not_loaded(astrid: AstridSession) -> None:
    model = astrid.models.log(Strange(), "strange", allow_pickle=True)
    astrid.exclude(model.model_hash, "trained on bogus")
    with pytest.raises(AccessDeniedError, match="trained on bogus"):
        astrid.models.load(model.uri, allow_pickle=True)


def test_a_file_that_is_no_skops_file_says_so(
    astrid: AstridSession, estimator: LogisticRegression, tmp_path: Path
) -> None:
    mlflow.sklearn.save_model(
        estimator, tmp_path / "m", serialization_format="skops", pip_requirements=["skops"]
    )
    (tmp_path / "m" / "model.skops").write_text("no zip file")
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.client().log_artifacts(run_id, str(tmp_path / "m"), "theirs")
    with pytest.raises(InvalidInputError, match="no skops file"):
        astrid.models.load(f"runs:/{run_id}/theirs")


def hostile_folder(folder: Path, name: str = "model.pkl") -> Path:
    """Write a model whose pickle leaves a file behind when it is loaded."""
    folder.mkdir()
    (folder / "MLmodel").write_text(
        f"flavors:\n  sklearn: {{pickled_model: {name}, serialization_format: pickle}}\n"
    )
    (folder / name).write_bytes(pickle.dumps(Hostile(folder.parent / "owned")))
    return folder


@pytest.mark.parametrize("name", ["model.pkl", "weights.bin", "model.skops"])
def test_a_strangers_pickle_is_never_loaded(
    astrid: AstridSession, tmp_path: Path, name: str
) -> None:
    run_id = astrid.mlflow.create_run()
    folder = hostile_folder(tmp_path / "m", name)
    astrid.mlflow.client().log_artifacts(run_id, str(folder), "theirs")
    uri = f"runs:/{run_id}/theirs"
    with pytest.raises(AccessDeniedError, match="would run code"):
        astrid.models.load(uri)
    with pytest.raises(AccessDeniedError, match="which the catalogue does not know") as caught:
        astrid.models.load(uri, allow_pickle=True)
    assert caught.value.kind == "stranger"
    assert not (tmp_path / "owned").exists()


def test_stored_bytes_that_say_they_are_a_model_are_still_a_strangers(
    astrid: AstridSession, tmp_path: Path
) -> None:
    run_id = astrid.mlflow.create_run()
    uri = astrid.mlflow.store_model_artifact(str(hostile_folder(tmp_path / "m")), run_id)
    with pytest.raises(AccessDeniedError, match="does not know"):
        astrid.models.load(uri, allow_pickle=True)
    assert not (tmp_path / "owned").exists()


def test_a_pickle_that_was_put_beside_a_known_model_is_refused(
    astrid: AstridSession, estimator: LogisticRegression, tmp_path: Path
) -> None:
    model = logged(astrid, estimator)
    folder = folder_of(astrid, model)
    (folder / "extra.txt").write_bytes(pickle.dumps(Hostile(tmp_path / "owned")))
    with pytest.raises(AccessDeniedError, match=r"extra.txt is a pickle"):
        astrid.models.load(model.uri)
    with pytest.raises(AccessDeniedError, match="does not know"):
        astrid.models.load(model.uri, allow_pickle=True)


def test_a_model_that_vouches_for_its_own_types_is_not_believed(
    astrid: AstridSession, tmp_path: Path
) -> None:
    mlflow.sklearn.save_model(
        Strange(),
        tmp_path / "m",
        serialization_format="skops",
        skops_trusted_types=[f"{Strange.__module__}.Strange"],
        pip_requirements=["skops"],
    )
    run_id = astrid.mlflow.create_run()
    astrid.mlflow.client().log_artifacts(run_id, str(tmp_path / "m"), "theirs")
    with pytest.raises(AccessDeniedError, match=r"model.skops holds .*Strange"):
        astrid.models.load(f"runs:/{run_id}/theirs")


def test_registered_models_have_versions_and_aliases(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    first, second = logged(astrid, estimator), logged(astrid, estimator)
    assert astrid.models.register("rb", first.uri).version == 1
    version = astrid.models.register("rb", second.uri)
    assert (version.version, version.model_id) == (2, second.model_id)
    assert version.model_hash == second.model_hash
    assert astrid.models.promote("rb", 2, "champion").aliases == ("champion",)
    assert [str(each) for each in astrid.models.versions("rb")] == ["rb v1", "rb v2 @champion"]
    assert astrid.models.load("models:/rb@champion").coef_.shape == (1, 3)
    with pytest.raises(ConflictError, match="champion"):
        astrid.models.delete("rb", 2)
    astrid.models.delete("rb", 1)
    assert [each.version for each in astrid.models.versions("rb")] == [2]
    with pytest.raises(NotFoundError):
        astrid.models.promote("rb", 7, "champion")
    with pytest.raises((NotFoundError, InvalidInputError)):
        astrid.models.load("models:/rb@nobody")


def test_what_logging_and_registering_return_is_a_model(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    model = logged(astrid, estimator, params={"C": 1})
    version = astrid.models.register("rb", model)
    assert version.model_id == model.model_id
    assert repr([version]) == "[<rb v1: models:/rb/1>]"
    for given in (model, version):
        assert np.array_equal(astrid.models.load(given).coef_, estimator.coef_)
    assert astrid.models.compare(model, version).changed() == []


def test_what_has_no_uri_is_refused_with_what_to_do(astrid: AstridSession) -> None:
    waiting = LoggedModel("rb", "", "", "", "ab" * 32, is_spooled=True)
    with pytest.raises(InvalidInputError, match=r"call astrid.models.replay\(\)") as caught:
        astrid.models.register("rb", waiting)
    assert caught.value.kind == "spooled"
    with pytest.raises(InvalidInputError, match="3 is no model: give its URI"):
        astrid.models.load(3)  # type: ignore[arg-type]  # as in a notebook
    with pytest.raises(InvalidInputError, match="'models:/rb/1' or 'models:/rb@champion'"):
        astrid.models.load("rb")


def test_what_is_not_whole_is_not_registered(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    model = logged(astrid, estimator)
    (folder_of(astrid, model) / "model.skops").unlink()
    with pytest.raises(InvalidInputError, match=r"lacks model.skops"):
        astrid.models.register("rb", model.uri)
    run_id = astrid.mlflow.create_run()
    with pytest.raises(NotFoundError, match="no model to register"):
        astrid.models.register("rb", f"runs:/{run_id}/nothing")
    pending = astrid.mlflow.client().create_logged_model(
        astrid.mlflow.client().get_run(run_id).info.experiment_id, "half"
    )
    with pytest.raises(ConflictError, match="not logged to its end"):
        astrid.models.register("rb", f"models:/{pending.model_id}")
    assert astrid.mlflow.client().search_registered_models() == []


def test_only_those_who_may_do(
    astrid: AstridSession, estimator: LogisticRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrid_sdk.models.rights.current_author", lambda: "mallory")
    model = logged(astrid, estimator)
    astrid.models.register("rb", model.uri)
    tracking = astrid.mlflow.tracking
    tracking.config = tracking.config.with_rights(ModelRights.only("alice", "bob"))
    for attempt in (
        lambda: astrid.models.register("rb", model.uri),
        lambda: astrid.models.promote("rb", 1, "champion"),
        lambda: astrid.models.delete("rb", 1),
    ):
        with pytest.raises(AccessDeniedError, match=r"mallory may not .*: alice, bob may"):
            attempt()
    assert [str(each) for each in astrid.models.versions("rb")] == ["rb v1"]


def test_two_models_are_compared_side_by_side(
    astrid: AstridSession, estimator: LogisticRegression
) -> None:
    dataset(astrid)
    a = logged(astrid, estimator, params={"C": 1}, metrics={"auc": 0.8}, dataset="sn-train@v1")
    b = logged(astrid, estimator, params={"C": 2}, metrics={"auc": 0.9})
    compared = astrid.models.compare(a.uri, b.uri)
    told = {(row.kind, row.name): (row.a, row.b) for row in compared}
    assert told["metric", "auc"] == (0.8, 0.9)
    assert told["param", "C"] == ("1", "2")
    assert told["dataset", "sn-train"][1] is None
    assert len(compared.changed()) == 3
    assert list(compared.to_pandas().columns) == ["kind", "name", a.uri, b.uri]
    assert "<table>" in compared._repr_mimebundle_()["text/html"]


def test_a_model_of_another_kind_says_how_to_log_it(astrid: AstridSession, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"save_model\) and log that folder"):
        astrid.models.log(object(), "thing")
    with pytest.raises(InvalidInputError, match=r"no model of type int .*with pickles or without"):
        astrid.models.log(3, "thing", allow_pickle=True)
    with pytest.raises(InvalidInputError, match="no folder of a model"):
        astrid.models.log(tmp_path / "nothing", "thing")
