"""The checks on a night."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
from defs.small_surveys import SCIENCE_NIGHT, SmallSurvey

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.session import AstridSession
from dagster_defs.checks import bytes_match_hashes, no_flood


def with_found(survey: SmallSurvey, found: int) -> Manifest:
    """Return a night's detections as if one megapixel had shown `found` new sources."""
    manifest = survey.run.manifests(survey.session, "detections")[SCIENCE_NIGHT]
    details = {"positive_unflagged": found, "megapixels": 1.0}
    return replace(manifest, items=(replace(manifest.items[0], details=details),))


def evaluated(check: dg.AssetChecksDefinition, *given: object) -> dg.AssetCheckResult:
    result = check(*given)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_sound_raw_frames_pass(small_survey: SmallSurvey) -> None:
    raw = small_survey.run.manifests(small_survey.session, "raw_observations")
    result = evaluated(bytes_match_hashes, small_survey.session, raw[SCIENCE_NIGHT])
    assert result.passed


def test_a_damaged_raw_frame_fails_with_its_name(raw_survey: AstridSession) -> None:
    raw = raw_survey.survey.raw_observations(SCIENCE_NIGHT).manifest
    blob = next(Path(raw_survey.home).rglob(raw.items[0].content_hash))
    blob.chmod(0o644)
    blob.write_bytes(b"other bytes")
    result = evaluated(bytes_match_hashes, raw_survey, raw)
    assert not result.passed
    assert raw.items[0].name in str(result.description)


def test_a_flood_of_detections_is_a_warning(small_survey: SmallSurvey) -> None:
    result = evaluated(no_flood, with_found(small_survey, 800))
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_rich_frame_is_no_flood(small_survey: SmallSurvey) -> None:
    assert evaluated(no_flood, with_found(small_survey, 100)).passed


def test_a_night_without_differences_is_no_flood() -> None:
    assert evaluated(no_flood, Manifest("detections", SCIENCE_NIGHT)).passed
