"""What the demo works on: a simulated survey, or a folder of images."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from astrid_sdk.canonical import json_hash, sha256_hex
from astrid_sdk.catalog.ingest.gathering import fits_files_below
from astrid_sdk.catalog.ingest.report import SkippedFile
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.fields import field_name, group_by_field
from astrid_sdk.pipeline.manifest import Item
from astrid_sdk.sky.dialect import Role
from astrid_sdk.sky.file_names import SUFFIXES
from astrid_sdk.sky.fits_files import check_usable
from astrid_sdk.sky.night import UNDATED
from astrid_sdk.sky.summary import Summary, summarize

Files = list[tuple[str, Path]]
Progress = Callable[[int, int, str], None]

_REFERENCE, _SCIENCE, _TRUTH = "reference", "science", "truth.csv"
_GUESSES_TOLD = 8


@dataclass(frozen=True, slots=True)
class DemoInput:
    """Which frames are references, which are science, and where the truth is.

    Attributes
    ----------
    references, science : list of (str, Path)
        Name and path of each file.
    truth : Path, optional
        The file is not read before the detections are stored.
    told : tuple of str
        What a person should know before the work begins, such as how a flat folder was split.
    skipped : tuple of SkippedFile
        What is not looked at, and why.
    """

    references: Files
    science: Files
    truth: Path | None = None
    told: tuple[str, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()


def simulated_input(folder: Path, progress: Callable[[str], None]) -> DemoInput:
    """Return the default simulated survey in `folder`, simulating it only where it is not there."""
    from astrid_sdk.pipeline.simulate import (  # noqa: PLC0415 - galsim is for the demo only
        SurveyParameters,
        simulate_survey,
        write_survey,
    )

    seal = folder / "survey.sha256"
    wanted = json_hash(repr(SurveyParameters()))
    if not seal.is_file() or seal.read_text(encoding="ascii") != _sealed(folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        write_survey(simulate_survey(progress=progress), folder)
        seal.write_text(_sealed(folder, wanted), encoding="ascii")
    return folder_input(folder)


def _sealed(folder: Path, wanted: str) -> str:
    """Return what the seal of a complete survey says: its parameters and each file's hash."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".sha256"
    )
    return json_hash([wanted, *(sha256_hex(path.read_bytes()) for path in files)])


def require_images(folder: Path) -> None:
    """Refuse a folder in which there is nothing to work on; no file is opened.

    Raises
    ------
    InvalidInputError
        The folder is missing or holds no FITS file, or only one of the two subfolders.
    """
    for part in _parts(folder):
        _files(part)


def folder_input(folder: Path, progress: Progress | None = None) -> DemoInput:
    """Return what `folder` holds: ``reference/`` and ``science/``, or a flat folder split by date.

    Parameters
    ----------
    folder : Path
    progress : callable, optional
        Called while the headers of a flat folder are read.

    Raises
    ------
    InvalidInputError
        As `require_images`, or a flat folder holds nothing to compare.
    """
    truth = folder / _TRUTH if (folder / _TRUTH).is_file() else None
    parts = _parts(folder)
    hidden = tuple(skip for part in parts for skip in _hidden(part))
    if len(parts) == 1:
        return replace(_split(folder, progress), truth=truth, skipped=hidden)
    references, science = map(_files, parts)
    return DemoInput(references, science, truth, skipped=hidden)


def _parts(folder: Path) -> list[Path]:
    """Return the folders of reference and science frames, or the flat folder alone."""
    if folder.is_file():
        raise InvalidInputError(f"{folder} is a file: give --images the folder that holds it")
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder {folder}: check the path after --images")
    present = [name for name in (_REFERENCE, _SCIENCE) if (folder / name).is_dir()]
    if len(present) == 1:
        missing = _SCIENCE if present == [_REFERENCE] else _REFERENCE
        raise InvalidInputError(f"{folder} has {present[0]}/ but no {missing}/: put frames there")
    return [folder / name for name in present] or [folder]


def _files(folder: Path) -> Files:
    """Return the FITS files below `folder`, without those in hidden folders such as a store."""
    found = fits_files_below(folder)
    return [
        (name, path)
        for name, path in found
        if not any(part.startswith(".") for part in PurePath(name).parts[:-1])
    ]


def _hidden(folder: Path) -> tuple[SkippedFile, ...]:
    """Return the files in `folder` whose names are a FITS suffix, or begin with a dot."""
    names = sorted(
        os.fsencode(path.name).decode("utf-8", "replace")
        for path in folder.iterdir()
        if path.name.startswith(".") and path.name.lower().endswith(SUFFIXES) and path.is_file()
    )
    reason = "its name begins with a dot, so it is hidden: rename it to have it taken"
    return tuple(SkippedFile(name, reason) for name in names)


def _split(folder: Path, progress: Progress | None) -> DemoInput:
    """Split a flat folder: per field and filter the earliest night is the reference.

    With one night only, the earlier half of its frames is. A file that cannot be used counts as
    science, so that ingest names it with its reason.
    """
    files = _files(folder)
    items, others = _looked_at(files, progress)
    paths = dict(files)
    references: Files = []
    science = [(name, paths[name]) for name in others]
    told = []
    for group in group_by_field(items):
        group.sort(key=_when)
        chosen = _reference_count([item.summary.night for item in group])
        references += [(item.name, paths[item.name]) for item in group[:chosen]]
        science += [(item.name, paths[item.name]) for item in group[chosen:]]
        told.append(_guess(group[:chosen], group[chosen:]))
    if not science:
        raise InvalidInputError(
            f"{folder} holds one frame per field and filter: a transient shows when two frames of "
            "one field and filter are compared, so add another epoch"
        )
    head = f"{folder} has no reference/ and science/, so it is split by date and filter:"
    return DemoInput(sorted(references), sorted(science), told=(head, *_few(told)))


def _looked_at(files: Files, progress: Progress | None) -> tuple[list[Item], list[str]]:
    """Return the images among `files`, and the names of the rest."""
    items, others = [], []
    for done, (name, path) in enumerate(files):
        if progress is not None:
            progress(done, len(files), name)
        summary = _image_summary(name, path)
        if summary is None:
            others.append(name)
        else:
            items.append(Item("", "", name, replace(summary, instrument=None)))
    return items, others


def _image_summary(name: str, path: Path) -> Summary | None:
    """Return what the first image of a file says, or None where it holds no usable image."""
    try:
        content = path.read_bytes()
        check_usable(content, name)
        found = summarize(content, name)
    except (InvalidInputError, OSError):
        return None
    return next((summary for summary in found if summary.role is Role.IMAGE), None)


def _when(item: Item) -> tuple[bool, str, str, str]:
    """Return what puts frames in the order of time; those without one come last, by name."""
    start = item.summary.observation_time
    night = item.summary.night
    return (night == UNDATED, night, start.isoformat() if start else "", item.name)


def _reference_count(nights: Sequence[str]) -> int:
    """Return how many of the frames, whose `nights` are in order, are references."""
    first = nights.count(nights[0])
    if nights[0] != UNDATED and first < len(nights):
        return first
    return max(1, len(nights) // 2)


def _guess(references: Sequence[Item], science: Sequence[Item]) -> str:
    summary = references[0].summary
    called = f"{field_name(summary)}, filter {summary.filter_band}"
    if not science:
        return f"{called}: {references[0].name} only, nothing to compare it with"
    return (
        f"{called}: {len(references)} reference ({_nights(references)}), "
        f"{len(science)} science ({_nights(science)})"
    )


def _nights(items: Sequence[Item]) -> str:
    nights = [item.summary.night for item in items]
    return nights[0] if nights[0] == nights[-1] else f"{nights[0]} to {nights[-1]}"


def _few(lines: Sequence[str]) -> list[str]:
    shown = [f"  {line}" for line in lines[:_GUESSES_TOLD]]
    more = len(lines) - len(shown)
    return [*shown, f"  and {more} more"] if more else shown
