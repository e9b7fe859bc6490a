"""The command line as a person meets it: a process, what it printed, how it ended."""

import atexit
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skies import Shot
from warm import WarmCommands

from astrid_sdk.config import child_environment

ASTRID = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
LONG = ("demo", "ui")  # what they import is not imported yet, and takes longer
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
    told = [str(word) for word in words]
    own = environment or {}
    is_short = not prelude and bool(told) and told[0] not in LONG
    if is_short and all(name.startswith("ASTRID_") for name in own):
        answer = _warm(told, own)
    else:
        answer = _cold(told, own, prelude)
    assert "Traceback" not in answer.err + answer.out, answer.err
    return answer


def _warm(words: list[str], environment: Mapping[str, str]) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        everything = child_environment({"PYTHONUTF8": "1", **environment})
        return Answer(*_commands().run(words, everything, Path(folder)))


@functools.cache
def _commands() -> WarmCommands:
    commands = WarmCommands(child_environment({"PYTHONUTF8": "1"}))
    atexit.register(commands.close)
    return commands


def _cold(words: list[str], environment: Mapping[str, str], prelude: str) -> Answer:
    done = subprocess.run(
        [sys.executable, "-c", prelude + ASTRID, *words],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=child_environment({"PYTHONUTF8": "1", **environment}),
        timeout=280,
    )
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
