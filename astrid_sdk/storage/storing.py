"""One blob into a store: sent only where it is not, and mended where something else stands."""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from astrid_sdk.errors import ConflictError, StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.blobs import Blob, ContentHash, blob_key
from astrid_sdk.storage.hashing import SMALL_BYTES, hash_data, hash_file, read_small_file
from astrid_sdk.storage.leaves import LeafStore
from astrid_sdk.storage.operations import Body, Head, Put, StoredObject, Written
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.soundness import Soundness
from astrid_sdk.storage.source_files import FileMark, changed_file, mark_of
from astrid_sdk.storage.transfers import Progress, part_bytes_for, upload_hashed
from astrid_sdk.tiers import Tier

_TRIES = 3
_ASK_FIRST_BYTES = 256 * 1024
"""A body shorter than this costs no more than asking for it: it is sent at once."""


class BlobWriter:
    """Writes blobs and their leaf digests into one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    seen : SeenContents
    leaves : LeafStore
    deduplicate : bool
        False sends the body every time.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        seen: SeenContents,
        leaves: LeafStore,
        *,
        deduplicate: bool,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._seen = seen
        self._leaves = leaves
        self._sound = Soundness(storage, bucket, seen)
        self.deduplicate = deduplicate

    def put_data(
        self, data: Body, content_type: str, tier: Tier, progress: Progress | None = None
    ) -> tuple[ContentHash, int]:
        """Store bytes in memory; return their hash and length."""
        blob = Blob(hash_data(data), data, content_type, tier)
        return self.put(blob, progress), blob.digests.size_bytes

    def put_file(
        self, path: Path, content_type: str, tier: Tier, progress: Progress | None = None
    ) -> tuple[ContentHash, int]:
        """Store the bytes of a file; return their hash and length.

        A file that did not change since it was stored is not read again.

        Raises
        ------
        InvalidInputError
            The file cannot be read, or changed meanwhile (``kind="changed_file"``).
        """
        mark = mark_of(path)
        known = self._known_to_be_stored(path, mark, tier)
        if known is not None:
            return known, mark.size_bytes
        started_ns = time.time_ns()
        blob, mark = read_blob(path, content_type, tier)
        content_hash = self.put(blob, progress)
        if mark_of(path) != mark:
            raise changed_file(path)
        hashed = [(path, mark, blob.digests.content_hash)]
        self._seen.remember_files(hashed, hashed_at_ns=started_ns)
        return content_hash, blob.digests.size_bytes

    def put(self, blob: Blob, progress: Progress | None = None) -> ContentHash:
        """Store a blob whose digests are known, then its leaf digests.

        It is acknowledged when it can be read back, or waits in the outbox of this machine.
        """
        written = self._put_blob(blob, progress)
        if written.is_new:
            self._leaves.write(blob.digests)
        else:
            self._leaves.write_missing(blob.digests)
        self.remember({written.key: written.etag})
        return ContentHash(
            blob.digests.content_hash, is_new=written.is_new, is_spooled=written.is_spooled
        )

    def remember(self, etags: Mapping[str, str | None]) -> None:
        """Remember versions of blobs that were written or verified, with their leaf digests."""
        self._seen.remember_etags(self._sound.place, etags)

    def seen_etags(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the versions of blobs that `remember` was told of."""
        return self._seen.etags(self._sound.place, keys)

    def put_of(self, blob: Blob, *, create_only: bool, confirm: bool = True) -> Put:
        """Return the write of a small blob, or what a large one's write says but for the body."""
        return Put(
            bucket=self._bucket,
            key=blob.key,
            data=blob.data if blob.data is not None else b"",
            content_type=blob.content_type,
            create_only=create_only,
            content_hash=blob.digests.content_hash,
            confirm=confirm,
        )

    def _known_to_be_stored(self, path: Path, mark: FileMark, tier: Tier) -> ContentHash | None:
        """Return the hash of an unchanged file whose blob stands as this machine left it."""
        known = self._seen.hashes({path: mark}).get(path) if self.deduplicate else None
        if known is None:
            return None
        key = blob_key(known, tier)
        was_seen = self.seen_etags([key]).get(key)
        stored = self._head(key) if was_seen is not None else None
        if stored is None or (stored.size_bytes, stored.etag) != (mark.size_bytes, was_seen):
            return None
        return ContentHash(known, is_new=False)

    def _put_blob(self, blob: Blob, progress: Progress | None) -> Written:
        if not self.deduplicate:
            return self._send(blob, self.put_of(blob, create_only=False), progress)
        stored = self._head(blob.key) if self._is_worth_asking(blob) else None
        for _early in range(_TRIES - 1):
            try:
                return self._find_or_send(stored, blob, progress)
            except ConflictError:  # it appeared, or changed, since it was looked at
                stored = self._head(blob.key)
        return self._find_or_send(stored, blob, progress)

    def _find_or_send(
        self, stored: StoredObject | None, blob: Blob, progress: Progress | None
    ) -> Written:
        if stored is not None and self._sound.is_sound(stored, blob):
            waits = stored.etag is None  # in the outbox of this machine
            return Written(blob.key, stored.etag, is_new=False, is_spooled=waits)
        return self._send(blob, self._put_over(stored, blob), progress)

    def _is_worth_asking(self, blob: Blob) -> bool:
        return blob.digests.size_bytes > _ASK_FIRST_BYTES or bool(self.seen_etags([blob.key]))

    def _head(self, key: str) -> StoredObject | None:
        """Look; where the store is away, a write that changes nothing that stands may still do."""
        try:
            return self._storage.perform(Head(bucket=self._bucket, key=key))
        except StorageUnavailableError:
            return None

    def _put_over(self, stored: StoredObject | None, blob: Blob) -> Put:
        """Return a write that only replaces what was found to be damaged."""
        put = self.put_of(blob, create_only=stored is None)
        return put if stored is None else replace(put, replace_etag=stored.etag)

    def _send(self, blob: Blob, put: Put, progress: Progress | None) -> Written:
        digests = blob.digests
        if blob.data is not None and digests.size_bytes <= SMALL_BYTES:
            written = self._storage.perform(put)
            if progress is not None:
                progress(digests.size_bytes)
            return written
        part_bytes = part_bytes_for(digests.size_bytes)
        return upload_hashed(
            self._storage, put, blob.source, digests.parts, part_bytes, digests.size_bytes, progress
        )


def spool(source: BinaryIO | Iterable[bytes], path: Path) -> None:
    """Write what `source` gives to the new file `path`."""
    with path.open("xb") as file:
        if hasattr(source, "read"):
            shutil.copyfileobj(cast("BinaryIO", source), file, SMALL_BYTES)
        else:
            file.writelines(source)


def read_blob(
    path: Path, content_type: str, tier: Tier, *, with_md5: bool = False
) -> tuple[Blob, FileMark]:
    """Hash a file; a small one is kept in memory.

    Raises
    ------
    InvalidInputError
        The file cannot be read, or changed meanwhile (``kind="changed_file"``).
    """
    data, mark = read_small_file(path)
    if data is not None:
        return Blob(hash_data(data, with_md5=with_md5), data, content_type, tier), mark
    digests, mark = hash_file(path, with_md5=with_md5)
    return Blob(digests, path, content_type, tier), mark
