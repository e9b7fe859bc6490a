"""docs/REST.md: every line that it shows works."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from api.serving_process import serving

from astrid_sdk.api.problems import TYPE
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.config import child_environment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "REST.md"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_line_of_the_page_works(tmp_path: Path, require: Callable[[str], NoReturn]) -> None:
    if shutil.which("curl") is None:
        require("no curl on this machine")
    script = "set -e\n" + "\n".join(SHELL.findall(PAGE.read_text()))
    with serving(tmp_path / "store") as process:
        answer = subprocess.run(
            ["bash", "-x", "-c", script],
            cwd=tmp_path,
            env=child_environment(
                {
                    "ASTRID": process.url,
                    "ASTRID_STORE": str(tmp_path / "store"),
                    "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
                }
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "404"
    assert TYPE not in answer.stdout.replace("not_found", "")


@pytest.mark.parametrize("name", ApiSettings.__dataclass_fields__)
def test_every_setting_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text()
