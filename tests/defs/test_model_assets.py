"""The model's assets where nobody labelled anything yet: the chain goes on, and says why."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from defs.small_surveys import SCIENCE_NIGHT, SmallSurvey

from astrid_sdk.cli.dagster_runs import instance_folder
from dagster_defs.definitions import ASSETS
from dagster_defs.io_manager import manifest_io_manager


def materialise(survey: SmallSurvey, asset: str, night: str | None = None) -> Mapping[str, Any]:
    """Materialise an asset on the survey's own instance, and return its metadata."""
    folder = str(instance_folder(survey.session))
    with dg.DagsterInstance.from_config(folder, "in-process.yaml") as instance:
        done = dg.materialize(
            ASSETS,
            selection=[asset],
            instance=instance,
            partition_key=night,
            resources={
                "astrid": dg.ResourceDefinition.hardcoded_resource(survey.session),
                "io_manager": manifest_io_manager,
            },
        )
    (event,) = done.get_asset_materialization_events()
    return event.materialization.metadata


def test_without_labels_the_model_is_materialised_with_the_reason(
    small_survey: SmallSurvey,
) -> None:
    metadata = materialise(small_survey, "real_bogus_model")
    assert metadata["items"].value == 0
    assert "0 triplets are labelled real and 0 bogus" in str(metadata["notes"].value)


def test_without_a_model_a_night_is_materialised_without_scores(
    small_survey: SmallSurvey,
) -> None:
    materialise(small_survey, "real_bogus_model")
    metadata = materialise(small_survey, "scored_detections", SCIENCE_NIGHT)
    assert metadata["items"].value == 0
    assert "no scores without a model" in str(metadata["notes"].value)
    assert small_survey.session.scores().empty
