"""What every contender is: a class with one method for each job it can do."""

import importlib.util
import random
import string
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, TypeVar

from benchmarks.inputs import Inputs
from benchmarks.servers import Place, Traffic

ItemT = TypeVar("ItemT")


class Contender:
    """One client, in one bucket, for a row of jobs; made anew, in a new process, for each.

    A job is done by the method of its name. What the constructor does (imports, connections) is
    not measured. Of a job that reads, everything must have arrived when the method returns.

    Parameters
    ----------
    place : Place
    inputs : Inputs
    scratch : Path
        A folder that lasts from job to job.
    threads : int
        One of its ladder's; 0 where it has none.
    """

    title: ClassVar[str]
    modules: ClassVar[tuple[str, ...]] = ()
    """What must be installed."""
    works_on_folders: ClassVar[bool] = False
    works_on_servers: ClassVar[bool] = True
    ladders: ClassVar[Mapping[str, tuple[int, ...]]] = {}
    """The numbers of threads to try for a workload; the best one counts."""

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        self.place = place
        self.inputs = inputs
        self.scratch = scratch
        self.threads = threads

    @classmethod
    def missing(cls, place: Place) -> str | None:
        """Return why it cannot take part here, if it cannot."""
        absent = [name for name in cls.modules if importlib.util.find_spec(name) is None]
        if absent:
            return f"{', '.join(absent)} not installed"
        if place.endpoint is None and not cls.works_on_folders:
            return "needs an endpoint"
        if place.endpoint is not None and not cls.works_on_servers:
            return "needs a folder"
        return None

    def traffic(self) -> Traffic | None:
        """Return what it counted itself, where it counts."""
        return None

    def program_kib(self) -> float:
        """Return the largest resident memory of the programs it ran, where it runs programs."""
        return 0.0

    def close(self) -> None:
        """Give back what the constructor took."""

    @property
    def destination(self) -> Path:
        """A path at which nothing is, to fetch to."""
        return self.scratch / "".join(random.choices(string.ascii_lowercase, k=12))  # noqa: S311

    def in_threads(self, work: Callable[[ItemT], object], items: Iterable[ItemT]) -> None:
        """Call ``work(item)`` for each item, `threads` at a time."""
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(work, items):
                pass
