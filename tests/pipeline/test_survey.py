"""What the chain from raw frames to a dataset promises, on a small made-up sky."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from skies import Shot

import astrid_sdk
from astrid_sdk.config import child_environment
from astrid_sdk.pipeline.survey import ONLY_REFERENCES, Materialised
from astrid_sdk.session import AstridSession

TRANSIENT = (140.3, 97.6, 9000.0)
SCIENCE_NIGHT, REFERENCE_NIGHT = "2024-04-06", "2024-03-01"
STAGES = ("raw", "processed", "differences", "detections")

RUN = """
import json, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_survey import hashes_of, run_chain, taken_in
import astrid_sdk
if __name__ == "__main__":
    with astrid_sdk.connect("memory://") as astrid:
        taken_in(astrid, Path(sys.argv[1]))
        print(json.dumps(hashes_of(run_chain(astrid))))
"""


def write_sky(folder: Path) -> Path:
    """Write three references, two science frames of which one has a new star, and an odd one."""
    for number in range(3):
        shot = Shot(night=REFERENCE_NIGHT, noise_seed=number)
        shot.write(folder / "references" / f"ref-{number}.fits")
    Shot(night=SCIENCE_NIGHT, noise_seed=11).write(folder / "science" / "quiet é.fits")
    new = Shot(night=SCIENCE_NIGHT, noise_seed=12, transient=TRANSIENT)
    new.write(folder / "science" / "with nova.fits")
    Shot(night=SCIENCE_NIGHT, noise_seed=13, filter_band="g").write(folder / "science" / "g.fits")
    return folder


def taken_in(astrid: AstridSession, folder: Path) -> None:
    """Ingest what `write_sky` wrote."""
    astrid.ingest(folder / "references", purpose="reference")
    astrid.ingest(folder / "science")


def run_chain(astrid: AstridSession) -> dict[str, Materialised]:
    """Run every asset for every night; return what each made, by asset and night."""
    survey, made = astrid.survey, {}
    nights = survey.nights()
    for night in nights:
        made[f"raw {night}"] = survey.raw_observations(night)
    calibration = survey.calibration_frames(made[f"raw {night}"].manifest for night in nights)
    made["calibration"] = calibration
    for night in nights:
        raw = made[f"raw {night}"].manifest
        made[f"processed {night}"] = survey.processed_observations(raw, calibration.manifest)
    references = survey.reference_images(made[f"processed {night}"].manifest for night in nights)
    made["references"] = references
    for night in nights:
        processed = made[f"processed {night}"].manifest
        differences = survey.difference_images(processed, references.manifest)
        made[f"differences {night}"] = differences
        made[f"detections {night}"] = survey.detections(differences.manifest)
    return made


def hashes_of(made: dict[str, Materialised]) -> dict[str, str]:
    """Return the data version of each asset and night."""
    return {name: each.content_hash for name, each in made.items()}


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sky(tmp_path_factory.mktemp("sky"))


@pytest.fixture(scope="module")
def astrid(sky: Path) -> Iterator[AstridSession]:
    with astrid_sdk.connect("memory://") as session:
        taken_in(session, sky)
        yield session


@pytest.fixture(scope="module")
def made(astrid: AstridSession) -> dict[str, Materialised]:
    return run_chain(astrid)


def test_the_new_star_is_found_where_it_is_and_nothing_else_is_in_the_quiet_frame(
    astrid: AstridSession,
    made: dict[str, Materialised],  # noqa: ARG001 - what is looked at was made by it
) -> None:
    frame = astrid.detections(SCIENCE_NIGHT).to_pandas()
    good = frame[(frame["flags"] == 0) & ~frame["is_negative"].astype(bool)]
    best = good.sort_values("snr").iloc[-1]
    assert best["science_file"] == "with nova.fits"
    assert (best["x"], best["y"]) == pytest.approx(TRANSIENT[:2], abs=0.5)
    assert list(good[good["snr"] > 10]["science_file"]) == ["with nova.fits"]


def test_every_frame_is_an_item_or_a_skip_with_its_reason(made: dict[str, Materialised]) -> None:
    for stage in STAGES:
        manifest = made[f"{stage} {SCIENCE_NIGHT}"].manifest
        told = [item.name for item in manifest.items] + [skip.name for skip in manifest.skipped]
        assert sorted(told) == ["g.fits", "quiet é.fits", "with nova.fits"]
        assert all(skip.reason for skip in manifest.skipped)
    (skip,) = made[f"differences {SCIENCE_NIGHT}"].manifest.skipped
    assert skip.name == "g.fits"
    assert "no template of this field in filter g" in skip.reason


def test_a_night_of_references_alone_says_so(made: dict[str, Materialised]) -> None:
    for stage in ("differences", "detections"):
        manifest = made[f"{stage} {REFERENCE_NIGHT}"].manifest
        assert (manifest.items, manifest.notes) == ((), (ONLY_REFERENCES,))


def test_running_again_computes_nothing_and_gives_the_same_versions(
    astrid: AstridSession, made: dict[str, Materialised]
) -> None:
    again = run_chain(astrid)
    assert hashes_of(again) == hashes_of(made)
    assert [each.executed for each in again.values()] == [0] * len(again)


def test_the_lineage_of_a_dataset_goes_back_to_the_raw_files(
    astrid: AstridSession, made: dict[str, Materialised]
) -> None:
    nights = {SCIENCE_NIGHT: made[f"detections {SCIENCE_NIGHT}"].manifest}
    version = astrid.version_detections("sn-test", nights).version
    told = astrid.why(version.manifest_hash)
    assert [node.name for node in told.raw()] == [
        "quiet é.fits",
        "ref-0.fits",
        "ref-1.fits",
        "ref-2.fits",
        "with nova.fits",
    ]
    assert all(node.origin.startswith("file:///") for node in told.raw())
    (left_out,) = astrid.datasets.manifest("sn-test").left_out
    assert (left_out.night, left_out.reason) == (
        REFERENCE_NIGHT,
        "its detections are not materialised",
    )


def test_an_excluded_frame_is_left_out_with_its_reason_and_comes_back(
    astrid: AstridSession, made: dict[str, Materialised]
) -> None:
    before = made[f"raw {SCIENCE_NIGHT}"]
    quiet = next(item for item in before.manifest.items if item.name == "quiet é.fits")
    astrid.exclude(quiet.content_hash, "trailed")
    without = astrid.survey.raw_observations(SCIENCE_NIGHT).manifest
    assert [(skip.name, skip.reason) for skip in without.skipped] == [
        ("quiet é.fits", "excluded: trailed")
    ]
    astrid.include(quiet.content_hash)
    assert astrid.survey.raw_observations(SCIENCE_NIGHT).content_hash == before.content_hash


def test_another_folder_clock_and_hash_seed_give_the_same_bytes(
    sky: Path, made: dict[str, Materialised], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "an other place"
    shutil.copytree(sky, elsewhere)
    script = tmp_path / "run.py"
    script.write_text(RUN)
    tests = Path(__file__).parents[1]
    environment = child_environment(
        {
            "PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)]),
            "PYTHONHASHSEED": "71",
            "TZ": "Pacific/Auckland",
            "OMP_NUM_THREADS": "1",
        }
    )
    command = [sys.executable, str(script), str(elsewhere), str(Path(__file__).parent)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == hashes_of(made)
