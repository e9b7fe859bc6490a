"""How manifests go from asset to asset."""

import dagster as dg
import pytest
from defs.small_surveys import LATE_NIGHT, REFERENCE_NIGHT, SCIENCE_NIGHT

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.session import AstridSession
from dagster_defs.assets.raw_observations import raw_observations
from dagster_defs.io_manager import manifest_io_manager
from dagster_defs.partitions import NIGHTS

NAMES = (REFERENCE_NIGHT, SCIENCE_NIGHT, LATE_NIGHT)


@dg.asset
def survey_report(raw_observations: dict[str, Manifest]) -> dg.MaterializeResult[None]:
    """Say which nights arrived."""
    nights = {night: len(manifest.items) for night, manifest in raw_observations.items()}
    return dg.MaterializeResult(metadata={"nights": nights})


@dg.asset(partitions_def=NIGHTS)
def night_report(raw_observations: Manifest) -> None:
    """Need the manifest of this very night."""


def run(
    session: AstridSession,
    instance: dg.DagsterInstance,
    asset: dg.AssetsDefinition,
    night: str | None = None,
) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions(str(NIGHTS.name), list(NAMES))
    return dg.materialize(
        [raw_observations, survey_report, night_report],
        selection=[asset],
        instance=instance,
        partition_key=night,
        resources={
            "astrid": dg.ResourceDefinition.hardcoded_resource(session),
            "io_manager": manifest_io_manager,
        },
        raise_on_error=False,
    )


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def test_an_asset_without_partitions_gets_the_nights_there_are(
    raw_survey: AstridSession, instance: dg.DagsterInstance
) -> None:
    for night in (REFERENCE_NIGHT, SCIENCE_NIGHT):
        assert run(raw_survey, instance, raw_observations, night).success
    done = run(raw_survey, instance, survey_report)
    (event,) = done.get_asset_materialization_events()
    nights = event.materialization.metadata["nights"].value
    assert nights == {REFERENCE_NIGHT: 2, SCIENCE_NIGHT: 1}


def test_an_upstream_that_is_missing_is_named_with_its_night(
    raw_survey: AstridSession, instance: dg.DagsterInstance
) -> None:
    done = run(raw_survey, instance, night_report, SCIENCE_NIGHT)
    assert not done.success
    (failed,) = done.get_step_failure_events()
    said = failed.step_failure_data.error_display_string
    assert f"raw_observations for night {SCIENCE_NIGHT} is not materialised yet" in said


def test_a_night_that_was_only_reported_by_hand_counts_as_missing(
    raw_survey: AstridSession, instance: dg.DagsterInstance
) -> None:
    reported = dg.AssetMaterialization(raw_observations.key, partition=SCIENCE_NIGHT)
    instance.report_runless_asset_event(reported)
    assert not run(raw_survey, instance, night_report, SCIENCE_NIGHT).success


def test_a_late_materialisation_is_the_one_that_is_read(
    raw_survey: AstridSession, instance: dg.DagsterInstance
) -> None:
    run(raw_survey, instance, raw_observations, SCIENCE_NIGHT)
    (raw,) = raw_survey.find(tier="raw-observations", night=SCIENCE_NIGHT)
    raw_survey.exclude(raw.content_hash, "trailed")
    run(raw_survey, instance, raw_observations, SCIENCE_NIGHT)
    (event,) = run(raw_survey, instance, survey_report).get_asset_materialization_events()
    assert event.materialization.metadata["nights"].value == {SCIENCE_NIGHT: 0}
