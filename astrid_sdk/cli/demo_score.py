"""How well the demo found what is known to be there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.pipeline.detection_files import DetectionTable
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.pipeline.truth import DetectedPosition, NightScore, read_truth, score_night
from astrid_sdk.session import AstridSession


@dataclass(frozen=True, slots=True)
class NightResult:
    """What one night gave.

    Attributes
    ----------
    night : str
    science_files : tuple of str
    megapixels : float
        Unmasked, of all its difference images.
    detected, flagged, negatives : int
        Unflagged positive, flagged positive, and negative detections.
    score : NightScore, optional
        Against the truth, where that is known.
    """

    night: str
    science_files: tuple[str, ...]
    megapixels: float
    detected: int
    flagged: int
    negatives: int
    score: NightScore | None


def night_results(
    session: AstridSession,
    nights: Mapping[str, Manifest],
    table: DetectionTable,
    truth: Path | None,
) -> list[NightResult]:
    """Return what each night gave; the truth is read here, after the detections were stored."""
    known = None if truth is None else read_truth(truth)
    results = []
    for night, manifest in sorted(nights.items()):
        if not manifest.items:
            continue
        positions = _positions(table, [item.name for item in manifest.items], night)
        score = None
        if known is not None:
            good = {item.name: _good(session, item) for item in manifest.items}
            score = score_night(known, positions, good, night=night)
        results.append(_result(night, manifest, positions, score))
    return results


def _result(
    night: str,
    manifest: Manifest,
    positions: Sequence[DetectedPosition],
    score: NightScore | None,
) -> NightResult:
    positive = [position for position in positions if not position.is_negative]
    return NightResult(
        night=night,
        science_files=tuple(item.name for item in manifest.items),
        megapixels=sum(float(item.details["megapixels"]) for item in manifest.items),
        detected=sum(position.flags == 0 for position in positive),
        flagged=sum(position.flags != 0 for position in positive),
        negatives=len(positions) - len(positive),
        score=score,
    )


def _positions(table: DetectionTable, names: Sequence[str], night: str) -> list[DetectedPosition]:
    rows = table.frame[table.frame["night"] == night]
    return [
        DetectedPosition(
            science_file=str(row["science_file"]),
            x=float(row["x"]),
            y=float(row["y"]),
            snr=float(row["snr"]),
            is_negative=bool(row["is_negative"]),
            flags=int(row["flags"]),
        )
        for row in rows.to_dict("records")
        if row["science_file"] in names
    ]


def _good(session: AstridSession, item: Item) -> NDArray[np.bool_]:
    content = session.cas.retrieve_data(str(item.details["difference_hash"]))
    return np.asarray(Difference.from_fits(content).mask == 0)
