"""Bytes by hash: store once, verify on every read."""

from collections.abc import Sequence
from pathlib import Path

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import AstridError, CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.storage.base import (
    CONTENT_HASH_METADATA,
    ObjectStorage,
    StoredObject,
    check_content_hash,
)
from astrid_sdk.storage.records import Record, RecordKind, RecordLog
from astrid_sdk.tiers import Tier


def blob_key(content_hash: str, tier: Tier) -> str:
    """Return where the blob `content_hash` stands in `tier`: ``<tier>/sha256/<hash[:2]>/<hash>``.

    Raises
    ------
    InvalidInputError
        `content_hash` is not 64 lower-case hex digits.
    """
    checked = check_content_hash(content_hash)
    return f"{tier.value}/sha256/{checked[:2]}/{checked}"


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
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        *,
        records: RecordLog | None = None,
        deduplicate: bool = True,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._records = records or RecordLog(storage, bucket)
        self._deduplicate = deduplicate

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
    ) -> str:
        """Store `data` and a record of it; return its content hash.

        Parameters
        ----------
        data : bytes
        content_type : str
            Media type, such as ``"application/fits"``.
        tier : Tier or str
        name : str, optional
            What people call it; the hash's first eight digits by default.

        Raises
        ------
        AccessDeniedError, StorageUnavailableError
            Nothing was acknowledged; calling again is safe.
        """
        where = Tier.parse(tier)
        content_hash = self.put_blob(data, content_type, where)
        called = name or content_hash[:8]
        record = Record(
            kind=RecordKind.INGEST,
            content_hash=content_hash,
            tier=where,
            size_bytes=len(data),
            media_type=content_type,
            name=called,
            origin=f"data:{called}",
        )
        self._records.append([record])
        return content_hash

    def store_file(
        self,
        file_path: Path,
        content_type: str,
        *,
        tier: Tier | str = Tier.ARTIFACTS,
        name: str | None = None,
    ) -> str:
        """Store the bytes of the file at `file_path`; see `store_data`.

        Raises
        ------
        InvalidInputError
            There is no readable file at `file_path`.
        """
        try:
            data = Path(file_path).read_bytes()
        except OSError as error:
            raise InvalidInputError(f"cannot read {file_path}: {error.strerror}") from error
        return self.store_data(data, content_type, tier=tier, name=name or Path(file_path).name)

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
        damaged: list[Tier] = []
        for candidate in _from(tier):
            try:
                data = self._read_sound(content_hash, candidate)
            except NotFoundError as error:
                if error.kind == "no_such_bucket":
                    raise
                continue
            if data is not None:
                return data
            damaged.append(candidate)
        raise self._unusable(content_hash, damaged)

    def put_blob(self, data: bytes, content_type: str, tier: Tier) -> str:
        """Store `data` without a record: for callers that write the record themselves.

        What stands there already is trusted only when its size, and its hash where the store
        keeps one, agree; otherwise it is replaced.
        """
        content_hash = sha256_hex(data)
        key = blob_key(content_hash, tier)
        if not (self._deduplicate and self._is_there(key, content_hash, len(data))):
            self._storage.upload_file(
                self._bucket, key, data, content_type, content_hash=content_hash
            )
        return content_hash

    def locate(self, content_hash: str, *, tier: Tier | str | None = None) -> Tier:
        """Return a tier that holds `content_hash`, asking `tier` first.

        Raises
        ------
        NotFoundError
            No tier holds it.
        """
        for candidate in _from(tier):
            if self._storage.head(self._bucket, blob_key(content_hash, candidate)) is not None:
                return candidate
        raise self._unusable(content_hash, [])

    def _read_sound(self, content_hash: str, tier: Tier) -> bytes | None:
        """Return the bytes, or None where they have another hash, read twice."""
        for _attempt in range(2):
            data = self._storage.download_file(self._bucket, blob_key(content_hash, tier))
            if sha256_hex(data) == content_hash:
                return data
        return None

    def _is_there(self, key: str, content_hash: str, size_bytes: int) -> bool:
        stored = self._storage.head(self._bucket, key)
        return stored is not None and _agrees(stored, content_hash, size_bytes)

    def _unusable(self, content_hash: str, damaged: Sequence[Tier]) -> AstridError:
        where = self._storage.describe()
        if not damaged:
            return NotFoundError(f"no tier of {where} holds {content_hash}")
        return CorruptionError(
            f"{content_hash} in {', '.join(damaged)} of {where} does not hold the bytes its name "
            "says: it was not handed out; to mend it, delete what is there and store the original "
            "file again"
        )


def _from(first: Tier | str | None) -> list[Tier]:
    """Return all tiers, the likely one first."""
    if first is None:
        return list(Tier)
    likely = Tier.parse(first)
    return [likely, *(tier for tier in Tier if tier != likely)]


def _agrees(stored: StoredObject, content_hash: str, size_bytes: int) -> bool:
    told = stored.user_metadata.get(CONTENT_HASH_METADATA, content_hash)
    return stored.size_bytes == size_bytes and told == content_hash
