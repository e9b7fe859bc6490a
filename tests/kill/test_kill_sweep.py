"""A process may be killed anywhere: nothing acknowledged is lost, and a rerun makes it good."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SWEEP = Path(__file__).with_name("sweep.py")


@pytest.mark.parametrize(
    ("job", "least"), [("store_data", 2), ("store_file", 11), ("store_files", 9), ("drain", 6)]
)
def test_a_kill_at_any_operation_loses_nothing_acknowledged(
    job: str, least: int, tmp_path: Path
) -> None:
    answer = subprocess.run(
        [sys.executable, str(SWEEP), job, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    killed = json.loads(answer.stdout)
    assert len(killed) >= 2 * least
    assert killed[-1].endswith(" after")
