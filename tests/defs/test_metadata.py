"""What an operator sees of a materialisation."""

from typing import Any

import dagster as dg
import pytest
from defs.small_surveys import SCIENCE_NIGHT, SmallSurvey

from astrid_sdk.cli.dagster_runs import instance_folder

NUMBERS = [
    "items",
    "dagster/row_count",
    "found",
    "faded",
    "flagged",
    "megapixels",
    "found_per_megapixel",
    "size_bytes",
    "skipped",
    "steps_executed",
    "steps_reused",
]
MAX_PREVIEW_BYTES = 100_000


def materialisation(survey: SmallSurvey, asset: str, night: str | None) -> Any:
    wanted = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(asset), asset_partitions=None if night is None else [night]
    )
    with dg.DagsterInstance.from_config(str(instance_folder(survey.session))) as instance:
        (record,) = instance.fetch_materializations(wanted, limit=1).records
    return record.asset_materialization


def hashes(table: Any) -> list[str]:
    return [str(record.data["content_hash"]) for record in table.records]


def test_numbers_come_first_then_the_picture_then_the_tables(small_survey: SmallSurvey) -> None:
    metadata = materialisation(small_survey, "detections", SCIENCE_NIGHT).metadata
    rest = ["content_hash", "manifest", "preview", "contents", "upstream_hashes"]
    assert list(metadata) == NUMBERS + rest
    assert all(isinstance(metadata[name].value, int | float) for name in NUMBERS)


def test_the_data_version_is_the_content_hash_of_the_manifest(small_survey: SmallSurvey) -> None:
    shown = materialisation(small_survey, "detections", SCIENCE_NIGHT)
    content_hash = shown.metadata["content_hash"].value
    assert shown.tags["dagster/data_version"] == content_hash
    assert shown.metadata["manifest"].value.endswith(
        f"artifacts/sha256/{content_hash[:2]}/{content_hash}"
    )


def test_upstream_hashes_name_what_was_read(small_survey: SmallSurvey) -> None:
    above = materialisation(small_survey, "difference_images", SCIENCE_NIGHT).metadata
    below = materialisation(small_survey, "detections", SCIENCE_NIGHT).metadata
    assert hashes(below["upstream_hashes"].value) == [
        above["content_hash"].value,
        *hashes(above["contents"].value),
    ]


@pytest.mark.parametrize("asset", ["raw_observations", "difference_images", "detections"])
def test_the_preview_is_small(small_survey: SmallSurvey, asset: str) -> None:
    preview = materialisation(small_survey, asset, SCIENCE_NIGHT).metadata["preview"].value
    assert "data:image/png;base64," in preview
    assert len(preview) < MAX_PREVIEW_BYTES


def test_a_night_without_science_says_why_it_has_no_differences(
    small_survey: SmallSurvey,
) -> None:
    metadata = materialisation(small_survey, "difference_images", "2024-04-01").metadata
    assert metadata["items"].value == 0
    assert "its frames are references" in metadata["notes"].value
    assert "preview" not in metadata


def test_a_dataset_version_lists_what_it_left_out(small_survey: SmallSurvey) -> None:
    metadata = materialisation(small_survey, "datasets", None).metadata
    assert metadata["version"].value == 1
    assert metadata["nights_left_out"].value == 2
    assert len(metadata["left_out"].value.records) == 2
