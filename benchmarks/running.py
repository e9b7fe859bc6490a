"""A run: every contender's turn at every workload, so many rounds, each job in a new process."""

import contextlib
import dataclasses
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.inputs import Inputs
from benchmarks.jobs import OURS, WORKLOADS, Turn, Workload, absentees, method_of, turns
from benchmarks.measure import JobFailedError, Step
from benchmarks.report import Run
from benchmarks.servers import Place, new_place

SETTLE_S = 2.5
"""A stat cache does not trust files that were written a moment ago."""


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What is run, and where what it finds goes.

    Parameters
    ----------
    run : Run
        Filled while it goes on.
    inputs : Inputs
    endpoint : str or None
        The server; None for a folder.
    far_endpoint : str or None
        Another one for cutouts.
    who : frozenset of str
        Those who may take part.
    """

    run: Run
    inputs: Inputs
    endpoint: str | None
    far_endpoint: str | None
    who: frozenset[str]

    def go(self, wanted: frozenset[str], rounds: int) -> None:
        """Do the wanted jobs so many times."""
        self.inputs.make(wanted)
        time.sleep(SETTLE_S)
        workloads = [each for each in WORKLOADS if wanted & set(each.jobs)]
        for number in range(rounds):
            for workload in workloads:
                _say(f"round {number + 1} of {rounds}: {workload.name}")
                if workload.prepared_by is None:
                    self._apart(workload, wanted)
                else:
                    self._together(workload, workload.prepared_by, wanted)

    def _apart(self, workload: Workload, wanted: frozenset[str]) -> None:
        """Let each contender work in a bucket and a folder of its own."""
        for turn in self._turns(workload, wanted):
            with self._new_place(workload) as (place, folder):
                self._take(turn, place, folder, wanted)

    def _together(self, workload: Workload, prepared_by: str, wanted: frozenset[str]) -> None:
        """Let all contenders read the same bucket."""
        with self._new_place(workload) as (place, folder):
            try:
                self._step(Turn(OURS, 0, ()), prepared_by, place, folder).run()
            except JobFailedError as error:
                self.run.failures[f"preparing {workload.name}, {OURS}"] = str(error)
                return
            for turn in self._turns(workload, wanted):
                self._take(turn, place, folder, wanted)

    def _turns(self, workload: Workload, wanted: frozenset[str]) -> Iterator[Turn]:
        anywhere = Place("", self._endpoint_of(workload), self.inputs.folder)
        reasons = absentees(anywhere)
        self.run.absent.update((who, why) for who, why in reasons.items() if who in self.who)
        for turn in turns(workload, wanted, anywhere):
            if turn.contender in self.who:
                yield turn

    def _take(self, turn: Turn, place: Place, folder: Path, wanted: frozenset[str]) -> None:
        for job in turn.jobs:
            try:
                measurement = self._step(turn, method_of(job), place, folder).run()
            except JobFailedError as error:
                _say(f"{job}, {turn.label}: failed: {error}")
                self.run.failures[f"{job}, {turn.label}"] = str(error)
                return
            _say(f"{job}, {turn.label}: {measurement.seconds:.3f} s")
            if job in wanted:
                self.run.add(job, turn.label, measurement)

    def _step(self, turn: Turn, method: str, place: Place, folder: Path) -> Step:
        scratch = folder / turn.label.replace(", ", "-").replace(" ", "-")
        return Step(turn.contender, method, turn.threads, place, self.inputs, scratch)

    @contextlib.contextmanager
    def _new_place(self, workload: Workload) -> Iterator[tuple[Place, Path]]:
        with tempfile.TemporaryDirectory(dir=self.inputs.folder) as name:
            folder = Path(name)
            with new_place(self._endpoint_of(workload), folder / "store") as place:
                yield place, folder

    def _endpoint_of(self, workload: Workload) -> str | None:
        return (self.far_endpoint or self.endpoint) if workload.is_far else self.endpoint


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
