"""The model of a store: trained on what people say, judged by what it never saw, remembered."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from models.conftest import with_database
from models.real_bogus.made_up import labelled_dataset, real_triplet, relabelled
from sklearn.linear_model import LogisticRegression

from astrid_sdk.models.real_bogus.fitting import ForestSettings
from astrid_sdk.models.real_bogus.registering import Registration
from astrid_sdk.pipeline.features import features_of
from astrid_sdk.pipeline.manifest import Item
from astrid_sdk.pipeline.work import Materialised
from astrid_sdk.session import AstridSession

SMALL = ForestSettings(trees=30)

# Nothing of ours: a table of scores in, three numbers out.
INDEPENDENT = """
import json, sys
import numpy as np
import pyarrow.parquet as pq
rows = pq.read_table(sys.argv[1])
score = rows["confidence_score"].to_numpy()
real = np.array([label == "real" for label in rows["label"].to_pylist()])
wins = (score[real][:, None] > score[~real][None, :]).mean()
ties = (score[real][:, None] == score[~real][None, :]).mean()
area, before = 0.0, 0.0
for level in sorted(set(score.tolist()), reverse=True):
    passing = score >= level
    recall = (passing & real).sum() / real.sum()
    area += (recall - before) * (passing & real).sum() / passing.sum()
    before = recall
print(json.dumps([area, wins + ties / 2, float(np.mean((score - real) ** 2))]))
"""


@dataclass(frozen=True)
class Store:
    """A store with a trained model: read it, change nothing in it."""

    session: AstridSession
    made: Materialised


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("real-bogus") / "store"
    with with_database(folder, mlflow_database) as session:
        yield Store(session, trained(session))


@pytest.fixture(scope="module")
def registered(store: Store) -> Registration:
    """The model of `store` in MLflow."""
    return store.session.real_bogus.register(store.made.manifest)


def trained(astrid: AstridSession, **made_up: int) -> Materialised:
    labelled_dataset(astrid, **made_up)
    return astrid.real_bogus.train("transients", SMALL)


def model_in(made: Materialised) -> Item:
    (item,) = made.manifest.items
    return item


def file_of(astrid: AstridSession, made: Materialised, role: str) -> bytes:
    """Return what the training made beside the model."""
    key = astrid.find(tier="models", step="train_real_bogus")[0].derivation_key
    derivation = astrid.derivations.find(str(key))
    assert derivation is not None
    assert derivation.output("model").content_hash == model_in(made).content_hash
    return astrid.cas.retrieve_data(derivation.output(role).content_hash)


def test_a_model_tells_stars_from_artefacts(store: Store) -> None:
    astrid, item = store.session, model_in(store.made)
    assert item.details["aucpr"] > 0.9
    assert item.details["aucpr_error"] >= 0
    model = astrid.real_bogus.load(item.content_hash)
    values = features_of([real_triplet(9_000)])
    assert model.scores(values)[0] > 0.5


def test_the_same_version_is_trained_once_and_other_labels_give_another_model(
    astrid: AstridSession,
) -> None:
    first = trained(astrid)
    again = astrid.real_bogus.train("transients", SMALL)
    assert (again.content_hash, again.executed) == (first.content_hash, 0)
    relabelled(astrid, astrid.datasets.get("transients"))
    other = astrid.real_bogus.train("transients", SMALL)
    assert model_in(other).content_hash != model_in(first).content_hash
    # the features of the triplets are those of before
    assert other.reused >= 1


def test_another_store_trains_the_same_bytes(astrid: AstridSession, tmp_path: Path) -> None:
    import astrid_sdk  # noqa: PLC0415 - the fixture has that name

    made = trained(astrid)
    with astrid_sdk.connect(tmp_path / "other") as other:
        assert model_in(trained(other)).content_hash == model_in(made).content_hash


def test_an_independent_script_finds_the_same_numbers(store: Store, tmp_path: Path) -> None:
    astrid, made = store.session, store.made
    scores = tmp_path / "held-out.parquet"
    scores.write_bytes(file_of(astrid, made, "scores"))
    script = tmp_path / "script.py"
    script.write_text(INDEPENDENT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(scores)], capture_output=True, text=True, check=True
    )
    details = model_in(made).details
    told = [details[name] for name in ("aucpr", "roc_auc", "brier")]
    assert json.loads(done.stdout) == pytest.approx(told)


def test_the_metrics_are_of_samples_that_were_not_trained_on(store: Store, tmp_path: Path) -> None:
    astrid, made = store.session, store.made
    (tmp_path / "scores").write_bytes(file_of(astrid, made, "scores"))
    held_out = set(pq.read_table(tmp_path / "scores")["content_hash"].to_pylist())
    card = json.loads(file_of(astrid, made, "card"))
    assert held_out
    assert not held_out & set(card["trained_on"])
    manifest = astrid.datasets.manifest("transients")
    exposures = {file.content_hash: set(file.sources) for file in manifest.files}
    seen = set().union(*(exposures[known] for known in card["trained_on"]))
    assert all(not exposures[known] & seen for known in held_out)


def test_the_card_says_what_the_model_is_made_of(store: Store) -> None:
    astrid, made = store.session, store.made
    card = json.loads(file_of(astrid, made, "card"))
    item, version = model_in(made), astrid.datasets.get("transients")
    assert card["model_hash"] == item.content_hash
    assert card["manifest_hash"] == version.manifest_hash
    assert card["split_hash"] == item.details["split_hash"]
    assert card["evaluation"]["metrics"]["aucpr"]["value"] == item.details["aucpr"]
    assert card["evaluation"]["unit"]
    assert card["libraries"]["scikit-learn"]
    assert card["training_real"] + card["training_bogus"] == len(card["trained_on"])
    assert sum(it["count"] for it in card["evaluation"]["reliability"]) == (
        card["held_out_real"] + card["held_out_bogus"]
    )


def test_the_figures_are_small_pictures(store: Store) -> None:
    astrid, made = store.session, store.made
    for role in ("precision_recall", "reliability", "confusion", "sheet"):
        png = file_of(astrid, made, role)
        assert png.startswith(b"\x89PNG")
        assert len(png) < 30_000


def test_why_leads_from_the_model_to_the_raw_frames_and_impact_back(
    store: Store,
) -> None:
    astrid, item = store.session, model_in(store.made)
    why = astrid.why(item.content_hash)
    assert why.dataset_versions() == ["transients v1"]
    raw = {node.content_hash for node in why.raw() if node.tier == "raw-observations"}
    manifest = astrid.datasets.manifest("transients")
    assert raw == {source for file in manifest.files for source in file.sources}
    impact = {node.content_hash for node in astrid.impact(min(raw))}
    assert item.content_hash in impact


def test_without_enough_labels_there_is_a_reason_and_no_model(astrid: AstridSession) -> None:
    made = trained(astrid, count=40, bogus=4)
    assert not made.manifest.items
    assert "36 triplets are labelled real and 4 bogus" in made.manifest.notes[0]


def test_without_a_dataset_there_is_a_reason_and_no_model(astrid: AstridSession) -> None:
    made = astrid.real_bogus.train("nobody")
    assert "no version" in made.manifest.notes[0]


def test_samples_of_one_exposure_give_a_reason_and_no_model(astrid: AstridSession) -> None:
    made = trained(astrid, exposures=1)
    assert not made.manifest.items
    assert "no model of transients@v1" in made.manifest.notes[-1]


def test_registering_logs_the_numbers_and_is_done_once(
    store: Store, registered: Registration
) -> None:
    astrid, item = store.session, model_in(store.made)
    assert registered.name == "real-bogus v1"
    again = astrid.real_bogus.register(store.made.manifest)
    assert (again.name, again.run_id) == ("real-bogus v1", "")
    run = astrid.mlflow.client().get_run(registered.run_id)
    assert run.data.metrics["aucpr"] == pytest.approx(item.details["aucpr"])
    assert "aucpr_low" in run.data.metrics
    assert run.data.params["trees"] == "30"
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "transients@v1"
    kept = f"runs:/{registered.run_id}/real-bogus"
    card = json.loads(astrid.mlflow.retrieve_model_artifact(f"{kept}/card.json"))
    assert card["model_hash"] == item.content_hash
    assert b"PNG" in astrid.mlflow.retrieve_model_artifact(f"{kept}/confusion.png")


def test_what_mlflow_has_scores_as_the_stored_model_does(
    store: Store, registered: Registration
) -> None:
    estimator = store.session.models.load(registered.uri)
    values = features_of([real_triplet(number) for number in range(9_000, 9_010)])
    stored = store.session.real_bogus.load(model_in(store.made).content_hash)
    theirs = estimator.predict_proba(values)[:, 1]
    np.testing.assert_allclose(theirs, stored.scores(values), rtol=1e-12)


def test_impact_names_the_registered_model(store: Store, registered: Registration) -> None:
    astrid = store.session
    used = astrid.datasets.manifest("transients").files[0].sources[0]
    impact = astrid.impact(used)
    assert impact.model_versions() == [registered.name]
    assert impact.dataset_versions() == ["transients v1"]
    assert "behind the models real-bogus v1" in impact.words()


def test_a_model_can_be_made_again(store: Store) -> None:
    again = store.session.reproduce(model_in(store.made).content_hash)
    assert again.verdict == "identical"


def test_any_model_that_is_registered_is_named_by_impact(astrid: AstridSession) -> None:
    version = labelled_dataset(astrid, count=6, exposures=2)
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    logged = astrid.models.log(estimator, "my-model", dataset=version)
    astrid.models.register("my model", logged.uri)
    raw = astrid.datasets.manifest(version).files[0].sources[0]
    assert astrid.impact(raw).model_versions() == ["my model v1"]
