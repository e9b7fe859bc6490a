"""Ingest: files as they came into ``raw-observations``, with what their headers say.

Each file is read once. A file that cannot be used is named with its reason and left where it is;
content that is stored already is not stored again. Write order: blobs, then one record pack per
batch, so that what a stopped run stored is found again by the next.
"""

import html
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.contents import PURPOSES
from astrid_sdk.catalog.search import Query, find
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.fits_files import SUFFIXES, check_usable, is_fits_name
from astrid_sdk.sky.summary import Summary, summarize
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import Record, RecordKind, RecordLog
from astrid_sdk.tiers import Tier

_BATCH_FILES = 100
_MEDIA_TYPE = "application/fits"
_PACKED_MEDIA_TYPE = "application/gzip"
_GZIP_MAGIC = b"\x1f\x8b"

Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the name of the file at hand."""


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """A file whose content is in the store.

    Attributes
    ----------
    name : str
        Relative to the folder that was ingested.
    content_hash : str
    summaries : tuple of Summary
        One per image in the file.
    """

    name: str
    content_hash: str
    summaries: tuple[Summary, ...]


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was left where it is, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of each file.

    Attributes
    ----------
    stored : tuple of IngestedFile
        New in the store.
    already_there : tuple of IngestedFile
        Stored by an earlier call, or the same bytes as a file before it.
    skipped : tuple of SkippedFile
    """

    stored: tuple[IngestedFile, ...] = ()
    already_there: tuple[IngestedFile, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()

    @property
    def files(self) -> tuple[IngestedFile, ...]:
        """All files whose content is in the store now."""
        return self.stored + self.already_there

    @property
    def nights(self) -> list[str]:
        """The nights of the files, earliest first."""
        return sorted({said.night for file in self.files for said in file.summaries})

    @override
    def __str__(self) -> str:
        counts = (
            f"{len(self.stored)} stored, {len(self.already_there)} already there, "
            f"{len(self.skipped)} skipped"
        )
        skips = [f"  skipped {skip.name}: {skip.reason}" for skip in self.skipped]
        return "\n".join([counts, *skips])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        skips = "".join(
            f"<li><code>{html.escape(skip.name)}</code>: {html.escape(skip.reason)}</li>"
            for skip in self.skipped
        )
        head = html.escape(str(self).splitlines()[0])
        return {"text/plain": str(self), "text/html": f"<p><b>{head}</b></p><ul>{skips}</ul>"}


class Ingest:
    """Puts files into a store.

    Parameters
    ----------
    cas : ContentAddressedStorage
    records : RecordLog
    catalog : Catalog
    """

    def __init__(self, cas: ContentAddressedStorage, records: RecordLog, catalog: Catalog) -> None:
        self._cas = cas
        self._records = records
        self._catalog = catalog

    def __call__(
        self,
        files: Sequence[tuple[str, Path]],
        *,
        purpose: str = "science",
        progress: Progress | None = None,
    ) -> IngestReport:
        """Ingest `files`, pairs of a name and a path.

        Parameters
        ----------
        files : sequence of (str, Path)
            As `fits_files_below` returns.
        purpose : str
            ``"science"``, or ``"reference"`` for frames to make templates from.
        progress : callable, optional

        Raises
        ------
        InvalidInputError
            `purpose` is neither.
        """
        if purpose not in PURPOSES:
            raise InvalidInputError(f"purpose is 'science' or 'reference', not {purpose!r}")
        run = _Run(self._cas, _Known.of(self._catalog), purpose)
        for start in range(0, len(files), _BATCH_FILES):
            for done, (name, path) in enumerate(files[start : start + _BATCH_FILES], start):
                if progress is not None:
                    progress(done, len(files), name)
                run.take(name, path)
            self._records.append(run.new_records())
        if progress is not None:
            progress(len(files), len(files), "")
        return run.report()


def fits_files_below(path: Path) -> list[tuple[str, Path]]:
    """Return name and path of each file called like a FITS file, in the order of their names.

    Parameters
    ----------
    path : Path
        A file, or a folder whose subfolders count too. Names are relative to it.

    Raises
    ------
    InvalidInputError
        Nothing is at `path`, or nothing there is called like a FITS file.
    """
    if not path.exists():
        raise InvalidInputError(
            f"there is no file or folder {path}: check the path", kind="no_path"
        )
    if path.is_file():
        return [(_name(path, path.parent), path)]
    found = [(_name(file, path), file) for file in _below(path)]
    if not found:
        raise InvalidInputError(
            f"no FITS file in {path}: files are recognised by {' '.join(SUFFIXES)}",
            kind="empty_folder",
        )
    return sorted(found)


def _below(folder: Path) -> Iterator[Path]:
    """Yield the FITS files below `folder`, and the folders that cannot be looked into.

    Trying to read such a folder gives the reason, so that it is named among the skipped.
    """
    closed: list[OSError] = []
    for where, _, names in os.walk(folder, onerror=closed.append):
        paths = (Path(where) / name for name in names if is_fits_name(name))
        # links that lead nowhere are named too; pipes and sockets would never end
        yield from (path for path in paths if path.is_file() or path.is_symlink())
    yield from (Path(error.filename) for error in closed)


def _name(file: Path, folder: Path) -> str:
    """Return the path relative to `folder`, readable: bytes that are no UTF-8 are replaced."""
    return os.fsencode(file.relative_to(folder).as_posix()).decode("utf-8", "replace")


@dataclass(slots=True)
class _Known:
    """What the store holds, kept up to date while a run adds to it."""

    hashes: set[str]
    record_ids: set[str]
    purposes: dict[str, str]

    @classmethod
    def of(cls, catalog: Catalog) -> "_Known":
        query = Query(tier=Tier.RAW_OBSERVATIONS, include_excluded=True)
        rows = find(catalog, query).to_arrow().select(["content_hash", "purpose"])
        pairs = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        purposes = dict(pairs)
        ids = catalog.records()["record_id"].to_pylist()
        return cls(set(purposes), set(ids), purposes)


class _Run:
    """One call of ingest: takes files, remembers what became of them."""

    def __init__(self, cas: ContentAddressedStorage, known: _Known, purpose: str) -> None:
        self._cas = cas
        self._known = known
        self._purpose = purpose
        self._stored: list[IngestedFile] = []
        self._already: list[IngestedFile] = []
        self._skipped: list[SkippedFile] = []
        self._records: list[Record] = []

    def take(self, name: str, path: Path) -> None:
        try:
            content = _read(path)
            check_usable(content, name)
            summaries = tuple(summarize(content, name))
        except InvalidInputError as refusal:
            self._skipped.append(SkippedFile(name, refusal.message))
            return
        file = IngestedFile(name, sha256_hex(content), summaries)
        is_new = file.content_hash not in self._known.hashes
        (self._stored if is_new else self._already).append(file)
        if is_new:
            self._cas.put_blob(content, _media_type(content), Tier.RAW_OBSERVATIONS)
        self._note(_record(file, path, content))
        self._known.hashes.add(file.content_hash)
        # Nobody said it of a file that is ingested with the default, so that takes nothing back.
        told = self._known.purposes.get(file.content_hash, PURPOSES[0])
        if self._purpose not in {told, PURPOSES[0]}:
            self._note(_purpose_tag(file, content, self._purpose))
            self._known.purposes[file.content_hash] = self._purpose

    def new_records(self) -> list[Record]:
        records, self._records = self._records, []
        return records

    def report(self) -> IngestReport:
        return IngestReport(tuple(self._stored), tuple(self._already), tuple(self._skipped))

    def _note(self, record: Record) -> None:
        if record.record_id not in self._known.record_ids:
            self._known.record_ids.add(record.record_id)
            self._records.append(record)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"it cannot be read ({error.strerror}): mend its rights or the disk", kind="unreadable"
        ) from error


def _media_type(content: bytes) -> str:
    return _PACKED_MEDIA_TYPE if content.startswith(_GZIP_MAGIC) else _MEDIA_TYPE


def _record(file: IngestedFile, path: Path, content: bytes) -> Record:
    return Record(
        kind=RecordKind.INGEST,
        content_hash=file.content_hash,
        tier=Tier.RAW_OBSERVATIONS,
        size_bytes=len(content),
        media_type=_media_type(content),
        name=file.name,
        origin=path.resolve().as_uri(),
        summaries=[summary.to_json() for summary in file.summaries],
    )


def _purpose_tag(file: IngestedFile, content: bytes, purpose: str) -> Record:
    return Record(
        kind=RecordKind.TAG,
        content_hash=file.content_hash,
        tier=Tier.RAW_OBSERVATIONS,
        size_bytes=len(content),
        media_type=_media_type(content),
        name=file.name,
        details={"tag": "purpose", "value": purpose},
    )
