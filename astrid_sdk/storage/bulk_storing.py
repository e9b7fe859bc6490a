"""Many files into a store with few requests: one look, the missing bodies, one look again.

Small files go side by side. Whatever is not plainly new or plainly there (a large file, another
body under the name, an answer that says nothing) takes the careful road of `BlobWriter`, one by
one. Records are written when every blob of the batch was seen to be there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from astrid_sdk.errors import AstridError, ConflictError, StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.blobs import ContentHash, blob_folder
from astrid_sdk.storage.bulk_items import (
    FileProgress,
    FileToStore,
    Item,
    NewFile,
    batches,
    find_hashes,
)
from astrid_sdk.storage.hashing import LEAVES_FROM_BYTES, SMALL_BYTES
from astrid_sdk.storage.leaves import LeafStore
from astrid_sdk.storage.looking import look_up
from astrid_sdk.storage.operations import Put, StoredObject, Written
from astrid_sdk.storage.record_keeper import RecordKeeper
from astrid_sdk.storage.records import Record, RecordKind, current_author
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.soundness import checksum_agrees
from astrid_sdk.storage.source_files import changed_file, mark_of
from astrid_sdk.storage.store_report import FailedFile, StoredFile, StoreReport
from astrid_sdk.storage.storing import BlobWriter
from astrid_sdk.tiers import Tier

_UNSAID = "application/octet-stream"

RecordsOf: TypeAlias = Callable[[Sequence[NewFile]], Iterable[Record]]
"""Returns what to record of files whose blobs are stored."""


@dataclass(frozen=True, slots=True)
class BulkWriter:
    """Stores many files in one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    writer : BlobWriter
        For the files that need care.
    leaves : LeafStore
    seen : SeenContents
    keeper : RecordKeeper
    """

    storage: ObjectStorage
    bucket: str
    writer: BlobWriter
    leaves: LeafStore
    seen: SeenContents
    keeper: RecordKeeper

    def store(
        self, files: Sequence[FileToStore], tier: Tier, progress: FileProgress | None
    ) -> StoreReport:
        """Store `files`, and of each a record that says its name, unless it is known to be there.

        What fails is named in the report and ends no other.
        """
        outcomes = self._outcomes(files, tier, progress, None)
        return StoreReport(
            tuple(file for file in outcomes if isinstance(file, StoredFile)),
            tuple(file for file in outcomes if isinstance(file, FailedFile)),
        )

    def store_recorded(
        self,
        files: Sequence[FileToStore],
        tier: Tier,
        progress: FileProgress | None,
        records_of: RecordsOf,
    ) -> list[StoredFile | FailedFile]:
        """Store `files`, and of each the records that are returned; say what became of each."""
        return self._outcomes(files, tier, progress, records_of)

    def hashes(self, paths: Sequence[Path]) -> dict[Path, str]:
        """Return the content hashes of files, as known from before or by reading them.

        Raises
        ------
        InvalidInputError
            One cannot be read.
        """
        found: dict[Path, str] = {}
        files = [FileToStore.of(path, _UNSAID) for path in paths]
        for items in batches(files, Tier.TEMP):
            find_hashes(items, self.seen)
            for item in items:
                if item.error is not None:
                    raise item.error
                found[item.file.path] = item.content_hash
        return found

    def _outcomes(
        self,
        files: Sequence[FileToStore],
        tier: Tier,
        progress: FileProgress | None,
        records_of: RecordsOf | None,
    ) -> list[StoredFile | FailedFile]:
        outcomes: list[StoredFile | FailedFile] = []
        for items in batches(files, tier):
            count = _Count(progress, len(outcomes), len(files))
            _Batch(self, tier, count, records_of).store(items)
            outcomes += [item.outcome() for item in items]
        return outcomes


@dataclass(slots=True)
class _Count:
    """Tells how many files are done."""

    progress: FileProgress | None
    done: int
    files: int

    def one_more(self, name: str) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.files, name)


@dataclass(slots=True)
class _Batch:
    """One batch on its way."""

    bulk: BulkWriter
    tier: Tier
    count: _Count
    records_of: RecordsOf | None
    written: dict[str, Written] = field(default_factory=dict)
    careful: list[Item] = field(default_factory=list)

    def store(self, items: Sequence[Item]) -> None:
        find_hashes(items, self.bulk.seen)
        firsts: dict[str, Item] = {}
        for item in items:
            if item.error is None:
                firsts.setdefault(item.key, item)
        self._sort_out(firsts)
        try:
            self._put([item for item in firsts.values() if item.stored is None])
            self._settle_written(firsts)
            self._take_care()
        except KeyboardInterrupt:  # what was sent so far is worth its records
            with suppress(AstridError):  # whoever pressed Ctrl-C is told nothing else
                self._settle_written(firsts)
                self._finish(items, firsts)
            raise
        self._finish(items, firsts)

    def _settle_written(self, firsts: Mapping[str, Item]) -> None:
        self._confirm(firsts)
        self._put_leaves([firsts[key] for key in self.written])

    def _finish(self, items: Sequence[Item], firsts: Mapping[str, Item]) -> None:
        _share(items, firsts)
        self._record(items)

    def _sort_out(self, firsts: Mapping[str, Item]) -> None:
        """Settle what is plainly there, and set aside what needs care."""
        if not self.bulk.writer.deduplicate:
            self.careful = [item for item in firsts.values() if item.size_bytes > SMALL_BYTES]
            return
        etags = self.bulk.writer.seen_etags(list(firsts))
        # Where a write finds at once what is there, only what may be spared the write is asked for.
        asked = etags if self.bulk.storage.capabilities.is_near else firsts
        try:
            there = self._look(list(asked))
        except StorageUnavailableError:  # one by one: each may be spooled
            self.careful = list(firsts.values())
            return
        for key, item in firsts.items():
            stored = there.get(key)
            if stored is not None and _is_plainly_sound(item, stored, etags.get(key)):
                self._settle(item, ContentHash(item.content_hash, is_new=False))
            elif stored is not None or item.size_bytes > SMALL_BYTES:
                self.careful.append(item)
        self.bulk.writer.remember(
            {key: there[key].etag for key, item in firsts.items() if item.stored is not None}
        )

    def _put(self, items: Sequence[Item]) -> None:
        set_aside = {item.key for item in self.careful}
        wanted = {item.key: item for item in items if item.key not in set_aside}
        for outcome in self.bulk.storage.perform_many(self._puts(wanted.values())):
            item = wanted[outcome.operation.where]
            if isinstance(outcome.error, ConflictError):
                self.careful.append(item)
            elif outcome.error is not None:
                item.error = outcome.error
            else:
                self.written[item.key] = outcome.value()

    def _puts(self, items: Iterable[Item]) -> Iterator[Put]:
        create_only = self.bulk.writer.deduplicate
        for item in items:
            try:
                blob = item.body()
            except AstridError as error:
                item.error = error
                continue
            yield self.bulk.writer.put_of(blob, create_only=create_only, confirm=False)

    def _confirm(self, firsts: Mapping[str, Item]) -> None:
        """Look that every body is there as its write was answered; what is not takes care.

        A near store looks itself before it answers: the mark it gives is of what stands there.
        """
        is_near = self.bulk.storage.capabilities.is_near
        unsure = {
            key: done
            for key, done in self.written.items()
            if not done.is_spooled and not (is_near and done.etag is not None)
        }
        try:
            there = self._look(list(unsure))
        except AstridError:
            there = {}
        for key, written in unsure.items():
            item = firsts[key]
            if not _is_as_written(item, written, there.get(key)):
                self.careful.append(item)
                del self.written[key]

    def _put_leaves(self, items: Sequence[Item]) -> None:
        """Write the leaf digests of those that have some, then count them as stored."""
        owners: dict[str, Item] = {}
        for outcome in self.bulk.storage.perform_many(self._leaf_puts(items, owners)):
            if outcome.error is not None:
                owners[outcome.operation.where].error = outcome.error
        stored = [item for item in items if item.error is None]
        for item in stored:
            written = self.written[item.key]
            made = ContentHash(
                item.content_hash, is_new=written.is_new, is_spooled=written.is_spooled
            )
            self._settle(item, made)
        self.bulk.writer.remember({item.key: self.written[item.key].etag for item in stored})

    def _leaf_puts(self, items: Sequence[Item], owners: dict[str, Item]) -> Iterator[Put]:
        for item in items:
            if item.size_bytes < LEAVES_FROM_BYTES:
                continue
            put = self.bulk.leaves.put(item.body().digests)
            if put is not None:
                owners[put.key] = item
                yield put

    def _take_care(self) -> None:
        """Store the rest one by one; when the store stays away, the others are not tried."""
        away: StorageUnavailableError | None = None
        for item in self.careful:
            if away is not None:
                item.error = away
                continue
            try:
                self._settle(item, self._stored_with_care(item))
            except StorageUnavailableError as error:
                item.error = away = error
            except AstridError as error:
                item.error = error

    def _stored_with_care(self, item: Item) -> ContentHash:
        if item.blob is not None:
            return self.bulk.writer.put(item.blob)
        file = item.file
        stored, item.size_bytes = self.bulk.writer.put_file(file.path, file.content_type, self.tier)
        item.has(mark_of(file.path))
        if file.with_md5 and stored != item.content_hash:  # its MD5 is of other bytes
            raise changed_file(file.path)
        item.is_of(str(stored))
        return stored

    def _record(self, items: Sequence[Item]) -> None:
        """Write the records of what is stored; without them nothing is acknowledged."""
        stored = [item for item in items if item.stored is not None]
        if self.records_of is None:
            told = _plain_records(stored)
        else:
            new = [NewFile(item.file, item.content_hash, item.size_bytes) for item in stored]
            told = ((record, True) for record in self.records_of(new))
        try:
            is_spooled = self.bulk.keeper.keep(told, may_be_deleted=self.records_of is not None)
        except AstridError as error:
            for item in stored:
                item.stored, item.error = None, error
            return
        if is_spooled:
            for item in stored:
                _wait(item)

    def _look(self, keys: Sequence[str]) -> dict[str, StoredObject]:
        return look_up(self.bulk.storage, self.bulk.bucket, blob_folder(self.tier), keys)

    def _settle(self, item: Item, stored: ContentHash) -> None:
        if item.stored is not None:  # before somebody pressed Ctrl-C
            return
        item.stored = stored
        self.count.one_more(item.file.name)


def _is_plainly_sound(item: Item, stored: StoredObject, seen_etag: str | None) -> bool:
    if stored.size_bytes != item.size_bytes or stored.etag is None:
        return False
    if stored.etag == seen_etag:
        return True
    has_leaves = item.size_bytes >= LEAVES_FROM_BYTES  # whether they were written is not known
    return item.blob is not None and not has_leaves and checksum_agrees(stored, item.blob)


def _is_as_written(item: Item, written: Written, stored: StoredObject | None) -> bool:
    if stored is None or stored.size_bytes != item.size_bytes:
        return False
    return written.etag is None or stored.etag == written.etag


def _share(items: Sequence[Item], firsts: Mapping[str, Item]) -> None:
    """Let files with the same bytes share what became of the first of them."""
    for item in items:
        first = firsts.get(item.key) if item.content_hash else None
        if first is None or first is item or item.error is not None:
            continue
        if first.stored is None or first.content_hash != item.content_hash:
            item.error = first.error or changed_file(first.file.path)
            continue
        item.stored = ContentHash(
            item.content_hash, is_new=False, is_spooled=first.stored.is_spooled
        )


def _wait(item: Item) -> None:
    """Note that what tells of a stored file waits in the outbox."""
    if item.stored is not None:
        is_new = item.stored.is_new
        item.stored = ContentHash(item.content_hash, is_new=is_new, is_spooled=True)


def _plain_records(stored: Sequence[Item]) -> Iterator[tuple[Record, bool]]:
    author, now = current_author(), datetime.now(UTC)
    for item in stored:
        record = Record(
            kind=RecordKind.INGEST,
            content_hash=item.content_hash,
            tier=item.tier,
            size_bytes=item.size_bytes,
            media_type=item.file.content_type,
            name=item.file.name,
            origin=f"data:{item.file.name}",
            created_at=now,
            author=author,
        )
        yield record, item.stored is None or item.stored.is_new
