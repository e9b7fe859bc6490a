"""Contents on this machine, for when the store is away: verified on every hit, bounded."""

import contextlib
import hashlib
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.storage.local_files import closing, write_at
from astrid_sdk.storage.operations import Body
from astrid_sdk.tiers import Tier

CACHE_BYTES = 1 << 30
MOST_CACHED_BYTES = 64 << 20
_MOST_PENDING_BYTES = 64 << 20
_ROOM = 0.9  # of the bound is kept when room is made
_TIERS = "|".join(re.escape(tier.value) for tier in Tier)
_NAMED_BY_HASH = re.compile(
    rf"(?:(?:{_TIERS})/sha256/(?P<blob>[0-9a-f]{{64}}|[0-9a-f]{{2}}/[0-9a-f]{{64}})|"
    r"_records/(?P<pack>[0-9a-f]{2}/[0-9a-f]{64})\.ndjson)"
)


def hash_named_by(key: str) -> str | None:
    """Return the SHA-256 that `key` says its bytes have; None where it says none.

    Blobs are ``<tier>/sha256/<hash[:2]>/<hash>``, record packs
    ``_records/<hash[:2]>/<hash>.ndjson``.
    """
    found = _NAMED_BY_HASH.fullmatch(key)
    if found is None:
        return None
    start, _, content_hash = (found["blob"] or found["pack"]).rpartition("/")
    return content_hash if content_hash.startswith(start) else None


class ReadCache:
    """Objects named by their hash, each a file; those not read for longest go first.

    Files are written beside the caller's work, by a thread of its own. One that cannot be
    written or read is no error, and neither is more than the thread keeps up with: the cache
    then just does not have it.

    Parameters
    ----------
    folder : Path
    size_bytes : int, optional
        What it may hold.
    """

    def __init__(self, folder: Path, size_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._most_bytes = size_bytes
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._writer: ThreadPoolExecutor | None = None
        self._pending: dict[str, bytes] = {}
        self._pending_bytes = 0
        self._held_bytes: int | None = None  # not counted yet

    def put(self, bucket: str, key: str, data: Body) -> None:
        """Keep `data`, the bytes that are surely stored under `key`."""
        if len(data) > min(MOST_CACHED_BYTES, self._most_bytes):
            return
        path = self._path(bucket, key)
        with self._lock:
            if path in self._pending or self._pending_bytes + len(data) > _MOST_PENDING_BYTES:
                return
            self._pending[path] = bytes(data)  # a sender may use its buffer again
            self._pending_bytes += len(data)
            if self._writer is None:
                self._writer = ThreadPoolExecutor(1, "astrid-cache")
            self._writer.submit(self._write, path)

    def get(self, bucket: str, key: str) -> bytes | None:
        """Return the bytes under `key`, if they are here and have the hash it names."""
        path = self._path(bucket, key)
        data = self._pending.get(path)
        if data is None:
            try:
                data = Path(path).read_bytes()
                os.utime(path)
            except OSError:
                return None
        if sha256_hex(data) != hash_named_by(key):
            self.drop(bucket, key)
            return None
        return data

    def drop(self, bucket: str, key: str) -> None:
        """Forget `key`."""
        path = self._path(bucket, key)
        with self._writing:
            self._taken(path)
            with contextlib.suppress(OSError):
                Path(path).unlink()

    def close(self) -> None:
        """Write what is still to be written and end the thread; the cache may be used again."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.shutdown()

    def _write(self, path: str) -> None:
        with self._writing, contextlib.suppress(OSError):
            data = self._pending.get(path)
            try:
                if data is not None:
                    _write_new(path, data)
                    self._grew_by(len(data))
            except FileExistsError:
                os.utime(path)
            finally:
                self._taken(path)

    def _taken(self, path: str) -> None:
        with self._lock:
            self._pending_bytes -= len(self._pending.pop(path, b""))

    def _path(self, bucket: str, key: str) -> str:
        name = hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()
        return f"{self._folder}/{name[:2]}/{name}"

    def _grew_by(self, size_bytes: int) -> None:
        if self._held_bytes is None:
            self._held_bytes = sum(size for _, size, _ in self._files())
        else:
            self._held_bytes += size_bytes
        if self._held_bytes > self._most_bytes:
            self._held_bytes = self._make_room()

    def _make_room(self) -> int:
        files = sorted(self._files())
        held = sum(size for _, size, _ in files)
        for _, size, path in files:
            if held <= self._most_bytes * _ROOM:
                break
            path.unlink(missing_ok=True)
            held -= size
        return held

    def _files(self) -> list[tuple[int, int, Path]]:
        """Return when each file was last used, its size and path."""
        found = []
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        return found


def _write_new(path: str, data: Body) -> None:
    """Write a file where none is; what a crash leaves of it is found out by its hash."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
    with closing(descriptor):
        write_at(descriptor, data, 0)
