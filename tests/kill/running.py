"""Running a sweep in a process of its own, whose forks then have one thread."""

import json
import os
import subprocess
import sys
from pathlib import Path

from astrid_sdk.config import child_environment

HERE = Path(__file__).parent


def places_killed(script: str, folder: Path) -> list[str]:
    """Run a sweep's script, which must succeed; return where it killed."""
    answer = subprocess.run(
        [sys.executable, str(HERE / script), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment({"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE.parents[1]}"}),
    )
    assert answer.returncode == 0, answer.stderr
    found: list[str] = json.loads(answer.stdout)
    return found
