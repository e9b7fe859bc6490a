"""Our storage and its peers at the same jobs, on the same server, in one run.

``python -m benchmarks.storage --endpoint http://127.0.0.1:9000`` prints one table of seconds,
ratios, memory and requests, and the goals with what was measured. README.md beside this file says
what each job is and how to read the table.
"""

import re
import sys
import tempfile
from pathlib import Path

import click
from typing_extensions import override

from benchmarks.inputs import Inputs
from benchmarks.jobs import CONTENDERS, JOBS
from benchmarks.memory import folder_in_memory
from benchmarks.report import FOLDER, Run, render
from benchmarks.running import Benchmark

_ROOM = 8
"""How many times `--size` may lie about at a time: DVC alone makes three copies."""
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class Size(click.ParamType[int]):
    """A number of bytes, such as ``256MiB``."""

    name = "size"

    @override
    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the text."""
        found = re.fullmatch(r"(\d+)(|KiB|MiB|GiB)", str(value))
        if found is None:
            self.fail(f"{value!r} is no size; give one such as 256MiB", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.command()
@click.option("--endpoint", help="An S3 server; without one: a folder of this machine.")
@click.option("--far-endpoint", help="A server some way off, for the cutout; else --endpoint.")
@click.option("--size", type=Size(), default="1GiB", show_default=True)
@click.option("--count", type=int, default=2000, show_default=True, help="How many small files.")
@click.option("--keys", type=int, default=100_000, show_default=True, help="How many to list.")
@click.option("--rounds", type=int, default=2, show_default=True, help="The best one counts.")
@click.option("--only", type=click.Choice(JOBS), multiple=True, help="Some of the jobs.")
@click.option("--who", type=click.Choice(list(CONTENDERS)), multiple=True, help="Some of them.")
@click.option("--latency", default="", help="A note on the servers for the table's heading.")
@click.option(
    "--scratch", type=click.Path(file_okay=False, path_type=Path), help="Where files are."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Keep the numbers.")
@click.option(
    "--show",
    type=click.Path(exists=True, path_type=Path),
    help="Run nothing: print what an earlier --json kept.",
)
@click.option(
    "--assert-requests-and-memory",
    is_flag=True,
    help="Fail unless the goals about requests and memory are met.",
)
def main(  # noqa: PLR0913 - one for each option
    *,
    endpoint: str | None,
    far_endpoint: str | None,
    size: int,
    count: int,
    keys: int,
    rounds: int,
    only: tuple[str, ...],
    who: tuple[str, ...],
    latency: str,
    scratch: Path | None,
    json_file: Path | None,
    show: Path | None,
    assert_requests_and_memory: bool,
) -> None:
    """Measure our storage and its peers on one server, or in a folder."""
    if show is not None:
        run = Run.from_json(show.read_text())
    else:
        facts = {
            "place": endpoint or FOLDER,
            "size_bytes": size,
            "count": count,
            "keys": keys,
            "rounds": rounds,
            "note": latency,
        }
        run = Run(facts)
        where = scratch or folder_in_memory(_ROOM * size)
        facts["files"] = "memory" if scratch is None and where is not None else "a disk"
        with tempfile.TemporaryDirectory(prefix="astrid-benchmark-", dir=where) as folder:
            inputs = Inputs(Path(folder), size, count, keys)
            benchmark = Benchmark(run, inputs, endpoint, far_endpoint, frozenset(who or CONTENDERS))
            benchmark.go(frozenset(only or JOBS), rounds)
    if json_file is not None:
        json_file.write_text(run.to_json())
    click.echo(render(run))
    if assert_requests_and_memory:
        sys.exit(_broken(run))


def _broken(run: Run) -> int:
    """Return 1 when a goal about requests or memory is not met or our client failed, else 0."""
    found = [verdict for verdict in run.verdicts() if verdict.goal.holds_anywhere]
    return int(any(verdict.is_met is False for verdict in found) or run.we_failed)


if __name__ == "__main__":
    main()
