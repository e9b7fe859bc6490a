"""The command line as a person meets it: a process, what it printed, how it ended."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skies import Shot

from astrid_sdk.config import child_environment

ASTRID = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
TRUTH_HEAD = "science_file,x,y,ra_deg,dec_deg,snr,kind"
NOVA = (140.3, 97.6, 9000.0)
SECOND_NOVA = (61.2, 180.4, 7000.0)
NIGHTS = ("2024-04-05", "2024-04-08")


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


def astrid(
    *words: str | Path, environment: Mapping[str, str] | None = None, prelude: str = ""
) -> Answer:
    """Run ``astrid`` with `words` in the current folder; its output is no terminal."""
    done = subprocess.run(
        [sys.executable, "-c", prelude + ASTRID, *map(str, words)],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=child_environment({"PYTHONUTF8": "1", **(environment or {})}),
        timeout=280,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def mistake(*words: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command that must end with exit code 2 and one line; return the line."""
    answer = astrid(*words, environment=environment)
    assert (answer.code, answer.out) == (2, ""), answer
    (line,) = answer.err.splitlines()
    return line


def demo(
    images: Path, store: Path, *words: str | Path, prelude: str = "", **environment: str
) -> tuple[Answer, dict[str, Any]]:
    """Run ``astrid demo`` on `images`; return what it printed and the facts it wrote."""
    facts = store.with_name(f"{store.name}.json")
    command = ("demo", "--images", images, "--store", store, "--json", facts, *words)
    answer = astrid(*command, environment=environment, prelude=prelude)
    assert answer.code == 0, answer
    return answer, read_facts(facts)


def read_facts(path: Path) -> dict[str, Any]:
    """Return what ``--json`` wrote."""
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def write_images(folder: Path) -> Path:
    """Write two references, two science frames with a new star each, and the truth."""
    for number in range(2):
        shot = Shot(night="2024-03-01", noise_seed=number)
        shot.write(folder / "reference" / f"reference-{number}.fits")
    rows = [TRUTH_HEAD]
    for seed, (night, new) in enumerate(zip(NIGHTS, (NOVA, SECOND_NOVA), strict=True), 10):
        shot = Shot(night=night, noise_seed=seed, transient=new)
        shot.write(folder / "science" / f"{night}.fits")
        rows.append(f"{night}.fits,{new[0]},{new[1]},,,40.0,field")
    (folder / "truth.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
