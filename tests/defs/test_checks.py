"""The checks on a night."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
from astropy.io import fits
from defs.small_surveys import SCIENCE_NIGHT, SmallSurvey

import astrid_sdk
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.session import AstridSession
from astrid_sdk.sky.cutouts import Triplet
from dagster_defs.assets.datasets import DATASET_ID
from dagster_defs.checks import bytes_match_hashes, no_flood, no_leakage


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


def versioned(folder: Path, *, copies: bool) -> AstridSession:
    """Return a store with a version of twenty samples, each twice where there are copies."""
    session = astrid_sdk.connect(folder)
    files = []
    for number in range(40):
        seed = number // 2 if copies else number
        planes = np.random.default_rng(seed).normal(size=(3, 21, 21)).astype(np.float32)
        header = fits.Header([("NUMBER", number)])
        triplet = Triplet(planes[0], planes[1], planes[2], header)
        name = f"{number:02d}.fits"
        stored = session.cas.store_data(
            triplet.to_fits(), "application/fits", tier="detections", name=name
        )
        files.append(DatasetFile(str(stored), name, "detections", "triplet"))
    session.datasets.version(DATASET_ID, files)
    return session


def test_a_split_that_leaks_fails_with_what_leaks(tmp_path: Path) -> None:
    result = evaluated(no_leakage, versioned(tmp_path, copies=True))
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "the same pixels" in str(result.description)
    assert ".fits (train) and " in str(result.description)


def test_a_split_without_leaks_passes_and_shows_itself(tmp_path: Path) -> None:
    result = evaluated(no_leakage, versioned(tmp_path, copies=False))
    assert result.passed
    assert "split of transients@" in str(result.description)
    assert result.metadata["train"].value == 28


def test_a_version_that_cannot_be_split_is_a_warning_with_the_reason(
    small_survey: SmallSurvey,
) -> None:
    result = evaluated(no_leakage, small_survey.session)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "cannot be on 3 sides" in str(result.description)
