"""What `astrid why` and `astrid impact` say of a store that the demo has filled."""

import hashlib
import json
from pathlib import Path

import pytest
from cli.conftest import FirstRun
from cli.terminal import NIGHTS, astrid, mistake


@pytest.fixture
def detections(first_run: FirstRun) -> str:
    found = astrid("find", "--role", "detections", "--store", first_run.store).out
    return found.splitlines()[1].split("@")[1][:8]


@pytest.fixture
def frame(first_run: FirstRun) -> str:
    path = first_run.images / "science" / f"{NIGHTS[0]}.fits"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_why_answers_as_an_astronomer_asks(first_run: FirstRun, detections: str) -> None:
    said = astrid("why", detections, "--store", first_run.store).out.splitlines()

    assert f"{NIGHTS[0]}.fits.detections.parquet@{detections} (night {NIGHTS[0]}" in said[0]
    assert f"from the difference image {NIGHTS[0]}.fits.difference.fits@" in said[0]
    assert any(line.startswith("The template ") and "from 2 frames " in line for line in said)
    (raw,) = [line for line in said if line.startswith("It goes back to 3 raw files")]
    assert (first_run.images / "reference" / "reference-1.fits").as_uri() in raw
    assert said[said.index("") + 1].startswith(f"{NIGHTS[0]}.fits.detections.parquet@")


def test_impact_goes_down_to_the_dataset_version(first_run: FirstRun, frame: str) -> None:
    said = astrid("impact", frame, "--store", first_run.store).out

    assert "It is behind the dataset versions transients v1." in said
    assert "1 in difference-images" in said
    assert "made by detect, as difference" in said


def test_both_are_written_for_other_tools(
    first_run: FirstRun, detections: str, tmp_path: Path
) -> None:
    files = ("--prov", tmp_path / "prov.json", "--svg", tmp_path / "picture.svg")
    answer = astrid("why", detections, "--json", *files, "--store", first_run.store)

    graph = json.loads(answer.out)
    assert graph["root"].startswith(detections)
    assert len(json.loads((tmp_path / "prov.json").read_text())["entity"]) == len(graph["nodes"])
    assert (tmp_path / "picture.svg").read_text().startswith("<svg xmlns=")


def test_a_hash_that_is_not_there_is_one_line(first_run: FirstRun) -> None:
    assert "knows nothing of" in mistake("impact", "ab" * 32, "--store", first_run.store)


def test_a_file_that_cannot_be_written_is_one_line(first_run: FirstRun, detections: str) -> None:
    line = mistake("why", detections, "--svg", "nowhere/p.svg", "--store", first_run.store)
    assert "nowhere/p.svg: No such file or directory" in line
