"""The README's lines about storage do what they say."""

import csv
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from click.testing import CliRunner
from skies import Shot

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.steps.comparing import Verdict
from astrid_sdk.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def block(word: str) -> str:
    """Return the README's Python example that has `word`."""
    examples: list[str] = BLOCK.findall((ROOT / "README.md").read_text())
    return next(text for text in examples if word in text)


def commands() -> Iterator[str]:
    """Yield the README's lines for a shell that call ``astrid``."""
    for text in SHELL.findall((ROOT / "README.md").read_text()):
        yield from (line for line in text.splitlines() if line.startswith(".venv/bin/astrid "))


def test_storage_by_itself(tmp_path: Path) -> None:
    nights = tmp_path / "nights"
    nights.mkdir()
    (nights / "one.fits").write_bytes(Shot().to_bytes())
    said: dict[str, Any] = {}
    exec(block("store_files"), said)  # noqa: S102 - our own page
    astrid, content_hash = said["astrid"], said["content_hash"]
    assert (tmp_path / "copy.fits").read_bytes() == Shot().to_bytes()
    assert astrid.cas.read_range(content_hash, 0, 6) == b"SIMPLE"
    with astrid.cas.open(content_hash) as file, fits.open(file) as hdus:
        assert hdus[0].data.shape == (Shot().size_px, Shot().size_px)
    assert any(key.endswith(content_hash) for key in astrid.r2.list_files(astrid.bucket, "raw-"))
    astrid.close()


def test_what_do_we_have_and_why(tmp_path: Path) -> None:
    folder = tmp_path / "nights" / "one"
    folder.mkdir(parents=True)
    for number in range(2):
        shot = Shot(night=f"2024-0{number + 3}-05", noise_seed=number)
        shot.write(folder / f"{number}.fits")
    code = block("astrid.pairs(")
    page = tmp_path / "example.py"  # a step's source is read from its file
    page.write_text(code)
    said: dict[str, Any] = {}
    exec(compile(code, str(page), "exec"), said)  # noqa: S102 - our own page
    astrid, made, raw = said["astrid"], said["made"], said["raw"]
    assert [node.name for node in astrid.why(made.outputs[0].content_hash).raw()] == [raw.name]
    assert made.outputs[0].content_hash in astrid.impact(raw.content_hash).nodes
    assert astrid.reproduce(made.outputs[0].content_hash).verdict == Verdict.IDENTICAL
    assert said["pairs"].transients_checked == 1
    astrid.close()


@pytest.mark.parametrize("words", ["find pairs", "dataset"])
def test_the_command_line(words: str, tmp_path: Path) -> None:
    for number in range(2):
        shot = Shot(night=f"2024-0{number + 3}-05", noise_seed=number)
        (tmp_path / "nights").mkdir(exist_ok=True)
        shot.write(tmp_path / "nights" / f"{number}.fits")
    lines = [line.partition(" #")[0].split() for line in commands() if line]
    asked = [line for line in lines if line[1] in {"put", *words.split(), "catalog"}]
    assert len(asked) > len(words.split())
    for _, *arguments in asked:
        answer = CliRunner().invoke(main, arguments)
        assert answer.exit_code == 0, (arguments, answer.output)


def test_datasets_and_splits(tmp_path: Path) -> None:
    folder, lines = tmp_path / "cutouts", [("content_hash", "label")]
    folder.mkdir()
    for number in range(8):
        shot = Shot(night=f"2024-03-{number + 5:02d}", ra_deg=20.0 * number, noise_seed=number)
        shot.write(folder / f"{number}.fits")
        lines.append((sha256_hex(shot.to_bytes()), "real" if number % 2 else "bogus"))
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    said: dict[str, Any] = {}
    exec(block("leakage_report"), said)  # noqa: S102 - our own page
    astrid, split = said["astrid"], said["split"]
    assert len(astrid.datasets.diff("sn-train@v1", "sn-train@v2").relabelled) == 8
    assert sum(map(len, split.sides.values())) == 8
    assert astrid.datasets.leakage_report(split).passed
    check = ["sha256sum", "-c", "--quiet", "MANIFEST.sha256"]
    subprocess.run(check, cwd=tmp_path / "release", check=True)
    for made in folder.iterdir():
        assert (tmp_path / "back" / made.name).read_bytes() == made.read_bytes()
    astrid.close()


def test_a_folder_that_dvc_tracks(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "one.fits").write_bytes(Shot().to_bytes())
    said: dict[str, Any] = {}
    exec(block("add_dataset"), said)  # noqa: S102 - our own page
    assert said["version"] == "training@v1"  # nothing changed since it was added
    assert (tmp_path / "elsewhere" / "one.fits").read_bytes() == Shot().to_bytes()
    assert (tmp_path / "training.dvc").is_file()
    said["astrid"].close()
