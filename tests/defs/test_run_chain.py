"""The chain through the real assets, in this process."""

import multiprocessing
import threading
from pathlib import Path

import dagster as dg
import pytest
from defs.small_surveys import LATE_NIGHT, SCIENCE_NIGHT, SmallSurvey

from astrid_sdk.cli.dagster_runs import instance_folder, run_chain
from astrid_sdk.datasets.manifest import LeftOut
from astrid_sdk.errors import AstridError
from astrid_sdk.session import AstridSession


def quiet(_done: int, _total: int, _said: str) -> None:
    """Say nothing."""


def test_a_new_source_goes_through_all_tiers(small_survey: SmallSurvey) -> None:
    (item,) = small_survey.run.manifests(small_survey.session, "detections")[SCIENCE_NIGHT].items
    assert item.details["positive_unflagged"] == 1
    assert small_survey.run.executed > 0
    assert small_survey.run.dataset_is_new


def test_the_same_nights_again_execute_nothing_and_say_nothing(
    small_survey: SmallSurvey, capfd: pytest.CaptureFixture[str]
) -> None:
    others = set(threading.enumerate())
    again = run_chain(small_survey.session, small_survey.nights, quiet)
    assert (again.executed, again.dataset_is_new) == (0, False)
    hashes = [made.content_hash for made in again.materialisations]
    assert hashes == [made.content_hash for made in small_survey.run.materialisations]
    assert capfd.readouterr() == ("", "")
    assert set(threading.enumerate()) <= others
    assert not multiprocessing.active_children()


def test_progress_names_the_assets_and_the_night(small_survey: SmallSurvey) -> None:
    assert small_survey.progress[0] == "raw_observations 2024-04-01"
    assert "difference_images, detections 2024-04-05" in small_survey.progress
    assert small_survey.progress[-1] == ""


def test_dagster_knows_every_stored_night_and_sends_no_telemetry(
    small_survey: SmallSurvey,
) -> None:
    folder = instance_folder(small_survey.session)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        nights = instance.get_dynamic_partitions("night")
        assert nights == [*small_survey.nights, LATE_NIGHT]
        assert not instance.telemetry_enabled


def test_a_night_that_is_not_materialised_is_listed_as_left_out(
    small_survey: SmallSurvey,
) -> None:
    manifest = small_survey.session.datasets.manifest("transients")
    assert LeftOut(LATE_NIGHT, "its detections are not materialised") in manifest.left_out


def test_a_damaged_raw_frame_ends_the_chain_with_our_error(raw_survey: AstridSession) -> None:
    (raw,) = raw_survey.find(tier="raw-observations", night=SCIENCE_NIGHT)
    blob = next(Path(raw_survey.home).rglob(raw.content_hash))
    blob.chmod(0o644)
    blob.write_bytes(b"other bytes")
    with pytest.raises(AstridError, match=raw.content_hash[:8]):
        run_chain(raw_survey, [SCIENCE_NIGHT], quiet)
