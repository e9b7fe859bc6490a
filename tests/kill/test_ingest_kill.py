"""An ingest may be killed anywhere: what was acknowledged is whole, and a rerun completes it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kill.running import places_killed
from skies import Shot

import astrid_sdk

FILES = 1_050
LEAST_OPERATIONS = 6  # a near store looks itself whether a body stands: that is none of ours
RUN = """
import sys, astrid_sdk
from astrid_sdk.catalog.ingest import looking
looking.PROCESSES_FROM_FILES = 10
with astrid_sdk.connect(sys.argv[2]) as astrid:
    print(astrid.ingest(sys.argv[1]), flush=True)
"""


def test_a_kill_at_any_operation_leaves_nothing_half_there_and_a_rerun_completes_it(
    tmp_path: Path,
) -> None:
    assert len(places_killed("ingest_sweep.py", tmp_path)) >= 2 * LEAST_OPERATIONS


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """More files than go into one batch, different in a few bytes."""
    whole = bytearray(Shot(size_px=16).to_bytes())
    folder = tmp_path / "night"
    folder.mkdir()
    for number in range(FILES):
        whole[-1000:-996] = number.to_bytes(4, "big")
        (folder / f"{number:04}.fits").write_bytes(whole)
    return folder


def test_a_run_with_processes_that_is_killed_again_and_again_is_completed(
    night: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    command = [sys.executable, "-c", RUN, str(night), str(store)]
    for blobs in (1, 1_001):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as run:
            _wait_for_blobs(store, blobs, run)
            run.kill()
        _wait_for_the_end_of_group(run.pid)
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{FILES} stored" in answer.stdout or "already there, 0 skipped" in answer.stdout
    with astrid_sdk.connect(store) as astrid:
        rows = list(astrid.find())
        assert sorted(row.name for row in rows) == [f"{number:04}.fits" for number in range(FILES)]
        assert len(astrid.catalog.records()) == FILES
        astrid.cas.retrieve_data(rows[-1].content_hash)


def _wait_for_blobs(store: Path, count: int, run: "subprocess.Popen[bytes]") -> None:
    while run.poll() is None:
        blobs = sum(1 for path in store.glob("*/raw-observations/sha256/*/*") if path.is_file())
        if blobs >= count:
            return
        time.sleep(0.02)


def _wait_for_the_end_of_group(group: int) -> None:
    """Its processes end with it: nothing is left that reads."""
    for _ in range(400):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-group, os.WNOHANG)
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        if not _runs_in(group):
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("processes of a killed run went on")


def _runs_in(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False
