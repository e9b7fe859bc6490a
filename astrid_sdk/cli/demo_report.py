"""What the demo says at its end: for people, and the same facts as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from astrid_sdk.cli.demo_score import NightResult
from astrid_sdk.pipeline.detection_files import DetectionTable
from astrid_sdk.rendering import human_bytes
from astrid_sdk.session import TierTotals
from astrid_sdk.tiers import Tier

_DETECTION_KEYS = ("night", "science_file", "x", "y", "ra_deg", "dec_deg", "snr", "flags")
_LISTED = 8
_TIGHT: dict[str, Any] = {"collapse_padding": True, "pad_edge": False}


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The facts of one demo run.

    Attributes
    ----------
    where : str
        The store.
    tiers : mapping of Tier to TierTotals
    nights : sequence of NightResult
    content_hashes : sequence of str
        Of everything in the store, sorted.
    dataset_version : str
    dataset_is_new : bool
    steps_executed, steps_reused : int
    skipped : sequence of (str, str)
        Name and reason.
    pictures : sequence of Path
    picture_folder, csv_path, ds9_path : Path
    detections : DetectionTable
    elapsed_s : float
    next_commands : sequence of (str, str)
        A command and what it does.
    """

    where: str
    tiers: Mapping[Tier, TierTotals]
    nights: Sequence[NightResult]
    content_hashes: Sequence[str]
    dataset_version: str
    dataset_is_new: bool
    steps_executed: int
    steps_reused: int
    skipped: Sequence[tuple[str, str]]
    pictures: Sequence[Path]
    picture_folder: Path
    csv_path: Path
    ds9_path: Path
    detections: DetectionTable
    elapsed_s: float
    next_commands: Sequence[tuple[str, str]]

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON values; what is not known is null."""
        return {
            "tiers": {
                tier.value: {"count": held.count, "bytes": held.size_bytes}
                for tier, held in self.tiers.items()
            },
            "nights": [_night_json(result) for result in self.nights],
            "content_hashes": list(self.content_hashes),
            "dataset_version": self.dataset_version,
            "steps_executed": self.steps_executed,
            "steps_reused": self.steps_reused,
            "skipped": [{"name": name, "reason": reason} for name, reason in self.skipped],
            "pictures": [str(path) for path in self.pictures],
            "detections": _detections_json(self.detections.frame),
            "elapsed_s": round(self.elapsed_s, 2),
        }

    def write_json(self, path: Path) -> None:
        """Write `to_json` to `path`."""
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    def show(self, console: Console) -> None:
        """Print the facts for people."""
        console.print()
        console.print(_tier_table(self.tiers))
        console.print(_night_table(self.nights))
        for line in _truth_lines(self.nights):
            console.print(line, highlight=False)
        if self.skipped:
            console.print(f"[bold]{len(self.skipped)} skipped[/bold], left where they were:")
            for name, reason in self.skipped:
                console.print(f"  {name}: {reason}", markup=False, highlight=False)
        state = "new" if self.dataset_is_new else "unchanged, no new version"
        console.print(f"dataset      {self.dataset_version} ({state})", highlight=False)
        console.print(f"steps        {_steps(self.steps_executed, self.steps_reused)}")
        console.print(f"pictures     {len(self.pictures)} in {self.picture_folder}", soft_wrap=True)
        console.print(f"tables       {self.csv_path.name}, {self.ds9_path.name} there too")
        console.print(f"store        {self.where}", soft_wrap=True)
        console.print(f"elapsed      {self.elapsed_s:.1f} s")
        console.print("\n[bold]Next:[/bold]")
        for command, purpose in self.next_commands:
            console.print(f"  {command}   [dim]# {purpose}[/dim]", soft_wrap=True, highlight=False)


def _steps(executed: int, reused: int) -> str:
    if executed == 0:
        return f"0 executed: all {reused} were done before"
    return f"{executed} executed, {reused} reused"


def _night_json(result: NightResult) -> dict[str, Any]:
    score = result.score
    return {
        "night": result.night,
        "science_files": list(result.science_files),
        "megapixels": result.megapixels,
        "detected": result.detected,
        "flagged": result.flagged,
        "negatives": result.negatives,
        "injected": score.injected if score else None,
        "found": score.found if score else None,
        "injected_snr10": score.injected_snr10 if score else None,
        "found_snr10": score.found_snr10 if score else None,
        "false_positives": score.false_positives if score else None,
        "masked": [{"x": s.x, "y": s.y, "snr": s.snr} for s in score.masked] if score else None,
        "missed": [{"x": s.x, "y": s.y, "snr": s.snr} for s in score.missed] if score else None,
    }


def _detections_json(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = [*_DETECTION_KEYS, "is_negative"]
    if frame.empty:
        return []
    rows = frame[columns].to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """Return a JSON value: a NaN is null."""
    return None if isinstance(value, float) and value != value else value


def _tier_table(tiers: Mapping[Tier, TierTotals]) -> Table:
    table = Table(title="What the store holds", title_justify="left", box=box.SIMPLE_HEAD, **_TIGHT)
    table.add_column("tier")
    table.add_column("contents", justify="right")
    table.add_column("size", justify="right")
    for tier, held in tiers.items():
        table.add_row(tier.value, str(held.count), human_bytes(held.size_bytes))
    return table


def _night_table(nights: Sequence[NightResult]) -> Table:
    table = Table(title="What was found", title_justify="left", box=box.SIMPLE_HEAD, **_TIGHT)
    table.add_column("night", no_wrap=True)
    known = any(result.score for result in nights)
    heads = ("Mpix", "new", "flag", "faded")
    more = ("injected", "found", "missed", "false", "SNR>=10", "masked")
    for head in heads + (more if known else ()):
        table.add_column(head, justify="right", no_wrap=True)
    for result in nights:
        table.add_row(result.night, *_numbers(result), *(_scores(result) if known else ()))
    return table


def _numbers(result: NightResult) -> tuple[str, ...]:
    counts = (result.detected, result.flagged, result.negatives)
    return (f"{result.megapixels:.2f}", *map(str, counts))


def _scores(result: NightResult) -> tuple[str, ...]:
    score = result.score
    if score is None:
        return ("",) * 6
    return (
        str(score.injected),
        str(score.found),
        str(len(score.missed)),
        str(score.false_positives),
        f"{score.found_snr10}/{score.injected_snr10}",
        str(len(score.masked)),
    )


def _truth_lines(nights: Sequence[NightResult]) -> list[str]:
    lines = []
    for result in nights:
        if result.score is None:
            continue
        for said, sources in (("missed", result.score.missed), ("under mask", result.score.masked)):
            if sources:
                listed = ", ".join(
                    f"({s.x:.0f}, {s.y:.0f}) SNR {'?' if s.snr is None else format(s.snr, '.1f')}"
                    for s in sources[:_LISTED]
                )
                more = f" and {len(sources) - _LISTED} more" if len(sources) > _LISTED else ""
                lines.append(f"{result.night} {said}: {listed}{more}")
    return lines
