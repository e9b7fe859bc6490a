"""A dataset version as a folder: all of it, or nothing under its name."""

import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.datasets.export import tensors
from astrid_sdk.datasets.export.card import card
from astrid_sdk.datasets.export.citation import citation_cff
from astrid_sdk.datasets.export.contents import fetch_once, lay_out, writing
from astrid_sdk.datasets.export.hats_catalogue import require_hats, write_hats
from astrid_sdk.datasets.export.listing import MANIFEST, Entry, checksums, listed, media_type_in
from astrid_sdk.datasets.export.provenance import prov_of
from astrid_sdk.datasets.export.report import Export
from astrid_sdk.datasets.export.ro_crate import NAME as CRATE
from astrid_sdk.datasets.export.ro_crate import crate
from astrid_sdk.datasets.export.samples import sample_table, write_samples
from astrid_sdk.datasets.export.samples_fits import write_samples_fits
from astrid_sdk.datasets.export.subject import (
    DATA,
    DEFAULT_FORMATS,
    FORMATS,
    ExportStore,
    ExportSubject,
)
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.errors import ConflictError, InvalidInputError
from astrid_sdk.progress import Progress, shown
from astrid_sdk.rendering import counted
from astrid_sdk.tiers import Tier

_CONTENTS = ".contents"


def export_version(
    store: ExportStore,
    subject: ExportSubject,
    folder: Path,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    progress: Progress | bool = True,
) -> Export:
    """Write a dataset version as a folder that stands alone.

    The same version gives the same bytes. It is written beside `folder` and gets its name when it
    is whole, so that a stopped export leaves nothing under that name.

    Parameters
    ----------
    store : ExportStore
    subject : ExportSubject
    folder : Path
        Is not there yet, or empty.
    formats : sequence of str
        Of ``files`` (``data/``), ``parquet`` and ``fits`` (tables of samples), ``tensors`` and
        ``numpy`` (pixels), ``hats``.
    progress : callable or bool

    Raises
    ------
    InvalidInputError
        The folder is not empty, a format is unknown or cannot hold the dataset, or the file system
        refuses a path.
    NotFoundError, CorruptionError
        A content is not there, or no copy of it is sound.
    """
    target = Path(folder).absolute()
    wanted = _checked(formats)
    subject.check()
    _require_new(target)
    with _building(target) as place, shown(progress, "exporting") as tell:
        writer = _Writer(store, subject, place, wanted)
        return writer.write(target, tell)


@dataclass(frozen=True)
class _Writer:
    """Fills the folder `place` with an export."""

    store: ExportStore
    subject: ExportSubject
    place: Path
    formats: tuple[str, ...]

    def write(self, target: Path, progress: Progress | None) -> Export:
        """Write everything, and return what it will be once it is called `target`."""
        self._pixels_and_files(progress)
        self._tables()
        self._papers()
        entries = [*self._data_entries(), *self._other_entries()]
        self._json(CRATE, crate(self.subject, self._graph, entries))
        entries += listed(self.place, [self.place / CRATE])
        listing = self.place / MANIFEST
        listing.write_bytes(checksums(entries).encode())
        size = sum(entry.size_bytes for entry in entries) + listing.stat().st_size
        name = self.subject.version.name
        return Export(name, target, self.formats, len(entries) + 1, size, tuple(self._notes()))

    @cached_property
    def _table(self) -> pa.Table:
        return sample_table(self.store, self.subject)

    @cached_property
    def _graph(self) -> LineageGraph:
        return self.store.why(self.subject.version.manifest_hash)

    @cached_property
    def _tensor_files(self) -> list[DatasetFile]:
        wanted = {"tensors", "numpy"} & set(self.formats)
        return tensors.tensor_files(self.subject) if wanted else []

    def _pixels_and_files(self, progress: Progress | None) -> None:
        is_full = "files" in self.formats
        files = self.subject.files if is_full else self._tensor_files
        contents = self.place / _CONTENTS
        fetch_once(self.store.cas, files, contents, progress)
        if self._tensor_files:
            self._tensors(tensors.Tensors.of(self._tensor_files, contents))
        if is_full:
            lay_out(files, contents, self.place / DATA)
        shutil.rmtree(contents, ignore_errors=True)

    def _tensors(self, found: tensors.Tensors) -> None:
        if "tensors" in self.formats:
            path = self.place / "tensors.parquet"
            tensors.write_parquet(found, self.subject, self._table, path)
        if "numpy" in self.formats:
            path, index = self.place / "tensors.npy", self.place / "tensors.index.json"
            tensors.write_numpy(found, self.subject, path, index)

    def _tables(self) -> None:
        if "parquet" in self.formats:
            write_samples(self._table, self.place / "samples.parquet")
        if "fits" in self.formats:
            write_samples_fits(self._table, self.place / "samples.fits")
        if "hats" in self.formats:
            write_hats(self._table, self.subject, self.place / "hats")

    def _papers(self) -> None:
        (self.place / "dataset.json").write_bytes(self._manifest())
        self._json("prov.json", prov_of(self._graph, self.subject))
        (self.place / "CITATION.cff").write_text(citation_cff(self.subject), encoding="utf-8")
        text = card(self.subject, self._table, self.place)
        (self.place / "README.md").write_text(text, encoding="utf-8")

    def _manifest(self) -> bytes:
        """Return the very bytes whose hash the version has; an earlier release wrote others."""
        content, named = self.subject.manifest.to_bytes(), self.subject.version.manifest_hash
        if sha256_hex(content) == named:
            return content
        return self.store.cas.retrieve_data(named, tier=Tier.DATASETS)

    def _data_entries(self) -> Iterator[Entry]:
        """Yield the dataset's own files: their hashes were verified when they were fetched."""
        if "files" not in self.formats:
            return
        media_types = self._table["media_type"].to_pylist()
        for file, media_type in zip(self.subject.files, media_types, strict=True):
            size = (self.place / DATA / file.path).stat().st_size
            told = media_type_in(file.path, media_type)
            yield Entry(f"{DATA}/{file.path}", file.content_hash, size, told)

    def _other_entries(self) -> list[Entry]:
        own = [path for path in self.place.iterdir() if path.is_file()]
        deep = (path for path in (self.place / "hats").rglob("*") if path.is_file())
        return list(listed(self.place, [*own, *deep]))

    def _notes(self) -> Iterator[str]:
        rest = len(self.subject.files) - len(self._tensor_files)
        if self._tensor_files and rest:
            yield f"{counted(rest, 'file')} of another kind beside the tensors, not in them"
        unplaced = self._table["ra_deg"].null_count
        if "hats" in self.formats and unplaced:
            yield f"{counted(unplaced, 'file')} without a position, not in hats/"

    def _json(self, name: str, value: dict[str, Any]) -> None:
        text = json.dumps(value, allow_nan=False)  # with indents it takes ten times as long
        (self.place / name).write_text(f"{text}\n", encoding="ascii")


def _checked(formats: Sequence[str]) -> tuple[str, ...]:
    given = (formats,) if isinstance(formats, str) else formats
    for name in given:
        if name not in FORMATS:
            raise InvalidInputError(
                f"there is no format {name!r}: choose of {', '.join(FORMATS)}", kind="format"
            )
    if "hats" in given:
        require_hats()
    return tuple(name for name in FORMATS if name in given)


def _require_new(target: Path) -> None:
    with writing(target):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InvalidInputError(
                f"{str(target)!r} is there and not empty: export to a new folder", kind="folder"
            )


@contextmanager
def _building(target: Path) -> Iterator[Path]:
    """Yield a new folder beside `target`, called so at the end; removed where anything fails."""
    place = target.parent / f".{target.name}.{secrets.token_hex(8)}.part"
    with writing(place):
        place.mkdir(parents=True)
    try:
        with writing(place):
            yield place
        _rename(place, target)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _rename(place: Path, target: Path) -> None:
    try:
        place.rename(target)  # which takes the place of an empty folder
    except OSError as error:
        raise ConflictError(
            f"cannot call the export {str(target)!r}: {error.strerror}; somebody wrote there "
            "meanwhile: export to another folder"
        ) from error
