"""The demo on an R2 bucket: the same code, the same hashes."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli.terminal import Answer, astrid, demo, mistake, read_facts, write_images
from servers import MotoServer, R2Simulator

from astrid_sdk.config import StorageConfig


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The images, and the facts of the demo on an embedded store."""
    folder = tmp_path_factory.mktemp("embedded")
    images = write_images(folder / "images")
    return images, demo(images, folder / "store")[1]


def environment(config: StorageConfig) -> dict[str, str]:
    """Return the variables that lead to the bucket of `config`."""
    return {
        "ASTRID_R2_ACCOUNT_ID": config.r2_account_id,
        "ASTRID_R2_ACCESS_KEY_ID": config.r2_access_key_id,
        "ASTRID_R2_SECRET_ACCESS_KEY": config.secret_access_key.reveal(),
        "ASTRID_R2_BUCKET_NAME": config.r2_bucket_name,
        "ASTRID_R2_ENDPOINT_URL": config.endpoint_url,
        "ASTRID_R2_REGION": config.r2_region,
    }


def demo_on(config: StorageConfig, images: Path) -> tuple[Answer, dict[str, Any]]:
    answer = astrid(
        *("demo", "--images", images, "--json", "facts.json"), environment=environment(config)
    )
    assert answer.code == 0, answer
    return answer, read_facts(Path("facts.json"))


def assert_same(facts: dict[str, Any], expected: dict[str, Any]) -> None:
    for key in ("content_hashes", "dataset_version", "nights", "detections", "tiers"):
        assert facts[key] == expected[key]
    assert facts["steps_executed"] == expected["steps_executed"]


def test_a_bucket_that_is_not_there_is_made_and_gets_the_same_hashes(
    moto_server: MotoServer, embedded: tuple[Path, dict[str, Any]]
) -> None:
    images, expected = embedded
    config = moto_server.config("demo-on-r2")

    answer, facts = demo_on(config, images)

    assert_same(facts, expected)
    assert f"bucket {config.r2_bucket_name}" in answer.out
    assert config.secret_access_key.reveal() not in answer.out + answer.err + json.dumps(facts)

    again, facts = demo_on(config, images)
    assert facts["steps_executed"] == 0
    assert "0 executed" in again.out


@pytest.mark.simulator
def test_cloudflares_own_simulator_gets_the_same_hashes(
    r2_simulator: R2Simulator, embedded: tuple[Path, dict[str, Any]]
) -> None:
    images, expected = embedded

    _, facts = demo_on(r2_simulator.config(r2_simulator.buckets[2]), images)

    assert_same(facts, expected)


@pytest.mark.simulator
def test_wrong_credentials_are_one_line_without_secrets(
    r2_simulator: R2Simulator, embedded: tuple[Path, dict[str, Any]]
) -> None:
    config = r2_simulator.config(r2_simulator.buckets[2])
    wrong = environment(config) | {"ASTRID_R2_SECRET_ACCESS_KEY": "wrong-one"}

    line = mistake("demo", "--images", embedded[0], environment=wrong)

    assert "wrong-one" not in line
    assert "credentials" in line
