"""One job in a process of its own: seconds, CPU, memory and traffic.

``python -m benchmarks.measure STEP.json`` is what the benchmark starts for each measurement. What
a contender loads and connects before its job is not part of it; whatever the job itself starts is.
"""

import dataclasses
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.inputs import Inputs
from benchmarks.jobs import CONTENDERS
from benchmarks.memory import own_peak_kib, reset_own_peak
from benchmarks.servers import Place

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 1800.0
_KIB_PER_MIB = 1024.0


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one job took.

    Parameters
    ----------
    seconds, cpu_seconds : float
        By the clock, and of all cores together, in the process and those it started.
    growth_mib : float
        How far the resident memory rose above where it stood when the job began; of a job that
        is another program, that program's largest.
    requests, sent_bytes, received_bytes : int or None
        As the server counted them, else as our own client did; None where nobody counts.
    """

    seconds: float
    cpu_seconds: float
    growth_mib: float
    requests: int | None = None
    sent_bytes: int | None = None
    received_bytes: int | None = None


class JobFailedError(RuntimeError):
    """A contender did not do its job; the text is its last line."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One job for one contender: all that its process is told.

    Parameters
    ----------
    contender : str
    method : str
        The method of the contender.
    threads : int
        How many the contender may use where it lets itself be told.
    place : Place
    inputs : Inputs
    scratch : Path
        The contender's own folder, kept from job to job.
    """

    contender: str
    method: str
    threads: int
    place: Place
    inputs: Inputs
    scratch: Path

    def run(self) -> Measurement:
        """Do the job in a new process.

        Raises
        ------
        JobFailedError
            It ended with an error, or not in half an hour.
        """
        self.scratch.mkdir(parents=True, exist_ok=True)
        told, answer = self.scratch / "step.json", self.scratch / "measurement.json"
        told.write_text(json.dumps(dataclasses.asdict(self), default=str))
        answer.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.measure", str(told), str(answer)]
        try:
            ended = subprocess.run(  # noqa: S603 - this very module
                command,
                cwd=ROOT,
                env=self.place.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise JobFailedError(f"not done in {TIMEOUT_S:.0f} s") from error
        if ended.returncode != 0 or not answer.exists():
            lines = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
            raise JobFailedError(lines[-1])
        return Measurement(**json.loads(answer.read_text()))


def _step(told: Mapping[str, Any]) -> Step:
    place, inputs = told["place"], told["inputs"]
    return Step(
        told["contender"],
        told["method"],
        told["threads"],
        Place(place["bucket"], place["endpoint"], Path(place["folder"])),
        Inputs(Path(inputs["folder"]), inputs["size_bytes"], inputs["count"], inputs["keys"]),
        Path(told["scratch"]),
    )


def measured(step: Step) -> Measurement:
    """Do the job in this process and measure it."""
    kind = CONTENDERS[step.contender]
    contender = kind(step.place, step.inputs, step.scratch, step.threads)
    job: Callable[[], object] = getattr(contender, step.method)
    step.place.take_traffic()
    reset_own_peak()
    resident_before_kib = own_peak_kib()
    cpu_before_s, began_s = _cpu_s(), time.perf_counter()
    job()
    seconds, cpu_s = time.perf_counter() - began_s, _cpu_s() - cpu_before_s
    growth_kib = max(own_peak_kib() - resident_before_kib, contender.program_kib())
    traffic = step.place.take_traffic() or contender.traffic()
    contender.close()
    counted = {} if traffic is None else dataclasses.asdict(traffic)
    return Measurement(seconds, cpu_s, growth_kib / _KIB_PER_MIB, **counted)


def _cpu_s() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main(told: str, answer: str) -> None:
    """Do the step that the file `told` describes; write the measurement to `answer`."""
    step = _step(json.loads(Path(told).read_text()))
    Path(answer).write_text(json.dumps(dataclasses.asdict(measured(step))))


if __name__ == "__main__":
    main(*sys.argv[1:])
