"""What the demo works on: a simulated survey, or a folder of images."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from astrid_sdk.canonical import json_hash, sha256_hex
from astrid_sdk.catalog.ingest import fits_files_below
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.night import UNDATED
from astrid_sdk.sky.summary import Summary, summarize

Files = Sequence[tuple[str, Path]]
_REFERENCE, _SCIENCE, _TRUTH = "reference", "science", "truth.csv"


@dataclass(frozen=True, slots=True)
class DemoInput:
    """Which frames are references, which are science, and where the truth is.

    Attributes
    ----------
    references, science : sequence of (str, Path)
        Name and path of each file.
    truth : Path, optional
        The file is not read before the detections are stored.
    guess : str
        How a flat folder was split, for people; "" where nothing was guessed.
    """

    references: Files
    science: Files
    truth: Path | None
    guess: str = ""


def simulated_input(folder: Path, progress: Callable[[str], None]) -> DemoInput:
    """Return the default simulated survey in `folder`, simulating it only where it is not there."""
    from astrid_sdk.pipeline.simulate import (  # noqa: PLC0415 - galsim is for the demo only
        SurveyParameters,
        simulate_survey,
        write_survey,
    )

    seal = folder / "survey.sha256"
    wanted = json_hash(repr(SurveyParameters()))
    if not seal.exists() or seal.read_text(encoding="ascii") != _sealed(folder, wanted):
        write_survey(simulate_survey(progress=progress), folder)
        seal.write_text(_sealed(folder, wanted), encoding="ascii")
    return folder_input(folder)


def _sealed(folder: Path, wanted: str) -> str:
    """Return what the seal of a complete survey says: its parameters and each file's hash."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".sha256"
    )
    return json_hash([wanted, *(sha256_hex(path.read_bytes()) for path in files)])


def folder_input(folder: Path) -> DemoInput:
    """Return what `folder` holds: ``reference/`` and ``science/``, or a flat folder split by date.

    Raises
    ------
    InvalidInputError
        The folder is missing or holds no FITS file, or only one of the two subfolders.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder {folder}: check the path after --images")
    truth = folder / _TRUTH if (folder / _TRUTH).is_file() else None
    present = [name for name in (_REFERENCE, _SCIENCE) if (folder / name).is_dir()]
    if len(present) == 1:
        missing = _SCIENCE if present == [_REFERENCE] else _REFERENCE
        raise InvalidInputError(f"{folder} has {present[0]}/ but no {missing}/: put frames there")
    if present:
        references = fits_files_below(folder / _REFERENCE)
        return DemoInput(references, fits_files_below(folder / _SCIENCE), truth)
    return _split(fits_files_below(folder), truth)


def _split(files: Files, truth: Path | None) -> DemoInput:
    """Split a flat folder: per filter the earliest night is the reference.

    With one night only, the earlier half of its frames is. A file whose header cannot be read
    counts as science, so that ingest names it with its reason.
    """
    by_band: dict[str, list[tuple[str, str, tuple[str, Path]]]] = defaultdict(list)
    unreadable = []
    for name, path in files:
        summary = _summary(name, path)
        if summary is None:
            unreadable.append((name, path))
        else:
            when = summary.observation_time.isoformat() if summary.observation_time else ""
            by_band[summary.filter_band].append((summary.night, when or name, (name, path)))
    references, science, told = [], list(unreadable), []
    for band, frames in sorted(by_band.items()):
        frames.sort()
        chosen = _reference_count([night for night, _, _ in frames])
        references += [file for _, _, file in frames[:chosen]]
        science += [file for _, _, file in frames[chosen:]]
        told.append(
            f"filter {band}: {chosen} reference ({frames[0][0]}), {len(frames) - chosen} science"
        )
    guess = "no reference/ and science/ folders, so split by date and filter: " + "; ".join(told)
    return DemoInput(sorted(references), sorted(science), truth, guess)


def _reference_count(nights: Sequence[str]) -> int:
    """Return how many of the frames, whose `nights` are in order, are references."""
    dated = [night for night in nights if night != UNDATED]
    first = nights.count(nights[0])
    if dated and first < len(nights):
        return first
    return max(1, len(nights) // 2)


def _summary(name: str, path: Path) -> Summary | None:
    try:
        return summarize(path.read_bytes(), name)[0]
    except (InvalidInputError, OSError):
        return None
