"""A look into one file: what its headers say, or why it cannot be used."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.source_files import FileMark, changed_file, mark_of, reading

_MEDIA_TYPE = "application/fits"
_PACKED_MEDIA_TYPE = "application/gzip"
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into a file showed.

    Attributes
    ----------
    mark : FileMark or None
        What the file was like before and after it was read; None where there is none.
    media_type : str
    summaries : sequence of mappings
        As `astrid_sdk.sky.summary.Summary.to_json` gives them.
    refusal : str
        Why the file cannot be used, in a sentence; "" where it can.
    """

    mark: FileMark | None = None
    media_type: str = _MEDIA_TYPE
    summaries: Sequence[Mapping[str, Any]] = field(default_factory=list)
    refusal: str = ""

    def to_json(self) -> list[Any]:
        """Return the look as JSON values."""
        return [self.mark, self.media_type, self.summaries, self.refusal]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Look":
        """Return the look that `to_json` gave."""
        mark, media_type, summaries, refusal = values
        return cls(None if mark is None else FileMark(*mark), media_type, summaries, refusal)


def look_into(name: str, path: Path) -> Look:
    """Return what the file at `path` shows; no trouble with the file is an error.

    Parameters
    ----------
    name : str
        What the file is called: pipelines put an image's role there.
    path : Path
    """
    try:
        mark, start = _start_of(path)
        summaries = _summaries(path, name)
        if mark_of(path) != mark:
            raise changed_file(path)
    except InvalidInputError as refusal:
        return Look(refusal=refusal.message)
    is_packed = start.startswith(_GZIP_MAGIC)
    return Look(mark, _PACKED_MEDIA_TYPE if is_packed else _MEDIA_TYPE, summaries)


def _start_of(path: Path) -> tuple[FileMark, bytes]:
    """Return the mark of a file and its first two bytes.

    Raises
    ------
    InvalidInputError
        It cannot be read, or is no file: a pipe would never end.
    """
    with reading(path):
        if not stat.S_ISREG(path.stat().st_mode):  # before it is opened: a pipe would wait
            raise InvalidInputError(f"{path} is no file: name one, or a folder", kind="no_file")
        with path.open("rb", buffering=0) as file:
            return FileMark.of(os.fstat(file.fileno())), file.read(len(_GZIP_MAGIC))


def _summaries(path: Path, name: str) -> list[dict[str, Any]]:
    # Astropy takes a second to import, and a process that only hands out looks needs none of it.
    from astrid_sdk.sky.summary import summarize_file  # noqa: PLC0415

    return [summary.to_json() for summary in summarize_file(path, name)]
