"""How well the demo found what is known to be there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.detection_table import DetectionTable
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.pipeline.truth import (
    DetectedPosition,
    NightScore,
    TrueSource,
    read_truth,
    score_night,
)
from astrid_sdk.session import AstridSession
from astrid_sdk.tiers import Tier


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


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known to be in the frames that were searched.

    Attributes
    ----------
    sources : tuple of TrueSource, optional
        None where nothing is known.
    remarks : tuple of str
        What of the file could not be used, and why.
    """

    sources: tuple[TrueSource, ...] | None = None
    remarks: tuple[str, ...] = ()


def known_truth(path: Path | None, frames: Sequence[str]) -> Truth:
    """Return the true sources in `frames`, the names of science frames.

    A truth table names files without folders, frames may be named with them. A table that cannot
    be read leaves the frames unscored: what was found is of use all the same.
    """
    if path is None:
        return Truth()
    try:
        read = read_truth(path)
    except (InvalidInputError, OSError) as error:
        return Truth(remarks=(f"{path.name} is not used, nothing is scored: {error}",))
    called = _by_file_name(frames)
    sources = tuple(
        replace(source, science_file=called[source.science_file])
        for source in read
        if source.science_file in called
    )
    strange = Counter(s.science_file for s in read if s.science_file not in called)
    return Truth(sources, tuple(_strange(path, *lost) for lost in sorted(strange.items())))


def _by_file_name(frames: Sequence[str]) -> dict[str, str]:
    """Return the frame that each name means: its own, and without folders where that is clear."""
    plain = [PurePosixPath(frame).name for frame in frames]
    clear = {
        name: frame for name, frame in zip(plain, frames, strict=True) if plain.count(name) == 1
    }
    return clear | {frame: frame for frame in frames}


def _strange(path: Path, name: str, count: int) -> str:
    sources = "source" if count == 1 else "sources"
    return f"{path.name}: {count} {sources} of {name} not scored, no such frame was searched"


def night_results(
    session: AstridSession,
    nights: Mapping[str, Manifest],
    table: DetectionTable,
    truth: Truth,
) -> list[NightResult]:
    """Return what each night gave.

    Parameters
    ----------
    session : AstridSession
    nights : mapping of str to Manifest
        Night to its detections.
    table : DetectionTable
        The rows of those detections.
    truth : Truth
    """
    results = []
    for night, manifest in sorted(nights.items()):
        names = {item.name for item in manifest.items}
        positions = _positions(table, {(night, name) for name in names})
        score = None
        if truth.sources is not None:
            good = {item.name: _good(session, item) for item in manifest.items}
            score = score_night(truth.sources, positions, good, night=night)
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


def _positions(table: DetectionTable, frames: set[tuple[str, str]]) -> list[DetectedPosition]:
    return [
        DetectedPosition(
            science_file=str(row["science_file"]),
            x=float(row["x"]),
            y=float(row["y"]),
            snr=float(row["snr"]),
            is_negative=bool(row["is_negative"]),
            flags=int(row["flags"]),
        )
        for row in table.only(frames).frame.to_dict("records")
    ]


def _good(session: AstridSession, item: Item) -> NDArray[np.bool_]:
    content = session.cas.retrieve_data(
        str(item.details["difference_hash"]), tier=Tier.DIFFERENCE_IMAGES
    )
    return np.asarray(Difference.from_fits(content).mask == 0)
