"""One run of ingest: batches of files on their way, and what became of each file."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from astrid_sdk.catalog.ingest.gathering import NamedFile
from astrid_sdk.catalog.ingest.known_contents import KnownContents
from astrid_sdk.catalog.ingest.look import Look
from astrid_sdk.catalog.ingest.looking import Looking
from astrid_sdk.catalog.ingest.records import IngestRecords
from astrid_sdk.catalog.ingest.report import IngestedFile, IngestReport, SkippedFile
from astrid_sdk.catalog.ingest.written_summaries import told_of
from astrid_sdk.errors import AstridError, InvalidInputError, StorageUnavailableError
from astrid_sdk.storage.bulk_items import FileToStore
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.source_files import FileMark
from astrid_sdk.storage.store_report import FailedFile, StoredFile
from astrid_sdk.tiers import Tier

_Usable: TypeAlias = list[tuple[FileToStore, Look]]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Files that are looked into while the batch before them is stored."""

    files: Sequence[NamedFile]
    known: Mapping[Path, Look]
    looks: Iterator[Look]


@dataclass(frozen=True, slots=True)
class _Outcomes:
    stored: list[IngestedFile] = field(default_factory=list)
    already_there: list[IngestedFile] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.stored) + len(self.already_there) + len(self.skipped)


class IngestRun:
    """Takes batches of files, and remembers what became of them.

    Parameters
    ----------
    cas : ContentAddressedStorage
    looking : Looking
    known : KnownContents or None
        What the catalogue knew when the run began; None where it could not be asked.
    target : (Tier, str)
        Where the files go, and what they are for.
    tell : callable
        Called with files done, and the name of the file at hand.
    """

    def __init__(
        self,
        cas: ContentAddressedStorage,
        looking: Looking,
        known: KnownContents | None,
        target: tuple[Tier, str],
        tell: Callable[[int, str], object],
    ) -> None:
        self._cas = cas
        self._looking = looking
        self._records = IngestRecords(known, *target)
        self._catalogue_is_known = known is not None
        self._tier = target[0]
        self._tell = tell
        self._begun: _Batch | None = None
        self._outcomes = _Outcomes()

    def take(self, files: Sequence[NamedFile]) -> None:
        """Begin to look into `files`, and store those that were taken before.

        Raises
        ------
        AstridError
            The store took no more.
        """
        before, self._begun = self._begun, self._begin(files)
        self._end(before)

    def finish(self) -> None:
        """Store what was taken last; see `take`."""
        before, self._begun = self._begun, None
        self._end(before)
        self._tell(self._outcomes.count, "")

    def report(self, duration_s: float, passed_over: int = 0) -> IngestReport:
        """Return what became of all files."""
        found = self._outcomes
        return IngestReport(
            tuple(found.stored),
            tuple(found.already_there),
            tuple(found.skipped),
            duration_s,
            passed_over,
        )

    def _begin(self, files: Sequence[NamedFile]) -> _Batch:
        known = self._known_looks([path for _, path in files])
        unknown = [file for file in files if file[1] not in known]
        return _Batch(files, known, self._looking.begin(unknown))

    def _known_looks(self, paths: Sequence[Path]) -> dict[Path, Look]:
        """Return what is known of files that are as they were when this machine read them."""
        if self._records.is_nothing_known:
            return {}
        marks: dict[Path, FileMark] = {}
        for path in paths:
            with suppress(OSError):  # looking into it says why
                marks[path] = FileMark.of(os.stat(path))  # noqa: PTH116 - a Path costs more
        hashes = self._cas.known_hashes(marks)
        told = self._records.told(set(hashes.values()))
        return {
            path: Look(marks[path], *told[content_hash])
            for path, content_hash in hashes.items()
            if content_hash in told
        }

    def _end(self, batch: _Batch | None) -> None:
        if batch is None:
            return
        usable: _Usable = []
        for name, path in batch.files:
            self._tell(self._outcomes.count, name)
            look = batch.known.get(path) or next(batch.looks)
            if look.refusal:
                self._outcomes.skipped.append(SkippedFile(name, look.refusal))
            else:
                usable.append((FileToStore(name, path, look.media_type, look.mark), look))
        self._store(usable)

    def _store(self, usable: _Usable) -> None:
        summaries = {file.path: look.summaries for file, look in usable}
        done = self._outcomes.count
        outcomes = self._cas.put_files(
            [file for file, _ in usable],
            self._tier,
            lambda stored: self._records.of(stored, summaries),
            lambda more, _, name: self._tell(done + more, name),
        )
        stopped = [self._noted(*pair) for pair in zip(outcomes, usable, strict=True)]
        error = next((error for error in stopped if error is not None), None)
        if error is not None:
            raise _told_how_far(error, self._outcomes.count)

    def _noted(
        self, outcome: StoredFile | FailedFile, file: tuple[FileToStore, Look]
    ) -> AstridError | None:
        """Note what became of a file; return the error where that was not the file's fault."""
        if isinstance(outcome, StoredFile):
            is_new = self._records.is_first(outcome.content_hash) and self._is_new(outcome)
            found = self._outcomes.stored if is_new else self._outcomes.already_there
            found.append(_ingested(outcome, file[1]))
        elif isinstance(outcome.error, InvalidInputError):
            self._outcomes.skipped.append(SkippedFile(outcome.name, outcome.reason))
        else:
            return outcome.error or StorageUnavailableError(outcome.reason)
        return None

    def _is_new(self, stored: StoredFile) -> bool:
        """Return whether a content nobody knew of is new: a stopped run may have left its blob."""
        return self._catalogue_is_known or stored.is_new


def _ingested(stored: StoredFile, look: Look) -> IngestedFile:
    told = told_of(look.summaries)
    return IngestedFile(
        stored.name, stored.content_hash, told, stored.size_bytes, stored.is_spooled
    )


def _told_how_far(error: AstridError, files: int) -> AstridError:
    return error.saying(
        f"{error.message}; {files} files were dealt with before, and ingesting again goes on there",
        wrote=error.wrote,
    )
