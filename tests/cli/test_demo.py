"""What `astrid demo` promises on good images."""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cli.conftest import FirstRun
from cli.terminal import NIGHTS, NOVA, SECOND_NOVA, astrid, demo, read_facts
from PIL import Image
from skies import Shot

from astrid_sdk.pipeline.truth import DetectedPosition, read_truth, score_night

KEYS = {
    *("tiers", "nights", "content_hashes", "dataset_version", "steps_executed", "steps_reused"),
    *("skipped", "pictures", "detections", "elapsed_s"),
}
NIGHT_KEYS = {
    *("night", "megapixels", "injected", "found", "injected_snr10", "found_snr10"),
    "false_positives",
}
DETECTION_KEYS = {"night", "science_file", "x", "y", "ra_deg", "dec_deg", "snr", "flags"}
FIVE_TIERS = (
    *("raw-observations", "processed-observations", "difference-images", "detections"),
    "datasets",
)
# Another clock: for gzip and the like, and wherever our code asks for the date.
ANOTHER_CLOCK = """
import datetime, time
from astrid_sdk.catalog.steps import derivation
from astrid_sdk.datasets import registry
from astrid_sdk.storage import records
real = time.time
time.time = lambda: real() + 40_000_000
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(days=463)
for module in (derivation, registry, records):
    assert module.datetime is datetime.datetime
    module.datetime = Later
"""


def test_the_facts_have_the_promised_keys(first_run: FirstRun) -> None:
    facts = first_run.facts

    assert facts.keys() >= KEYS
    assert all(night.keys() >= NIGHT_KEYS for night in facts["nights"])
    assert all(found.keys() >= DETECTION_KEYS for found in facts["detections"])
    for tier in FIVE_TIERS:
        assert facts["tiers"][tier]["count"] > 0
        assert facts["tiers"][tier]["bytes"] > 0
    assert facts["content_hashes"] == sorted(set(facts["content_hashes"]))
    assert (facts["dataset_version"], facts["skipped"]) == ("v1", [])
    assert facts["steps_executed"] > 0
    assert facts["elapsed_s"] > 0


def test_new_stars_are_found_where_they_are(first_run: FirstRun) -> None:
    for night, (x, y, _) in zip(NIGHTS, (NOVA, SECOND_NOVA), strict=True):
        here = [d for d in first_run.facts["detections"] if d["night"] == night]
        assert any(math.hypot(d["x"] - x, d["y"] - y) < 1.0 for d in here)
    for night in first_run.facts["nights"]:
        assert (night["injected"], night["found"], night["found_snr10"]) == (1, 1, 1)


def test_anyone_can_recompute_the_score_from_the_facts(first_run: FirstRun) -> None:
    truth = read_truth(first_run.images / "truth.csv")
    for night in first_run.facts["nights"]:
        positions = [
            DetectedPosition(
                d["science_file"], d["x"], d["y"], d["snr"], d["is_negative"], d["flags"]
            )
            for d in first_run.facts["detections"]
            if d["night"] == night["night"]
        ]
        good = {name: np.ones((256, 256), bool) for name in night["science_files"]}
        score = score_night(truth, positions, good, night=night["night"])
        assert score.found == night["found"]
        assert score.false_positives == night["false_positives"]


def test_the_pictures_are_there(first_run: FirstRun) -> None:
    assert len(first_run.facts["pictures"]) >= 2
    for path in first_run.facts["pictures"]:
        assert Path(path).is_relative_to(first_run.store)
        with Image.open(path) as picture:
            assert picture.width > 2 * picture.height  # three stamps in a row


def test_the_summary_says_what_a_person_wants_to_know(first_run: FirstRun) -> None:
    said = first_run.answer.out

    for word in (*FIVE_TIERS, *NIGHTS, "injected", "found", "missed", "false", "elapsed"):
        assert word in said
    assert re.search(r"pictures +\d+ PNG in ", said)
    assert re.search(r"dataset +transients v1 \(new\)", said)
    assert re.search(rf"{NIGHTS[0]} found +SNR 40\.0", said)
    assert len(re.findall(r"^  astrid (ui|find|why) --store ", said, re.MULTILINE)) == 3


def test_the_next_commands_work(first_run: FirstRun) -> None:
    commands = re.findall(r"^  astrid ((?:find|why) .*?)   #", first_run.answer.out, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        answer = astrid(*command.split())
        assert answer.code == 0
        assert f"{NIGHTS[0]}.fits" in answer.out


def test_the_summary_fits_80_columns_and_has_no_colour_codes_in_a_pipe(first_run: FirstRun) -> None:
    said = first_run.answer.out + first_run.answer.err

    assert "\x1b" not in said
    for line in said.splitlines():
        if not line.startswith(("pictures ", "store ", "  astrid ")):  # paths are never broken
            assert len(line) <= 80
    assert "…" not in said  # no column was cut


def test_without_a_terminal_progress_is_a_line_per_stage(first_run: FirstRun) -> None:
    stages = first_run.answer.err.splitlines()[-3:]

    assert stages == ["storing ...", "searching ...", "reporting ..."]


def test_a_second_run_executes_no_step_and_says_so(
    copied: Callable[[], tuple[Path, Path]], first_run: FirstRun
) -> None:
    images, store = copied()
    of_another_detector = store / "pictures" / NIGHTS[0] / f"{NIGHTS[0]}.fits-019.png"
    of_another_detector.write_bytes(b"old")

    answer, facts = demo(images, store, ASTRID_R2_BUCKET_NAME="never-asked")

    assert "0 executed" in answer.out
    assert "unchanged, no new version" in answer.out
    assert facts["steps_executed"] == 0
    assert facts["steps_reused"] == first_run.facts["steps_executed"]
    for key in ("content_hashes", "dataset_version", "detections", "tiers", "nights"):
        assert facts[key] == first_run.facts[key]
    assert not of_another_detector.exists()
    # The folder that was asked for wins over R2, as in connect(), and that is said.
    assert f"--store is given: the folder {store} is used, not R2" in answer.err
    assert not Path(".astrid").exists()


def test_another_empty_store_gets_the_same_hashes(tmp_path: Path, first_run: FirstRun) -> None:
    elsewhere = shutil.copytree(first_run.images, tmp_path / "an other folder é" / "images")

    _, facts = demo(
        elsewhere,
        tmp_path / "store",
        prelude=ANOTHER_CLOCK,
        PYTHONHASHSEED="4242",
        TZ="Pacific/Auckland",
        OMP_NUM_THREADS="1",
    )

    assert facts["steps_executed"] == first_run.facts["steps_executed"]
    assert facts["content_hashes"] == first_run.facts["content_hashes"]
    assert facts["dataset_version"] == first_run.facts["dataset_version"] == "v1"


def test_a_renamed_frame_is_scored_under_its_name_now(
    copied: Callable[[], tuple[Path, Path]], first_run: FirstRun
) -> None:
    images, store = copied()
    old = images / "science" / f"{NIGHTS[0]}.fits"
    (images / "science" / "sub").mkdir()
    old.rename(images / "science" / "sub" / "renamed.fits")
    truth = (images / "truth.csv").read_text(encoding="utf-8")
    truth = truth.replace(f"{NIGHTS[0]}.fits", "renamed.fits")
    (images / "truth.csv").write_text(truth, encoding="utf-8")

    _, facts = demo(images, store)

    assert facts["nights"][0]["science_files"] == ["sub/renamed.fits"]
    assert facts["nights"][0]["found"] == 1
    assert facts["content_hashes"] == first_run.facts["content_hashes"]


def test_a_flat_folder_is_split_by_date_and_filter_and_its_finds_are_listed(
    tmp_path: Path,
) -> None:
    images = tmp_path / "flat"
    for band, new in (("r", NOVA), ("g", SECOND_NOVA)):
        for number, night in enumerate(("2024-03-01", "2024-03-01", "2024-04-05")):
            transient = new if night == "2024-04-05" else None
            shot = Shot(night=night, noise_seed=number, filter_band=band, transient=transient)
            shot.write(images / f"{band}{number}.fits")

    answer, facts = demo(images, tmp_path / "store")

    assert "filter r: 2 reference (2024-03-01), 1 science (2024-04-05)" in answer.err
    assert "filter g: 2 reference (2024-03-01), 1 science (2024-04-05)" in answer.err
    (night,) = facts["nights"]
    assert sorted(night["science_files"]) == ["g2.fits", "r2.fits"]
    assert night["injected"] is night["found"] is night["false_positives"] is None
    assert re.search(r"x 140\.\d +y 97\.\d +SNR \d+\.\d  2024-04-05/r2\.fits-001\.png", answer.out)
    assert "injected" not in answer.out


def test_the_default_demo_scores_three_simulated_nights_and_repeats_nothing(
    demo_store: Path, tmp_path: Path
) -> None:
    store = shutil.copytree(demo_store, tmp_path / "store")

    answer = astrid("demo", "--store", store, "--json", "facts.json")

    assert answer.code == 0
    facts = read_facts(tmp_path / "facts.json")
    assert (facts["steps_executed"], facts["dataset_version"], facts["skipped"]) == (0, "v1", [])
    assert len(facts["nights"]) == 3
    for night in facts["nights"]:
        assert night["injected"] >= 12
        assert night["megapixels"] > 0.9
        assert night["found_snr10"] >= 0.8 * night["injected_snr10"] > 0
    assert "simulating" in answer.err
    assert "drawing" not in answer.err
