"""A look into one file: what its headers say, or why it cannot be used."""

import io
import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from astrid_sdk.catalog.ingest.written_summaries import WrittenSummaries
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.source_files import FileMark, changed_file, mark_of, reading

_MEDIA_TYPE = "application/fits"
_PACKED_MEDIA_TYPE = "application/gzip"
_GZIP_MAGIC = b"\x1f\x8b"
_SMALL_BYTES = 1 << 16
"""Up to here a file is read at once."""


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

    def to_line(self) -> str:
        """Return the look as a line of text."""
        head = json.dumps([self.mark, self.media_type, self.refusal])
        said = self.summaries
        if not isinstance(said, WrittenSummaries):
            said = WrittenSummaries.of(said)
        return "\t".join((head, *said.to_fields())) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Look":
        """Return the look that `to_line` gave."""
        head, *fields = line.removesuffix("\n").split("\t")
        mark, media_type, refusal = json.loads(head)
        known = None if mark is None else FileMark(*mark)
        return cls(known, media_type, WrittenSummaries.of_fields(fields), refusal)


def look_into(name: str, path: Path) -> Look:
    """Return what the file at `path` shows; no trouble with the file is an error.

    Parameters
    ----------
    name : str
        What the file is called: pipelines put an image's role there.
    path : Path
    """
    try:
        with _opened(path) as file:
            mark = FileMark.of(os.fstat(file.fileno()))
            is_packed = file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
            summaries = _summaries(file, name, mark.size_bytes)
        if mark_of(path) != mark:
            raise changed_file(path)
    except InvalidInputError as refusal:
        return Look(refusal=refusal.message)
    return Look(mark, _PACKED_MEDIA_TYPE if is_packed else _MEDIA_TYPE, summaries)


def _opened(path: Path) -> io.BufferedReader:
    """Open a file.

    Raises
    ------
    InvalidInputError
        It cannot be read, or is no file: a pipe would never end.
    """
    with reading(path):
        # Asked before it is opened: a pipe would wait. Both by name: a Path costs more.
        mode = os.stat(path).st_mode  # noqa: PTH116
        if stat.S_ISDIR(mode):
            os.listdir(path)  # a folder that is closed, which says why  # noqa: PTH208
        if not stat.S_ISREG(mode):
            raise InvalidInputError(f"{path} is no file: name one, or a folder", kind="no_file")
        return open(path, "rb")  # noqa: PTH123


def _summaries(file: IO[bytes], name: str, size_bytes: int) -> WrittenSummaries:
    # A process that only hands out looks needs none of what reads headers.
    from astrid_sdk.sky.sources import BytesSource, FileSource  # noqa: PLC0415
    from astrid_sdk.sky.summary import told_by  # noqa: PLC0415
    from astrid_sdk.sky.unpacking import plain_of  # noqa: PLC0415

    with plain_of(file, name) as plain:
        is_small = plain is file and size_bytes <= _SMALL_BYTES
        source = BytesSource(plain.read(size_bytes)) if is_small else FileSource(plain)
        return WrittenSummaries.of(told_by(source, name))
