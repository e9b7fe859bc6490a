"""The files of one batch, and what is found out about each."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self, TypeAlias

from astrid_sdk.errors import AstridError, InvalidInputError
from astrid_sdk.storage.blobs import Blob, ContentHash, blob_key
from astrid_sdk.storage.keys import check_media_type
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.source_files import FileMark, changed_file, mark_of
from astrid_sdk.storage.store_report import FailedFile, StoredFile
from astrid_sdk.storage.storing import read_blob
from astrid_sdk.tiers import Tier

MOST_FILES = 10_000
MOST_BYTES = 512 * 1024 * 1024
_KEPT_BYTES = 64 * 1024 * 1024
"""Bodies of a batch that stay in memory between hashing and sending; others are read twice."""
_HASHING_THREADS = 2
_THREADED_FROM_BYTES = 256 * 1024
"""Threads that hash shorter files spend more on taking turns than they save."""

FileProgress: TypeAlias = Callable[[int, int, str], object]
"""Called with files done, files in all, and the name of the file at hand."""


@dataclass(frozen=True, slots=True)
class FileToStore:
    """One file, what it is called and said to be, and the mark it must still have, if any.

    `with_md5`: find out its MD5 too, for what is called by that.
    """

    name: str
    path: Path
    content_type: str
    mark: FileMark | None = None
    with_md5: bool = False

    @classmethod
    def of(
        cls,
        file: Path | tuple[str, Path],
        content_type: str | Callable[[Path], str],
        *,
        with_md5: bool = False,
    ) -> Self:
        """Return what to store from what a caller gives.

        Raises
        ------
        InvalidInputError
            The content type is no media type.
        """
        name, path = file if isinstance(file, tuple) else ("", file)
        path = Path(path)
        said = content_type if isinstance(content_type, str) else content_type(path)
        return cls(name or path.name, path, check_media_type(said), with_md5=with_md5)


class NewFile(NamedTuple):
    """A file whose blob is stored, and of which nothing is recorded yet."""

    file: FileToStore
    content_hash: str
    size_bytes: int


@dataclass(slots=True)
class Item:
    """What is known of one file of a batch; in the end `stored` or `error`."""

    file: FileToStore
    tier: Tier
    mark: FileMark | None = None
    size_bytes: int = 0
    is_kept: bool = False
    content_hash: str = ""
    key: str = ""
    md5: str = ""
    blob: Blob | None = None
    stored: ContentHash | None = None
    error: AstridError | None = None

    def has(self, mark: FileMark) -> None:
        """Note the mark of the file, which must be the expected one.

        Raises
        ------
        InvalidInputError
            It is another one (``kind="changed_file"``).
        """
        if self.file.mark not in {None, mark}:
            raise changed_file(self.file.path)
        self.mark = mark

    def is_of(self, content_hash: str) -> None:
        """Note the content hash, and so where the blob goes."""
        self.content_hash = content_hash
        self.key = blob_key(content_hash, self.tier)

    def body(self) -> Blob:
        """Return the blob, read again where it was not kept.

        Raises
        ------
        InvalidInputError
            The file is not what was hashed (``kind="changed_file"``).
        """
        if self.blob is not None and self.blob.data is not None:
            return self.blob
        blob, _ = read_blob(self.file.path, self.file.content_type, self.tier)
        if blob.digests.content_hash != self.content_hash:
            raise changed_file(self.file.path)
        return blob

    def outcome(self) -> StoredFile | FailedFile:
        """Return what became of it."""
        if self.stored is None:
            reason = "it was not reached" if self.error is None else self.error.message
            return FailedFile(self.file.name, reason, self.error)
        return StoredFile(
            self.file.name,
            self.content_hash,
            self.size_bytes,
            is_new=self.stored.is_new,
            is_spooled=self.stored.is_spooled,
            md5=self.md5,
        )


def batches(files: Sequence[FileToStore], tier: Tier) -> Iterator[list[Item]]:
    """Look at the files and yield them in batches of so many files and bytes."""
    batch: list[Item] = []
    size_bytes = 0
    for file in files:
        item = Item(file, tier)
        try:
            # A look that was had just now counts: the file is read under no other mark.
            mark = file.mark or mark_of(file.path)
            item.has(mark)
            item.size_bytes = mark.size_bytes
        except InvalidInputError as error:
            item.error = error
        if batch and (len(batch) == MOST_FILES or size_bytes + item.size_bytes > MOST_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += item.size_bytes
        item.is_kept = size_bytes <= _KEPT_BYTES
    if batch:
        yield batch


def find_hashes(items: Sequence[Item], seen: SeenContents) -> None:
    """Fill in each item's content hash: known from before, or by reading the file."""
    known = seen.hashes({item.file.path: item.mark for item in items if item.mark is not None})
    md5s = seen.md5s({known[item.file.path] for item in items if _wants_md5(item, known)})
    for item in items:
        content_hash = known.get(item.file.path, "")
        item.md5 = md5s.get(content_hash, "")
        if content_hash and (item.md5 or not item.file.with_md5):
            item.is_of(content_hash)
    unknown = [item for item in items if not item.content_hash and item.error is None]
    started_ns = time.time_ns()
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        large = [
            pool.submit(_hash, item) for item in unknown if item.size_bytes >= _THREADED_FROM_BYTES
        ]
        for item in unknown:
            if item.size_bytes < _THREADED_FROM_BYTES:
                _hash(item)
        for each in large:
            each.result()
    hashed = [
        (item.file.path, item.mark, item.content_hash)
        for item in unknown
        if item.mark is not None and item.error is None
    ]
    seen.remember_files(hashed, hashed_at_ns=started_ns)
    seen.remember_md5s({item.content_hash: item.md5 for item in unknown if item.md5})


def _wants_md5(item: Item, known: Mapping[Path, str]) -> bool:
    return item.file.with_md5 and item.file.path in known


def _hash(item: Item) -> None:
    try:
        file = item.file
        blob, mark = read_blob(file.path, file.content_type, item.tier, with_md5=file.with_md5)
        item.has(mark)
    except InvalidInputError as error:
        item.error = error
        return
    item.is_of(blob.digests.content_hash)
    item.size_bytes, item.md5 = blob.digests.size_bytes, blob.digests.md5
    item.blob = blob if item.is_kept or blob.data is None else None
