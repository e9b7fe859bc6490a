"""What ``astrid label`` promises."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import astrid_sdk
from astrid_sdk.cli.main import main


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def cutout(store: Path) -> str:
    session = astrid_sdk.connect(store)
    stored = session.cas.store_data(b"cutout", "application/fits", tier="detections", name="a.fits")
    return str(stored)


def astrid(store: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["label", *arguments, "--store", str(store)])


def test_a_label_is_said_and_shown(store: Path, cutout: str) -> None:
    done = astrid(store, cutout[:10], "real", "--author", "ada", "--comment", "sharp")
    assert (done.exit_code, done.output[:23]) == (0, f"<a.fits@{cutout[:8]}: real,"[:23])
    told = astrid(store, cutout)
    assert "real  real_bogus  ada" in told.output
    assert "sharp" in told.output
    assert astrid_sdk.connect(store).labels.current() == {cutout: "real"}


def test_a_label_is_taken_back(store: Path, cutout: str) -> None:
    astrid(store, cutout, "real")
    done = astrid(store, cutout, "--take-back")
    assert done.exit_code == 0
    assert "no label any more" in done.output
    assert astrid_sdk.connect(store).labels.current() == {}


def test_labels_come_from_a_file_and_bad_lines_are_told(
    store: Path, cutout: str, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"content_hash,label\n{cutout},real\n{'f' * 64},real\n")
    done = astrid(store, "--csv", str(path))
    assert done.exit_code == 2
    assert "line 3: nothing stored" in done.output
    done = astrid(store, "--csv", str(path), "--skip-bad")
    assert done.exit_code == 0
    assert done.output.startswith("1 labels recorded (1 real); 1 skipped")


def test_nothing_to_label_is_a_mistake(store: Path, cutout: str) -> None:
    assert cutout
    done = astrid(store)
    assert done.exit_code == 2
    assert "give a content hash and a value" in done.output
    done = astrid(store, cutout, "real", "--take-back")
    assert done.exit_code == 2
    assert "--take-back takes a content hash" in done.output
