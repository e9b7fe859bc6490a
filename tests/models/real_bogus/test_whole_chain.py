"""From simulated raw frames to a model that scores detections, and through the Dagster assets."""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from models.real_bogus.conftest import Fields

from astrid_sdk.models.real_bogus.fitting import ForestSettings
from astrid_sdk.pipeline.manifest import Manifest
from dagster_defs.assets.real_bogus_model import real_bogus_model
from dagster_defs.assets.scored_detections import scored_detections

NIGHT = "2024-04-05"
Result = dg.MaterializeResult[Manifest]


@pytest.fixture(scope="module")
def materialised(fields: Fields) -> Result:
    """What the model's asset hands to Dagster."""
    made = real_bogus_model(fields.session)
    assert isinstance(made, dg.MaterializeResult)
    return made


@pytest.fixture(scope="module")
def scored(fields: Fields, materialised: Result) -> Result:
    made = scored_detections(fields.session, fields.nights[NIGHT], materialised.value)
    assert isinstance(made, dg.MaterializeResult)
    return made


def scores_of(fields: Fields) -> pd.DataFrame:
    (item,) = fields.model.manifest.items
    return fields.session.scores(NIGHT, model_hash=item.content_hash)


def metadata_of(result: Result) -> Mapping[str, Any]:
    assert result.metadata is not None
    return result.metadata


def test_whole_fields_are_held_out(fields: Fields) -> None:
    (item,) = fields.model.manifest.items
    split = fields.session.datasets.split(
        "transients", {"train": 0.7, "test": 0.3}, shared_steps=("build_pattern",)
    )
    assert split.content_hash == item.details["split_hash"]
    manifest = fields.session.datasets.manifest("transients")
    field_of = {file.path: round(file.ra_deg or 0.0) // 3 for file in manifest.files}
    train, test = ({field_of[path] for path in split.sides[side]} for side in ("train", "test"))
    assert train
    assert test
    assert not train & test


def test_transients_are_told_from_artefacts_on_a_field_that_was_never_seen(
    fields: Fields,
) -> None:
    (item,) = fields.model.manifest.items
    assert item.details["aucpr"] > 0.9
    assert item.details["aucpr_low"] <= item.details["aucpr"] <= item.details["aucpr_high"]
    real = item.details["held_out_real"]
    share = real / (real + item.details["held_out_bogus"])
    assert item.details["aucpr_low"] > share  # better than to call everything real


def test_the_asset_shows_numbers_first_and_names_the_model(
    fields: Fields, materialised: Result
) -> None:
    metadata = metadata_of(materialised)
    names = list(metadata)
    assert names[:2] == ["items", "dagster/row_count"]
    assert {"aucpr", "aucpr_low", "aucpr_high", "roc_auc", "brier"} < set(names)
    assert names.index("aucpr") < names.index("preview") < names.index("registered")
    (item,) = fields.model.manifest.items
    assert materialised.data_version == dg.DataVersion(item.content_hash)
    assert metadata["registered"] == "real-bogus v1"
    assert "both sides may share: build_pattern" in str(metadata["notes"].value)


def test_materialising_again_trains_and_registers_nothing(
    fields: Fields, materialised: Result
) -> None:
    again = real_bogus_model(fields.session)
    assert isinstance(again, dg.MaterializeResult)
    assert again.data_version == materialised.data_version
    assert metadata_of(again)["registered"] == "real-bogus v1"
    assert metadata_of(again)["steps_executed"] == 0
    assert len(fields.session.models.versions("real-bogus")) == 1


def test_every_detection_that_was_cut_out_has_a_score(fields: Fields, scored: Result) -> None:
    scores = scores_of(fields)
    detections = fields.session.detections(NIGHT)
    ids = [found.detection_id for found in detections.models()]
    assert sorted(scores["detection_id"]) == sorted(ids)
    known = scores["confidence_score"].dropna()
    assert known.between(0, 1).all()
    assert len(known) == detections.frame["triplet_hash"].notna().sum()
    assert metadata_of(scored)["scored"] == len(known)
    assert set(scores["night"]) == {NIGHT}


def test_scores_say_which_detections_were_trained_on(fields: Fields, scored: Result) -> None:
    assert scored.value is not None
    table, scores = fields.session.detections(NIGHT), scores_of(fields)
    triplets = dict(
        zip(
            (found.detection_id for found in table.models()),
            table.frame["triplet_hash"],
            strict=True,
        )
    )
    (item,) = fields.model.manifest.items
    card = json.loads(fields.session.cas.retrieve_data(str(item.details["card_hash"])))
    trained_on = {triplets[name] for name in scores[scores["in_training"]]["detection_id"]}
    assert trained_on == set(card["trained_on"]) & set(triplets.values())
    assert 0 < scores["in_training"].sum() < len(scores)


def test_scores_lead_back_to_model_and_detections(fields: Fields, scored: Result) -> None:
    assert scored.value is not None
    for item in scored.value.items:
        steps = {node.step for node in fields.session.why(item.content_hash)}
        assert {"detect", "train_real_bogus", "score_detections"} <= steps


def test_another_model_gives_new_scores_and_no_new_detections(
    fields: Fields, scored: Result
) -> None:
    assert scored.value is not None
    before = fields.session.find(step="detect")
    other = fields.session.real_bogus.train("transients", ForestSettings(trees=10))
    made = fields.session.real_bogus.score(fields.nights[NIGHT], other.manifest)
    old = {item.content_hash for item in scored.value.items}
    assert not old & {item.content_hash for item in made.manifest.items}
    assert len(fields.session.find(step="detect")) == len(before)
    (model,) = other.manifest.items
    newest = fields.session.scores(NIGHT)
    assert set(newest["model_hash"]) == {model.content_hash}
    assert len(newest) == len(scores_of(fields))


def test_features_are_measured_once_for_training_and_scoring(
    fields: Fields, scored: Result
) -> None:
    metadata = metadata_of(scored)
    frames = len(fields.nights[NIGHT].items)
    assert metadata["steps_reused"] >= frames
    made = fields.session.find(step="real_bogus_features")
    assert len(made) == sum(len(night.items) for night in fields.nights.values())


def test_impact_of_a_raw_frame_names_model_and_scores(fields: Fields, scored: Result) -> None:
    assert scored.value is not None
    (item,) = fields.model.manifest.items
    raw = next(node for node in fields.session.why(item.content_hash).raw())
    impact = fields.session.impact(raw.content_hash)
    assert impact.model_versions() == ["real-bogus v1"]
    assert "score_detections" in {node.step for node in impact}
