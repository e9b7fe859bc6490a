"""How long why and impact take on a large graph.

``python -m benchmarks.lineage`` makes a store with the derivations of a survey (frames calibrated,
co-added to templates, subtracted and searched), lets the catalogue index it, and prints seconds
and whether the project's goals were met.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

import astrid_sdk
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.records import RecordLog
from benchmarks.lineage_survey import Survey, survey_of, write_objects
from benchmarks.memory import folder_in_memory

GOAL_S = 0.1
_ROOM = 1 << 30


@click.command()
@click.option("--derivations", type=int, default=100_000, show_default=True)
@click.option("--rounds", type=int, default=20, show_default=True, help="Of each question.")
@click.option(
    "--scratch", type=click.Path(file_okay=False, path_type=Path), help="Where the store is."
)
def main(derivations: int, rounds: int, scratch: Path | None) -> None:
    """Measure why and impact, and say whether half of each took less than 100 ms."""
    where = scratch or folder_in_memory(_ROOM)
    with tempfile.TemporaryDirectory(dir=where) as folder:
        survey = survey_of(derivations)
        with astrid_sdk.connect(folder) as astrid:
            astrid.prepare()
            write_objects(survey.derivations, Path(folder) / astrid.bucket)
            RecordLog(astrid.r2, astrid.bucket).append(survey.records)
            print(f"{len(survey.derivations)} derivations of {len(survey.raw)} raw files")
            _line("index all of it, once", _seconds(astrid.catalog.refresh))
        with astrid_sdk.connect(folder) as astrid:
            met = list(_questions(astrid, survey, rounds))
    sys.exit(0 if all(met) else 1)


def _questions(astrid: AstridSession, survey: Survey, rounds: int) -> Iterator[bool]:
    """Ask in a new session; yield for each goal whether it was met."""
    _line("read the catalogue, new session", _seconds(astrid.catalog.refresh))
    _line("first why: arrays of the graph", _seconds(lambda: astrid.why(survey.detections[0])))
    step = max(1, len(survey.detections) // rounds)
    asked = survey.detections[1::step][:rounds]
    frames = survey.raw[-1:] + survey.raw[11 :: len(survey.raw) // rounds][:rounds]
    yield _goal("why of a detection", [_seconds(lambda h=h: astrid.why(h)) for h in asked])
    yield _goal("why, as its tree", [_seconds(lambda h=h: str(astrid.why(h))) for h in asked])
    page = [_seconds(lambda h=h: astrid.why(h)._repr_mimebundle_()) for h in asked]
    _line("why, as a notebook shows it", max(page))
    index = astrid.lineages
    yield _goal(
        "impact of a science frame", [_seconds(lambda h=h: index.impact(h)) for h in frames]
    )
    reference = survey.raw[0]
    _line("impact of a reference frame", _seconds(lambda: index.impact(reference)))
    print(f"  (it reaches {len(index.impact(reference)) - 1} contents)")


def _goal(what: str, seconds: list[float]) -> bool:
    median, is_met = statistics.median(seconds), statistics.median(seconds) < GOAL_S
    slowest = f"slowest of {len(seconds)}: {max(seconds) * 1000:.1f} ms"
    _line(what, median, f"{'met' if is_met else 'NOT MET'}; {slowest}")
    return is_met


def _line(what: str, seconds: float, note: str = "") -> None:
    print(f"{what:44} {seconds * 1000:9.1f} ms  {note}".rstrip())


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
