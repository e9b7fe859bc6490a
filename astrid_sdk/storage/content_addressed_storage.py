"""Bytes by hash: store once, verify on every read."""

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.blobs import ContentHash, blob_key
from astrid_sdk.storage.bulk_items import FileProgress, FileToStore
from astrid_sdk.storage.bulk_retrieving import BulkReader, target_paths
from astrid_sdk.storage.bulk_storing import BulkWriter, RecordsOf
from astrid_sdk.storage.keys import check_media_type
from astrid_sdk.storage.leaves import LeafStore
from astrid_sdk.storage.record_keeper import RecordKeeper, Summaries
from astrid_sdk.storage.records import RecordLog
from astrid_sdk.storage.retrieving import BlobReader
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.source_files import FileMark
from astrid_sdk.storage.store_report import FailedFile, StoredFile, StoreReport
from astrid_sdk.storage.storing import BlobWriter, spool
from astrid_sdk.storage.transfers import Progress
from astrid_sdk.tiers import Tier

__all__ = ["ContentAddressedStorage", "ContentHash", "blob_key"]


class ContentAddressedStorage:
    """Content named by its SHA-256, in one bucket of any object storage.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    records : RecordLog, optional
        Where to write that something was stored; by default the packs of the same bucket.
    deduplicate : bool
        False uploads the body on every store.
    seen : SeenContents, optional
        What this machine verified before; by default known as long as this object lives.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        *,
        records: RecordLog | None = None,
        deduplicate: bool = True,
        seen: SeenContents | None = None,
    ) -> None:
        self._seen = seen or SeenContents()
        self._leaves = LeafStore(storage, bucket)
        place = f"{storage.describe()} {bucket}"
        log = records or RecordLog(storage, bucket)
        self._keeper = RecordKeeper(log, self._seen, place)
        self._writer = BlobWriter(
            storage, bucket, self._seen, self._leaves, deduplicate=deduplicate
        )
        self._bulk_writer = BulkWriter(
            storage, bucket, self._writer, self._leaves, self._seen, self._keeper
        )
        self._reader = BlobReader(storage, bucket, self._seen, self._leaves)
        self._bulk_reader = BulkReader(storage, bucket, self._reader)

    def get_content_hash(self, data: bytes) -> str:
        """Return the SHA-256 of `data`, as plain ``sha256sum`` prints it."""
        return sha256_hex(data)

    def store_data(
        self,
        data: bytes,
        content_type: str,
        *,
        tier: Tier | str = Tier.ARTIFACTS,
        name: str | None = None,
        summaries: Summaries = (),
    ) -> ContentHash:
        """Store `data` and a record of it; return its content hash.

        Parameters
        ----------
        data : bytes
        content_type : str
            Media type, such as ``"application/fits"``.
        tier : Tier or str
        name : str, optional
            What people call it; the hash's first eight digits by default.
        summaries : sequence of mappings, optional
            What the bytes say, for the record; see `Record`.

        Returns
        -------
        ContentHash
            A string; `is_new` and `is_spooled` tell what became of the bytes.

        Raises
        ------
        AccessDeniedError, QuotaExceededError, StorageUnavailableError
            Nothing was acknowledged; calling again is safe.
        """
        where = Tier.parse(tier)
        stored, size_bytes = self._writer.put_data(data, check_media_type(content_type), where)
        return self._keeper.keep_ingest(stored, size_bytes, content_type, where, name, summaries)

    def store_file(
        self,
        file_path: Path,
        content_type: str,
        *,
        tier: Tier | str = Tier.ARTIFACTS,
        name: str | None = None,
        progress: Progress | None = None,
        summaries: Summaries = (),
    ) -> ContentHash:
        """Store the bytes of the file at `file_path`, at constant memory; see `store_data`.

        A file that did not change since this machine stored it is not read again.

        Parameters
        ----------
        file_path : Path
        content_type : str
        tier : Tier or str
        name : str, optional
            What people call it; the file's name by default, "" for the hash's first digits.
        progress : callable, optional
            Called with the bytes that have arrived so far.
        summaries : sequence of mappings, optional

        Raises
        ------
        InvalidInputError
            There is no readable file at `file_path`, or somebody writes to it
            (``kind="changed_file"``).
        """
        where, path = Tier.parse(tier), Path(file_path)
        stored, size_bytes = self._writer.put_file(
            path, check_media_type(content_type), where, progress
        )
        called = path.name if name is None else name
        return self._keeper.keep_ingest(stored, size_bytes, content_type, where, called, summaries)

    def store_stream(
        self,
        source: BinaryIO | Iterable[bytes],
        content_type: str,
        *,
        tier: Tier | str = Tier.ARTIFACTS,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> ContentHash:
        """Store what a file object or an iterable of bytes gives; see `store_data`.

        It is written to a temporary file first: its name is only known at its end.
        """
        where = Tier.parse(tier)
        check_media_type(content_type)
        with tempfile.TemporaryDirectory(prefix="astrid-") as folder:
            path = Path(folder) / "stream"
            spool(source, path)
            stored, size_bytes = self._writer.put_file(path, content_type, where, progress)
        return self._keeper.keep_ingest(stored, size_bytes, content_type, where, name)

    def store_files(
        self,
        files: Iterable[Path | tuple[str, Path]],
        content_type: str | Callable[[Path], str],
        *,
        tier: Tier | str = Tier.ARTIFACTS,
        progress: FileProgress | None = None,
        with_md5: bool = False,
    ) -> StoreReport:
        """Store many files and their records with few requests; see `store_file`.

        Parameters
        ----------
        files : iterable of Path, or of (name, Path)
            A file without a name is called as on the disk.
        content_type : str or callable
            Of all files, or a function of a file's path.
        tier : Tier or str
        progress : callable, optional
            Called with files done, files in all, and the name of the file at hand.
        with_md5 : bool, optional
            Find out the MD5 of each file too, in the same reading.

        Returns
        -------
        StoreReport
            What is stored, and what failed with the reason: a failure ends no other file.

        Raises
        ------
        NotFoundError, AccessDeniedError
            The bucket is not there, or may not be looked into.
        """
        where = Tier.parse(tier)
        found = [FileToStore.of(each, content_type, with_md5=with_md5) for each in files]
        return self._bulk_writer.store(found, where, progress)

    def retrieve_data(self, content_hash: str, *, tier: Tier | str | None = None) -> bytes:
        """Return the bytes that `content_hash` names, verified.

        A tier whose copy is damaged is passed over for one whose copy is sound.

        Parameters
        ----------
        content_hash : str
        tier : Tier or str, optional
            Where to look first; the other tiers are asked after it.

        Raises
        ------
        NotFoundError
            No tier holds it.
        CorruptionError
            What is stored under the name has another hash. Each copy was read twice.
        StorageUnavailableError
            The store gave no answer: whether it is there is not known.
        """
        return self._reader.data(content_hash, _parsed(tier))

    def retrieve_each(
        self, contents: Iterable[tuple[str, Tier | str | None]]
    ) -> Iterator[tuple[int, bytes | StorageUnavailableError]]:
        """Yield the place and the verified bytes of small contents, side by side, as they come.

        `contents` are hashes, each with the tier to ask. What is not sound there is not yielded:
        `retrieve_data` looks elsewhere, or says what is wrong.
        """
        return self._reader.data_of_each((each, _parsed(tier)) for each, tier in contents)

    def retrieve_file(
        self,
        content_hash: str,
        path: Path,
        *,
        tier: Tier | str | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write the content to the file `path` at constant memory, verified; return `path`.

        A file that is there is replaced, and only by the whole content; see `retrieve_data`.

        Raises
        ------
        InvalidInputError
            `path` cannot be written.
        """
        return self._reader.file(content_hash, Path(path), _parsed(tier), progress)

    def retrieve_stream(
        self, content_hash: str, *, tier: Tier | str | None = None
    ) -> Iterator[bytes]:
        """Yield the content in pieces of some MiB, each verified before it is handed out.

        See `retrieve_data`. A large content without leaf digests is written to a temporary file
        first.
        """
        return self._reader.stream(content_hash, _parsed(tier))

    def retrieve_files(
        self,
        contents: Iterable[str | tuple[str, str]],
        folder: Path,
        *,
        tier: Tier | str | None = None,
        progress: FileProgress | None = None,
    ) -> list[Path]:
        """Write many contents to files in `folder`, verified; return their paths in order.

        Parameters
        ----------
        contents : iterable of str, or of (str, str)
            Content hashes, each with the file's name if it is not to be called by its hash. A
            name may have folders, which are made.
        folder : Path
            Made where it is not there.
        tier : Tier or str, optional
            Where to look first.
        progress : callable, optional
            Called with files done, files in all, and the name of the file at hand.

        Raises
        ------
        NotFoundError, CorruptionError
            One is not there, or no copy of it is sound; all the others are written.
        InvalidInputError
            A name leads out of `folder`, or two contents have one name.
        """
        targets = target_paths(contents, Path(folder))
        self._bulk_reader.retrieve(targets, _parsed(tier), progress)
        return list(targets)

    def read_range(
        self, content_hash: str, start: int, stop: int, *, tier: Tier | str | None = None
    ) -> bytes:
        """Return bytes `start` to `stop` (excluded), cut as a slice is; see `read_ranges`."""
        return self.read_ranges(content_hash, [(start, stop)], tier=tier)[0]

    def read_ranges(
        self,
        content_hash: str,
        ranges: Sequence[tuple[int, int]],
        *,
        tier: Tier | str | None = None,
    ) -> list[bytes]:
        """Return several ranges of a content, verified without reading the rest of it.

        What is fetched is verified leaf by leaf (`astrid_sdk.storage.leaves`); a content without
        leaf digests is read and verified as a whole.

        Raises
        ------
        NotFoundError, CorruptionError
            As `retrieve_data`.
        InvalidInputError
            Not ``0 <= start <= stop``.
        """
        return self._reader.ranges(content_hash, ranges, _parsed(tier))

    def open(self, content_hash: str, *, tier: Tier | str | None = None) -> io.BufferedReader:
        """Return the content as a binary file that can be read and sought, verified as it is read.

        Close it, or use it in a ``with`` statement. See `retrieve_data`.
        """
        return self._reader.open(content_hash, _parsed(tier))

    def exists(self, content_hash: str, *, tier: Tier | str | None = None) -> bool:
        """Return whether a tier, or only `tier`, holds the content: yes or no.

        Raises
        ------
        StorageUnavailableError
            The store gave no answer: it is not known.
        """
        return self._reader.is_there(content_hash, _parsed(tier))

    def locate(self, content_hash: str, *, tier: Tier | str | None = None) -> Tier:
        """Return a tier that holds `content_hash`, asking `tier` first.

        Raises
        ------
        NotFoundError
            No tier holds it.
        """
        return self._reader.locate(content_hash, _parsed(tier))

    def put_blob(self, data: bytes, content_type: str, tier: Tier) -> ContentHash:
        """Store `data` without a record: for callers that write the record themselves.

        What stands there already is trusted only when its size and a checksum agree, or when it
        reads back; otherwise it is replaced.
        """
        return self._writer.put_data(data, content_type, tier)[0]

    def put_files(
        self,
        files: Sequence[FileToStore],
        tier: Tier,
        records_of: RecordsOf,
        progress: FileProgress | None = None,
    ) -> list[StoredFile | FailedFile]:
        """Store `files` as `store_files` does, with the records that `records_of` returns of each.

        For callers that know themselves which records are written already: all are written.
        """
        return self._bulk_writer.store_recorded(files, tier, progress, records_of)

    def hash_files(self, paths: Sequence[Path]) -> dict[Path, str]:
        """Return the content hashes of files; one that did not change since is not read again.

        Raises
        ------
        InvalidInputError
            One cannot be read.
        """
        return self._bulk_writer.hashes(paths)

    def known_hashes(self, marks: Mapping[Path, FileMark]) -> dict[Path, str]:
        """Return the hashes of those files that are as they were when this machine read them."""
        return self._seen.hashes(marks)


def _parsed(tier: Tier | str | None) -> Tier | None:
    return None if tier is None else Tier.parse(tier)
