"""Ingest of many small FITS files, beside ``dvc add`` of the same folder, in one run.

``python -m benchmarks.ingest`` prints one table: seconds, how many times as long as ours, and the
resident memory of all processes together. Each is a program of its own and counts whole, from its
start to its end; `ingest()` is the call alone, as in a notebook that runs already. Both put a copy
of each file where its content names it. Ours also reads what the headers say, records it, forces
every file to the disk, and makes it searchable.
"""

import dataclasses
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from astrid_sdk.config import child_environment
from benchmarks.memory import folder_in_memory, peak_of_group_kib

GOAL = 5.0
"""How many times as fast as ``dvc add`` ingest is to be."""
_FILES_PER_NIGHT = 500
_CHANGED = 100
_SIDE = 36  # pixels: 8,640 bytes with the header
_ROOM_BYTES_PER_FILE = 64 << 10
_ASTRID = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
_CALL = """
import json, sys, time
import astrid_sdk
import astrid_sdk.catalog.ingest.ingest  # as where files came in before
with astrid_sdk.connect(sys.argv[2]) as astrid:
    astrid.find()
    began = time.perf_counter()
    astrid.ingest(sys.argv[1], progress=False)
    print(json.dumps(time.perf_counter() - began))
"""


@dataclasses.dataclass(frozen=True)
class Timed:
    """What one program took.

    Parameters
    ----------
    seconds : float
    peak_mib : float
        The most resident memory of all its processes together.
    said : str
        What it printed.
    """

    seconds: float
    peak_mib: float
    said: str


def main() -> None:
    """Run as a command."""
    command()


@click.command()
@click.option("--count", type=int, default=10_000, show_default=True, help="How many files.")
@click.option("--rounds", type=int, default=1, show_default=True, help="The best one counts.")
@click.option("--dvc", default=None, help="The dvc program; else the one of this environment.")
@click.option(
    "--scratch", type=click.Path(file_okay=False, path_type=Path), help="Where files are."
)
def command(count: int, rounds: int, dvc: str | None, scratch: Path | None) -> None:
    """Measure ingest and dvc add on the same files."""
    where = scratch or folder_in_memory(count * _ROOM_BYTES_PER_FILE)
    found = dvc or _dvc()
    with tempfile.TemporaryDirectory(prefix="astrid-benchmark-", dir=where) as folder:
        source = Path(folder) / "nights"
        make_files(source, count)
        best: dict[str, Timed] = {}
        for number in range(rounds):
            place = Path(folder) / f"round-{number}"
            place.mkdir()
            for job, timed in measured(source, place, found):
                if job not in best or timed.seconds < best[job].seconds:
                    best[job] = timed
            shutil.rmtree(place)
    kept = "memory" if scratch is None and where is not None else "a disk"
    click.echo(f"{count} FITS files of 8,640 bytes in {kept}; best of {rounds}\n")
    click.echo("\n".join(table(best)))
    if found is None:
        click.echo("no part: dvc (not installed: --dvc names the program)")


def measured(source: Path, place: Path, dvc: str | None) -> Iterator[tuple[str, Timed]]:
    """Yield each job and what it took."""
    if dvc is not None:
        yield from _dvc_jobs(source, place / "dvc", dvc)
    put = [sys.executable, "-c", _ASTRID, "put", str(source), "--store", str(place / "put")]
    yield "astrid put", run(put, place)
    yield "astrid put, again", run(put, place)
    call = [sys.executable, "-c", _CALL, str(source), str(place / "call")]
    yield "ingest()", _call(call, place)
    yield "ingest(), again", _call(call, place)
    for path in sorted(source.rglob("*.fits"))[:_CHANGED]:
        content = bytearray(path.read_bytes())
        content[-_SIDE:] = random.randbytes(_SIDE)  # noqa: S311 - noise, no secret
        path.write_bytes(content)
    yield f"ingest(), {_CHANGED} changed", _call(call, place)


def _dvc_jobs(source: Path, folder: Path, dvc: str) -> Iterator[tuple[str, Timed]]:
    folder.mkdir()
    for words in (["init", "--no-scm", "--quiet"], ["config", "core.analytics", "false"]):
        run([dvc, *words], folder)
    shutil.copytree(source, folder / source.name)
    add = [dvc, "add", "--quiet", source.name]
    yield "dvc add", run(add, folder)
    yield "dvc add, again", run(add, folder)


def _call(command: list[str], folder: Path) -> Timed:
    timed = run(command, folder)
    return dataclasses.replace(timed, seconds=json.loads(timed.said))


def run(command: list[str], folder: Path) -> Timed:
    """Run a program in `folder`.

    Raises
    ------
    subprocess.CalledProcessError
        It failed.
    """
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - what is measured
        command,
        cwd=folder,
        env=child_environment({"DVC_NO_ANALYTICS": "1"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        peak_kib = peak_of_group_kib(process)
        seconds = time.perf_counter() - began
        said = "" if process.stdout is None else process.stdout.read()
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command[-3:])
    return Timed(seconds, peak_kib / 1024, said)


def make_files(folder: Path, count: int) -> None:
    """Write small exposures: their own time, place and noise each."""
    for number in range(count):
        path = folder / f"night-{number // _FILES_PER_NIGHT:03}" / f"{number:06}.fits"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_exposure(number))


def _exposure(number: int) -> bytes:
    minute, night = number % _FILES_PER_NIGHT, number // _FILES_PER_NIGHT
    cards: dict[str, object] = {
        "SIMPLE": True,
        "BITPIX": -32,
        "NAXIS": 2,
        "NAXIS1": _SIDE,
        "NAXIS2": _SIDE,
        "OBJECT": f"field {night}",
        "DATE-OBS": f"2024-04-{1 + night % 28:02}T{minute // 60:02}:{minute % 60:02}:00.5",
        "EXPTIME": 30.0,
        "FILTER": "gri"[number % 3],
        "INSTRUME": "testcam",
        "TELESCOP": "test 1.0 m",
        "SITELONG": -70.8,
        "AIRMASS": 1.0 + number % 100 / 100,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 150.0 + number % 97 / 10,
        "CRVAL2": 2.0 + number % 89 / 10,
        "CRPIX1": (_SIDE + 1) / 2,
        "CRPIX2": (_SIDE + 1) / 2,
        "CDELT1": -1 / 3600,
        "CDELT2": 1 / 3600,
    }
    header = "".join(_card(*each) for each in cards.items()) + "END".ljust(80)
    noise = random.Random(number).randbytes(_SIDE * _SIDE * 2)  # noqa: S311 - no secret
    pixels = io.BytesIO()
    for start in range(0, len(noise), 2):  # a float of about 2, whatever the noise
        pixels.write(b"\x40\x00" + noise[start : start + 2])
    body = pixels.getvalue()
    return header.ljust(2880).encode("ascii") + body + bytes(-len(body) % 2880)


def _card(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"{name:8}= {'T' if value else 'F':>20}".ljust(80)
    if isinstance(value, str):
        quoted = f"'{value:8}'"
        return f"{name:8}= {quoted:20}".ljust(80)
    return f"{name:8}= {value!r:>20}".ljust(80)


def table(best: dict[str, Timed]) -> Iterator[str]:
    """Yield the lines of the table, and whether the goal is met."""
    first = best["ingest()"].seconds
    yield f"{'':22} {'s':>8} {'x ingest()':>11} {'MiB':>8}"
    for job, timed in best.items():
        yield f"{job:22} {timed.seconds:8.2f} {timed.seconds / first:11.2f} {timed.peak_mib:8.0f}"
    if "dvc add" in best:
        ratio = best["dvc add"].seconds / first
        verdict = "met" if ratio >= GOAL else "NOT MET"
        yield f"\ningest() against dvc add: {ratio:.2f} times as fast, wanted {GOAL:g}: {verdict}"


def _dvc() -> str | None:
    beside = Path(sys.executable).with_name("dvc")
    return str(beside) if beside.exists() else shutil.which("dvc")


if __name__ == "__main__":
    main()
