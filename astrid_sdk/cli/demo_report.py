"""What the demo found out, as values and as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from astrid_sdk.cli.demo_pictures import Picture
from astrid_sdk.cli.demo_score import NightResult
from astrid_sdk.pipeline.detection_table import DetectionTable
from astrid_sdk.pipeline.truth import TrueSource
from astrid_sdk.rendering import TierTotals
from astrid_sdk.tiers import Tier

_DETECTION_KEYS = (
    *("night", "science_file", "x", "y", "ra_deg", "dec_deg", "snr", "flags"),
    "is_negative",
)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The facts of one demo run.

    Attributes
    ----------
    where : str
        The store.
    tiers : mapping of Tier to TierTotals
    content_hashes : sequence of str
        Of everything in the store, sorted.
    nights : sequence of NightResult
    detections : DetectionTable
    pictures : sequence of Picture
    tables : sequence of Path
        The detections for other programs: CSV and DS9 regions; the pictures are beside them.
    skipped : sequence of (str, str)
        Name and reason.
    remarks : sequence of str
        What is doubtful in the headers or in the truth.
    dataset_version : str
    dataset_is_new : bool
    steps_executed, steps_reused : int
    next_commands : sequence of (str, str)
        A command and what it does.
    elapsed_s : float
    """

    where: str
    tiers: Mapping[Tier, TierTotals]
    content_hashes: Sequence[str]
    nights: Sequence[NightResult]
    detections: DetectionTable
    pictures: Sequence[Picture]
    tables: Sequence[Path]
    skipped: Sequence[tuple[str, str]]
    remarks: Sequence[str]
    dataset_version: str
    dataset_is_new: bool
    steps_executed: int
    steps_reused: int
    next_commands: Sequence[tuple[str, str]]
    elapsed_s: float

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
            "remarks": list(self.remarks),
            "pictures": [str(picture.path) for picture in self.pictures],
            "detections": _detections_json(self.detections.frame),
            "elapsed_s": round(self.elapsed_s, 2),
        }

    def write_json(self, path: Path) -> None:
        """Write `to_json` to `path`."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")


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
        "missed": _sources_json(score.missed) if score else None,
        "masked": _sources_json(score.masked) if score else None,
    }


def _sources_json(sources: Sequence[TrueSource]) -> list[dict[str, Any]]:
    return [
        {"science_file": s.science_file, "x": s.x, "y": s.y, "snr": s.snr, "kind": s.kind}
        for s in sources
    ]


def _detections_json(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame[list(_DETECTION_KEYS)].to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """Return a JSON value: a NaN is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
