"""The table and the list of goals, as text, and the file they can be made from again."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.goals import Results, Verdict, verdicts
from benchmarks.jobs import JOBS, OURS
from benchmarks.measure import Measurement

FOLDER = "a folder"
_MIB = 1 << 20
_HEADINGS = ("job", "who", "s", "x ours", "MiB more", "requests", "MiB sent", "MiB got", "CPU s")


@dataclasses.dataclass
class Run:
    """Everything a run found out.

    Parameters
    ----------
    facts : dict
        What it was about: ``place``, ``size_bytes``, ``count``, ``keys``, ``rounds``,
        ``note``, ``files``.
    measurements : dict
        Job, then contender with its threads, then one measurement a round.
    absent : dict
        Who took no part, and why.
    failures : dict
        What went wrong, by job and contender.
    """

    facts: dict[str, Any]
    measurements: dict[str, dict[str, list[Measurement]]] = dataclasses.field(default_factory=dict)
    absent: dict[str, str] = dataclasses.field(default_factory=dict)
    failures: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, job: str, label: str, measurement: Measurement) -> None:
        """Add what one round measured."""
        self.measurements.setdefault(job, {}).setdefault(label, []).append(measurement)

    def best(self) -> dict[str, dict[str, tuple[str, Measurement]]]:
        """Return by job and contender the fastest round, with the label it ran under.

        The growth is the largest of that label's rounds.
        """
        found: dict[str, dict[str, tuple[str, Measurement]]] = {}
        for job in (job for job in JOBS if job in self.measurements):
            kept = found.setdefault(job, {})
            for label, rounds in self.measurements[job].items():
                fastest = min(rounds, key=lambda each: each.seconds)
                most = max(each.growth_mib for each in rounds)
                fastest = dataclasses.replace(fastest, growth_mib=most)
                contender = label.partition(",")[0]
                if contender not in kept or fastest.seconds < kept[contender][1].seconds:
                    kept[contender] = (label, fastest)
        return found

    def results(self) -> Results:
        """Return `best` without the labels."""
        return {
            job: {contender: best for contender, (_, best) in found.items()}
            for job, found in self.best().items()
        }

    def verdicts(self) -> list[Verdict]:
        """Hold the goals against this run; those about time are for servers, not for folders."""
        found = verdicts(self.results(), self.facts["count"])
        if self.facts["place"] == FOLDER:
            return [verdict for verdict in found if verdict.goal.holds_anywhere]
        return found

    @property
    def we_failed(self) -> bool:
        """Whether it was our own client that did not do a job."""
        return any(what.endswith(f", {OURS}") for what in self.failures)

    def to_json(self) -> str:
        """Return the run as `from_json` reads it."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Run":
        """Read a run that `to_json` wrote."""
        read = json.loads(text)
        read["measurements"] = {
            job: {
                label: [Measurement(**each) for each in rounds] for label, rounds in found.items()
            }
            for job, found in read["measurements"].items()
        }
        return cls(**read)


def render(run: Run) -> str:
    """Return the table, who took no part, what failed, and the goals."""
    return "\n".join(
        [
            _heading(run.facts),
            "",
            *_aligned([_HEADINGS, *_rows(run)]),
            "",
            *(f"no part: {who} ({reason})" for who, reason in run.absent.items()),
            *(f"failed: {what} ({reason})" for what, reason in run.failures.items()),
            "",
            *_aligned([("goal", "measured", "wanted", ""), *_goal_rows(run.verdicts())]),
        ]
    )


def _heading(facts: Mapping[str, Any]) -> str:
    note = f"; {facts['note']}" if facts.get("note") else ""
    return (
        f"{facts['place']}: a file of {facts['size_bytes'] / _MIB:.0f} MiB, {facts['count']} of "
        f"16 KiB, {facts['keys']} keys; best of {facts['rounds']}; "
        f"files in {facts['files']}{note}"
    )


def _rows(run: Run) -> Iterator[tuple[str, ...]]:
    for job, found in run.best().items():
        ours = found[OURS][1].seconds if OURS in found else None
        for number, (label, best) in enumerate(found.values()):
            ratio = "" if ours is None else f"{best.seconds / ours:.2f}"
            yield (
                job if number == 0 else "",
                label,
                f"{best.seconds:.3f}",
                ratio,
                f"{best.growth_mib:.0f}",
                "" if best.requests is None else str(best.requests),
                _mib(best.sent_bytes),
                _mib(best.received_bytes),
                f"{best.cpu_seconds:.2f}",
            )


def _goal_rows(found: Iterable[Verdict]) -> Iterator[tuple[str, ...]]:
    words = {True: "met", False: "NOT MET", None: "not measured"}
    for verdict in found:
        sign = ">=" if verdict.goal.is_at_least else "<="
        measured = "" if verdict.measured is None else f"{verdict.measured:.2f}"
        yield (
            verdict.goal.text,
            measured,
            f"{sign} {verdict.goal.limit:g}",
            words[verdict.is_met],
        )


def _mib(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / _MIB:.1f}"


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the rows as lines: words to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if _is_number(cell, number) else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _is_number(cell: str, column: int) -> bool:
    return (column > 0 and cell.replace(".", "").isdigit()) or cell in _HEADINGS[2:]
