"""What `astrid demo` makes of files it cannot use: each is named with its reason."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from cli.conftest import FirstRun
from cli.terminal import NIGHTS, TRUTH_HEAD, Answer, demo
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skies import Shot

Copy = Callable[[], tuple[Path, Path]]
ODD_NAME = "Größe des Nebels é.fits"
BOMB_MIB = 640
REASONS = {
    "truncated.fits": "truncated",
    "text.fits": "not a FITS file",
    "zero.fits": "empty",
    "no partner.fits": "could not be brought together",
    "blank.fits": "no pixel with a value",
    "huge.fits": "200000 x 200000",
    "bomb.fits.gz": "unpacks to more than",
    "twin.fits": "the same bytes as",
    ".fits": "begins with a dot",
}


def write_bad(folder: Path) -> None:
    """Write a file of each bad kind into `folder`, and a good one with an odd name."""
    good = Shot(night=NIGHTS[0], noise_seed=10).to_bytes()
    huge = _card(_card(good, "NAXIS1", 256, 200000), "NAXIS2", 256, 200000)
    (folder / "truncated.fits").write_bytes(good[: len(good) // 2])
    (folder / "text.fits").write_text("no image\n")
    (folder / ".fits").write_text("no image\n")
    (folder / "zero.fits").touch()
    (folder / "huge.fits").write_bytes(huge)
    _write_bomb(folder / "bomb.fits.gz", huge[:2880])
    shutil.copy(folder / f"{NIGHTS[0]}.fits", folder / "twin.fits")
    fits.writeto(folder / "no partner.fits", _another_sky(), fits.Header({"FILTER": "r"}))
    fits.writeto(folder / "blank.fits", np.full((256, 256), np.nan, np.float32))
    Shot(night="2024-04-09", noise_seed=12).write(folder / ODD_NAME)


def _another_sky() -> NDArray[np.float32]:
    random = np.random.default_rng(8)
    sky = np.zeros((256, 256))
    sky[tuple(random.integers(8, 248, (2, 60)))] = 10 ** random.uniform(3.7, 5.0, 60)
    noise = random.normal(400.0, 20.0, sky.shape)
    return np.asarray(gaussian_filter(sky, 1.5) + noise, np.float32)


def _card(content: bytes, key: str, old: int, new: int) -> bytes:
    before, after = (f"{key:<8}= {value:>20}".encode() for value in (old, new))
    assert before in content
    return content.replace(before, after)


def _write_bomb(path: Path, head: bytes) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(BOMB_MIB):
            file.write(bytes(1 << 20))


@pytest.fixture(scope="module")
def bad_run(
    tmp_path_factory: pytest.TempPathFactory, first_run: FirstRun
) -> tuple[Path, Answer, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("bad")
    images = shutil.copytree(first_run.images, folder / "images")
    store = shutil.copytree(first_run.store, folder / "store")
    write_bad(images / "science")
    answer, facts = demo(images, store)
    return images / "science", answer, facts


def test_each_bad_file_is_named_with_its_reason(
    bad_run: tuple[Path, Answer, dict[str, Any]],
) -> None:
    _, answer, facts = bad_run
    told = {skip["name"]: skip["reason"] for skip in facts["skipped"]}

    assert told.keys() == REASONS.keys()
    for name, reason in REASONS.items():
        assert reason in told[name]
    assert f"{len(REASONS)} skipped" in answer.out
    for name in REASONS:
        assert name in answer.out


def test_bad_files_are_left_where_they_are(bad_run: tuple[Path, Answer, dict[str, Any]]) -> None:
    folder, _, _ = bad_run

    assert all((folder / name).exists() for name in REASONS)


def test_the_rest_is_processed_an_odd_name_too(
    bad_run: tuple[Path, Answer, dict[str, Any]], first_run: FirstRun
) -> None:
    _, answer, facts = bad_run
    nights = {night["night"]: night for night in facts["nights"]}

    for before in first_run.facts["nights"]:
        assert nights[before["night"]]["found"] == before["found"]
    assert nights["2024-04-09"]["science_files"] == [ODD_NAME]
    assert set(facts["content_hashes"]) > set(first_run.facts["content_hashes"]) - _manifests(
        first_run
    )
    assert answer.code == 0


def _manifests(run: FirstRun) -> set[str]:
    """Return what need not be in a store that was filled with more: its lists of contents."""
    import astrid_sdk  # noqa: PLC0415 - the other tests need no session

    with astrid_sdk.connect(run.store) as session:
        rows = session.find(include_excluded=True)
        return {row.content_hash for row in rows if row.tier in {"artifacts", "datasets"}}


def test_a_folder_in_which_nothing_can_be_used_ends_with_its_reasons(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.fits").write_text("no image\n")
    (images / "b.fits").touch()

    answer, facts = demo(images, tmp_path / "store")

    assert {skip["name"] for skip in facts["skipped"]} == {"a.fits", "b.fits"}
    assert (facts["nights"], facts["detections"], facts["pictures"]) == ([], [], [])
    assert "2 skipped" in answer.out
    assert "No frame was searched" in answer.out


def test_a_frame_in_both_folders_and_truth_of_none_are_told(copied: Copy) -> None:
    images, store = copied()
    shutil.copy(images / "reference" / "reference-0.fits", images / "science" / "again.fits")
    with (images / "truth.csv").open("a", encoding="utf-8") as truth:
        truth.write("elsewhere.fits,1,1,,,9,field\nelsewhere.fits,9,9,,,9,field\n")

    answer, facts = demo(images, store)

    (skip,) = facts["skipped"]
    assert skip["name"] == "again.fits"
    assert "the same bytes as the reference reference-0.fits" in skip["reason"]
    assert "2 sources of elsewhere.fits not scored" in " ".join(answer.out.split())
    assert sum(night["injected"] for night in facts["nights"]) == 2


def test_a_corrupt_truth_leaves_the_finds_unscored_and_says_where_it_is_wrong(
    copied: Copy, first_run: FirstRun
) -> None:
    images, store = copied()
    (images / "truth.csv").write_text(f"{TRUTH_HEAD}\na.fits,12,far right,,,9,field\n")

    answer, facts = demo(images, store)

    assert "truth.csv is not used, nothing is scored: truth.csv line 2, column y" in answer.out
    assert facts["nights"][0]["injected"] is None
    assert facts["detections"] == first_run.facts["detections"]
