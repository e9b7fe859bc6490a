"""What the project promises about speed and memory, and whether a run kept it."""

import dataclasses
from collections.abc import Callable, Mapping

from benchmarks.jobs import OURS
from benchmarks.measure import Measurement

Results = Mapping[str, Mapping[str, Measurement]]
"""Job, then contender; the best of the rounds."""

MOST_GROWTH_MIB = 200.0


@dataclasses.dataclass(frozen=True)
class Goal:
    """One promise.

    Parameters
    ----------
    text : str
    limit : float
    measure : callable
        Returns what was measured from the results and the number of small files. `LookupError`:
        somebody it compares with took no part.
    is_at_least : bool
        The limit is the least that will do, not the most.
    holds_anywhere : bool
        It is about requests and memory, which no slow or busy machine changes.
    """

    text: str
    limit: float
    measure: Callable[[Results, int], float]
    is_at_least: bool = False
    holds_anywhere: bool = False


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A goal and what was measured; None where the run did not have what it takes."""

    goal: Goal
    measured: float | None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where nothing was measured."""
        if self.measured is None:
            return None
        if self.goal.is_at_least:
            return self.measured >= self.goal.limit
        return self.measured <= self.goal.limit


def verdicts(results: Results, count: int) -> list[Verdict]:
    """Hold every goal against the results of a run with `count` small files."""
    found = []
    for goal in GOALS:
        try:
            measured = goal.measure(results, count)
        except LookupError:
            measured = None
        found.append(Verdict(goal, measured))
    return found


def _times_of(job: str, other: str) -> Callable[[Results, int], float]:
    """Our time in times of another's."""
    return lambda results, _: results[job][OURS].seconds / results[job][other].seconds


def _faster_than(job: str, other: str) -> Callable[[Results, int], float]:
    return lambda results, _: results[job][other].seconds / results[job][OURS].seconds


def _growth(job: str) -> Callable[[Results, int], float]:
    return lambda results, _: results[job][OURS].growth_mib


def _requests(results: Results, _: int) -> float:
    return _counted(results["file-store-again"][OURS].requests)


def _requests_per_thousand(results: Results, count: int) -> float:
    return 1000 * _counted(results["files-store-again"][OURS].requests) / max(count, 1000)


def _sent_bytes(job: str) -> Callable[[Results, int], float]:
    return lambda results, _: _counted(results[job][OURS].sent_bytes)


def _bytes_of_theirs(results: Results, _: int) -> float:
    cutout = results["cutout"]
    theirs = cutout["astropy over s3fs"].received_bytes
    return _counted(theirs) / _counted(cutout[OURS].received_bytes)


def _bytes_of_ours(results: Results, _: int) -> float:
    cutout = results["cutout"]
    return _counted(cutout[OURS].received_bytes) / _counted(cutout["obstore"].received_bytes)


def _store_against_limits(results: Results, _: int) -> float:
    job = results["file-store"]
    bytes_alone = job.get("raw sockets") or job["plain copy"]
    return job[OURS].seconds / (job["hash only"].seconds + bytes_alone.seconds)


def _counted(value: int | None) -> float:
    if value is None:
        raise LookupError("nobody counted")
    return value


GOALS = (
    Goal("store a large file: times of (hash + bare upload)", 1.3, _store_against_limits),
    Goal("  resident growth, MiB", MOST_GROWTH_MIB, _growth("file-store"), holds_anywhere=True),
    Goal("  faster than boto3", 2.5, _faster_than("file-store", "boto3"), is_at_least=True),
    Goal("  faster than dvc add + push", 4.0, _faster_than("file-store", "dvc"), is_at_least=True),
    Goal("store it again: requests", 1, _requests, holds_anywhere=True),
    Goal("retrieve it, verified: times of obstore", 1.5, _times_of("file-retrieve", "obstore")),
    Goal("  resident growth, MiB", MOST_GROWTH_MIB, _growth("file-retrieve"), holds_anywhere=True),
    Goal("store small files: times of obstore", 1.5, _times_of("files-store", "obstore")),
    Goal("  faster than boto3", 8.0, _faster_than("files-store", "boto3"), is_at_least=True),
    Goal("  faster than dvc add + push", 8.0, _faster_than("files-store", "dvc"), is_at_least=True),
    Goal("  faster than mlflow", 10.0, _faster_than("files-store", "mlflow"), is_at_least=True),
    Goal("store them again: requests per 1,000", 4, _requests_per_thousand, holds_anywhere=True),
    Goal("  bytes of bodies sent", 0, _sent_bytes("files-store-again"), holds_anywhere=True),
    Goal("  faster than dvc push", 5.0, _faster_than("files-store-again", "dvc"), is_at_least=True),
    Goal("retrieve them, verified: times of obstore", 1.5, _times_of("files-retrieve", "obstore")),
    Goal("cutout, verified: bytes of astropy's over ours", 6.0, _bytes_of_theirs, is_at_least=True),
    Goal(
        "  faster than astropy over s3fs",
        5.0,
        _faster_than("cutout", "astropy over s3fs"),
        is_at_least=True,
    ),
    Goal("  bytes, times of bare ranges", 1.1, _bytes_of_ours, holds_anywhere=True),
    Goal("listing, checked: times of obstore", 3.0, _times_of("listing", "obstore")),
    Goal("  faster than boto3", 10.0, _faster_than("listing", "boto3"), is_at_least=True),
)
