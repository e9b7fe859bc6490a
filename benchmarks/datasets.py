"""Versions of many small files and of a large one, beside ``dvc``, on one S3 server in one run.

``python -m benchmarks.datasets --endpoint URL`` prints one table. Version and push is `add_dataset`
or `version_dataset` and `push_dataset`, beside ``dvc add`` and ``dvc push``; checkout is
`pull_dataset` into an empty folder, beside ``dvc pull`` into one without a cache. What ours takes
is the call, as in a notebook that runs already; the whole program's seconds stand beside it. Both
begin with a repository that is there and the remote configured, and with their modules compiled.
MD5 of the large file is timed in the same run: whoever makes a ``.dvc`` file needs it, and one MD5
cannot be shared among threads, so nothing that adds a file is faster.
"""

import dataclasses
import hashlib
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from benchmarks.inputs import Inputs
from benchmarks.memory import folder_in_memory, peak_until_end_kib
from benchmarks.servers import Place, Traffic, new_place

GOAL = 5.0
"""How many times as fast as dvc version and push, and checkout, are to be."""
GOAL_MIB = 300.0
_CHANGED = 0.01
_ROOM = 8  # copies of the data: two repositories, a cache, two checkouts, the server's
_SETTLE_S = 2.5  # a stat cache does not trust files that were written a moment ago
_FLOOR_ROUNDS = 3
_HASH_BYTES = 1 << 20
_KINDS = ("files", "file")
_OURS = """
import json, sys, time
import astrid_sdk
from astrid_sdk.config import StorageConfig
bucket, endpoint, what, path, target, home = sys.argv[1:]
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.stack import assemble
from astrid_sdk.session import AstridSession
from pathlib import Path
config = StorageConfig("benchmark", "benchmark", "benchmark", bucket, r2_endpoint_url=endpoint)
with AstridSession(assemble(R2StorageClient(config)), bucket, Path(home), config=config) as astrid:
    client = astrid.dvc
    name = Path(path).name.lower()
    began = time.perf_counter()
    if what == "begin":
        client.push_dataset(client.add_dataset(path))
        client.pull_dataset(name, target)
    elif what == "add":
        client.push_dataset(client.add_dataset(path))
    elif what == "version":
        client.push_dataset(client.version_dataset(path, "changed"))
    else:
        client.pull_dataset(name, target)
    print(json.dumps(time.perf_counter() - began))
"""


@dataclasses.dataclass(frozen=True)
class Timed:
    """What one job took.

    Parameters
    ----------
    seconds, whole_seconds : float
        The calls; the programs from their start to their end.
    cpu_seconds : float
        Of the programs, of all cores: what a busy machine changes least.
    peak_mib : float
        The most resident memory of one program.
    traffic : Traffic or None
        As the server counted it.
    """

    seconds: float
    whole_seconds: float
    cpu_seconds: float
    peak_mib: float
    traffic: Traffic | None = None


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the two: where it works and on which server."""

    folder: Path
    place: Place

    def run(self, *commands: list[str], folder: Path | None = None, timed_inside: bool) -> Timed:
        """Run programs one after the other and measure them.

        Raises
        ------
        subprocess.CalledProcessError
            One failed.
        """
        self.place.take_traffic()
        seconds = whole = peak_kib = 0.0
        cpu_before_s = _cpu_s()
        for command in commands:
            began = time.perf_counter()
            with subprocess.Popen(  # noqa: S603 - what is measured
                command,
                cwd=folder or self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,
            ) as process:
                peak_kib = max(peak_kib, peak_until_end_kib(process))
                took = time.perf_counter() - began
                said = b"" if process.stdout is None else process.stdout.read()
            if process.returncode != 0:
                raise subprocess.CalledProcessError(process.returncode, command[-4:])
            whole += took
            seconds += json.loads(said.splitlines()[-1]) if timed_inside else took
        cpu_s = _cpu_s() - cpu_before_s
        return Timed(seconds, whole, cpu_s, peak_kib / 1024, self.place.take_traffic())

    def _environment(self) -> dict[str, str]:
        settings = {
            "DVC_SITE_CACHE_DIR": "site",
            "DVC_GLOBAL_CONFIG_DIR": "global",
            "PYTHONPYCACHEPREFIX": "compiled",
        }
        kept = {name: str(self.folder / folder) for name, folder in settings.items()}
        plain = {"DVC_NO_ANALYTICS": "true", "PYTHONDONTWRITEBYTECODE": ""}
        return {**self.place.environment(), **kept, **plain}


def main() -> None:
    """Run as a command."""
    command()


@click.command()
@click.option("--endpoint", required=True, help="The S3 server, such as the sink.")
@click.option("--count", type=int, default=2_000, show_default=True, help="How many small files.")
@click.option("--size-mib", type=int, default=1024, show_default=True, help="Of the large file.")
@click.option("--rounds", type=int, default=1, show_default=True, help="The best one counts.")
@click.option(
    "--scratch", type=click.Path(file_okay=False, path_type=Path), help="Where files are."
)
def command(endpoint: str, count: int, size_mib: int, rounds: int, scratch: Path | None) -> None:
    """Measure version, push and checkout beside dvc's."""
    room = _ROOM * (size_mib + count // 64 + 1) << 20
    with tempfile.TemporaryDirectory(dir=scratch or folder_in_memory(room)) as name:
        inputs = Inputs(Path(name), size_mib << 20, count, 0)
        inputs.make(frozenset({"file-store", "files-store"}))
        best: dict[str, Timed] = {}
        floor_s = min(_md5_s(inputs.large) for _ in range(_FLOOR_ROUNDS))
        for number in range(rounds):
            for kind in _KINDS:
                folder = Path(name) / f"round-{number}-{kind}"
                for job, timed in measured(kind, inputs, endpoint, folder):
                    if job not in best or timed.seconds < best[job].seconds:
                        best[job] = timed
                shutil.rmtree(folder)
    click.echo(f"{count} files of 16 KiB, one of {size_mib} MiB; best of {rounds}\n")
    click.echo("\n".join(table(best, floor_s)))


def measured(kind: str, inputs: Inputs, endpoint: str, folder: Path) -> Iterator[tuple[str, Timed]]:
    """Yield each job and what it took."""
    source = inputs.small if kind == "files" else inputs.large
    with new_place(endpoint, folder / "theirs-store") as place:
        yield from _theirs(kind, source, Side(folder / "theirs", place))
    with new_place(endpoint, folder / "ours-store") as place:
        yield from _ours(kind, source, Side(folder / "ours", place), endpoint)


def _theirs(kind: str, source: Path, side: Side) -> Iterator[tuple[str, Timed]]:
    side.folder.mkdir(parents=True)
    data = _copied(source, side.folder)

    def dvc(*words: str, folder: Path | None = None) -> Timed:
        return side.run([sys.executable, "-m", "dvc", *words], folder=folder, timed_inside=False)

    dvc("init", "--no-scm", "--quiet")
    dvc("remote", "add", "--default", "bench", f"s3://{side.place.bucket}/dvc")
    dvc("remote", "modify", "bench", "endpointurl", str(side.place.endpoint))
    (side.folder / "begin").write_bytes(b"so that all modules are compiled")
    for words in (("add", "--quiet", "begin"), ("push", "--quiet"), ("pull", "--quiet")):
        dvc(*words)
    (side.folder / "begin.dvc").unlink()
    add = [sys.executable, "-m", "dvc", "add", "--quiet", data.name]
    push = [sys.executable, "-m", "dvc", "push", "--quiet"]
    time.sleep(_SETTLE_S)
    yield f"{kind}: dvc add + push", side.run(add, push, timed_inside=False)
    if data.is_dir():
        _change(data)
        yield f"{kind}: dvc add + push, 1 % changed", side.run(add, push, timed_inside=False)
    clone = side.folder.with_name("theirs-clone")
    for name in (f"{data.name}.dvc", ".dvc/config"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(side.folder / name, clone / name)
    yield f"{kind}: dvc pull", dvc("pull", "--quiet", folder=clone)


def _ours(kind: str, source: Path, side: Side, endpoint: str) -> Iterator[tuple[str, Timed]]:
    side.folder.mkdir(parents=True)
    data = _copied(source, side.folder)
    (side.folder / "begin").write_bytes(b"so that there is a repository")

    def astrid(what: str, path: Path, home: str, target: Path | None = None) -> Timed:
        where = [str(path), str(target or ""), str(side.folder.with_name(home))]
        call = [sys.executable, "-c", _OURS, side.place.bucket, endpoint, what, *where]
        return side.run(call, timed_inside=True)

    astrid("begin", side.folder / "begin", "ours-home", side.folder / "begun")
    time.sleep(_SETTLE_S)
    yield f"{kind}: add + push", astrid("add", data, "ours-home")
    if data.is_dir():
        _change(data)
        yield f"{kind}: version + push, 1 % changed", astrid("version", data, "ours-home")
    target = side.folder.with_name("ours-clone") / data.name
    target.parent.mkdir()
    yield f"{kind}: pull", astrid("pull", data, "another-home", target)
    _check_same(data, target)


def _md5_s(path: Path) -> float:
    digest = hashlib.md5(usedforsecurity=False)
    began = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_HASH_BYTES):
            digest.update(piece)
    return time.perf_counter() - began


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _copied(source: Path, folder: Path) -> Path:
    target = folder / source.name
    shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    return target


def _change(folder: Path) -> None:
    paths = sorted(folder.iterdir())
    for path in paths[: max(1, round(len(paths) * _CHANGED))]:
        path.write_bytes(random.randbytes(path.stat().st_size))  # noqa: S311 - noise


def _check_same(one: Path, other: Path) -> None:
    """Refuse to have measured a checkout that is not what was versioned."""
    pairs = [(one, other)]
    if one.is_dir():
        pairs = [(path, other / path.name) for path in one.iterdir()]
    for mine, its in pairs:
        if mine.stat().st_size != its.stat().st_size:
            raise ValueError(f"{its} is not {mine}")


def table(best: Mapping[str, Timed], floor_s: float) -> Iterator[str]:
    """Yield the lines of the table, and which goals are met."""
    head = f"{'s':>8} {'program':>8} {'CPU s':>7} {'MiB':>6}"
    yield f"{'':36} {head} {'asked':>9} {'sent':>14} {'received':>14}"
    for job, timed in best.items():
        times = f"{timed.seconds:8.2f} {timed.whole_seconds:8.2f} {timed.cpu_seconds:7.2f}"
        yield f"{job:36} {times} {timed.peak_mib:6.0f} {_counted(timed.traffic)}"
    yield ""
    for kind in _KINDS:
        for ours, theirs in (("add + push", "dvc add + push"), ("pull", "dvc pull")):
            one, other = best[f"{kind}: {ours}"], best[f"{kind}: {theirs}"]
            ratio = other.seconds / one.seconds
            verdict = "met" if ratio >= GOAL else "NOT MET"
            found = f"{ratio:.1f} times as fast as {theirs}, wanted {GOAL:g}: {verdict}"
            yield f"{kind}: {ours}: {found}"
    most = best["file: dvc add + push"].seconds / floor_s
    yield f"file: MD5 alone takes {floor_s:.2f} s: {most:.1f} times is the most that add can reach"
    peak = max(timed.peak_mib for job, timed in best.items() if "dvc" not in job)
    verdict = "met" if peak < GOAL_MIB else "NOT MET"
    yield f"memory: {peak:.0f} MiB at most, wanted under {GOAL_MIB:g}: {verdict}"


def _counted(traffic: Traffic | None) -> str:
    if traffic is None:
        return ""
    return f"{traffic.requests:9} {traffic.sent_bytes:14,} {traffic.received_bytes:14,}"


if __name__ == "__main__":
    main()
