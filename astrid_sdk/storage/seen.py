"""What this machine has verified before: a cache that may be lost at any time.

It knows the hashes of files that did not change since they were hashed, the version marks of blobs
that were written or verified from here, and the records that were written. It is an SQLite file,
so that threads and processes can share it; one that is broken is thrown away and begun anew.
"""

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from astrid_sdk.storage.parallel import batched
from astrid_sdk.storage.source_files import FileMark

T = TypeVar("T")

SCHEMA_VERSION = 1
RACY_NS = 2_000_000_000
"""A file that was written this shortly before it was hashed can change without showing it."""
_ASKED_AT_ONCE = 500
_BUSY_S = 5.0
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size_bytes INT, mtime_ns INT, ctime_ns INT, inode INT, hash TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
    place TEXT, key TEXT, etag TEXT, PRIMARY KEY (place, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    place TEXT, record_id TEXT, PRIMARY KEY (place, record_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS md5s (hash TEXT PRIMARY KEY, md5 TEXT) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA_VERSION};
"""


class SeenContents:
    """What this machine has verified before.

    Parameters
    ----------
    path : Path, optional
        The file to keep it in; without one it lives as long as this object.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closer: weakref.finalize[[], SeenContents] | None = None

    def hashes(self, marks: Mapping[Path, FileMark]) -> dict[Path, str]:
        """Return the content hashes of those files that are as they were when they were hashed."""
        asked = {_path_key(path): (path, mark) for path, mark in marks.items()}
        rows = self._select("path, size_bytes, mtime_ns, ctime_ns, inode, hash", "files", asked)
        found = {}
        for key, *mark, content_hash in rows:
            path, now = asked[key]
            if FileMark(*mark) == now:
                found[path] = content_hash
        return found

    def remember_files(
        self, hashed: Iterable[tuple[Path, FileMark, str]], *, hashed_at_ns: int
    ) -> None:
        """Remember the hashes of files, but for those written just before `hashed_at_ns`."""
        rows = [
            (_path_key(path), mark.size_bytes, mark.mtime_ns, mark.ctime_ns, mark.inode, found)
            for path, mark, found in hashed
            if max(mark.mtime_ns, mark.ctime_ns) < hashed_at_ns - RACY_NS
        ]
        self._insert("files", rows)

    def md5s(self, content_hashes: Iterable[str]) -> dict[str, str]:
        """Return the MD5 of those contents that were hashed here with both."""
        return dict(self._select("hash, md5", "md5s", content_hashes))

    def remember_md5s(self, md5s: Mapping[str, str]) -> None:
        """Remember the MD5 of contents, by their content hash."""
        self._insert("md5s", list(md5s.items()))

    def etags(self, place: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the version marks of blobs that were written or verified from here."""
        return dict(self._select("key, etag", "blobs", keys, place))

    def remember_etags(self, place: str, etags: Mapping[str, str | None]) -> None:
        """Remember that these versions of blobs hold what their names say."""
        rows = [(place, key, etag) for key, etag in etags.items() if etag]
        self._insert("blobs", rows)

    def records(self, place: str, record_ids: Iterable[str]) -> set[str]:
        """Return which of these records are known to be written."""
        return {row[0] for row in self._select("record_id", "records", record_ids, place)}

    def remember_records(self, place: str, record_ids: Iterable[str]) -> None:
        """Remember that these records are written."""
        self._insert("records", [(place, record_id) for record_id in record_ids])

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            self._close()

    def _select(
        self, columns: str, table: str, keys: Iterable[object], place: str | None = None
    ) -> list[Any]:
        key = {"files": "path", "blobs": "key", "records": "record_id", "md5s": "hash"}[table]
        where = "" if place is None else "place = ? AND "
        first = [] if place is None else [place]

        def ask(database: sqlite3.Connection) -> list[Any]:
            rows: list[Any] = []
            for some in batched(keys, _ASKED_AT_ONCE):
                marks = ",".join("?" * len(some))
                asked = f"SELECT {columns} FROM {table} WHERE {where}{key} IN ({marks})"  # noqa: S608
                rows += database.execute(asked, [*first, *some])
            return rows

        return self._do(ask, [])

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        marks = ",".join("?" * len(rows[0]))
        statement = f"INSERT OR REPLACE INTO {table} VALUES ({marks})"  # noqa: S608

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany(statement, rows)

        self._do(write, None)

    def _do(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Do `work`, on a new file where the old one is broken; give up where that is in the way.

        Nothing depends on it but time.
        """
        with self._lock:
            for _attempt in range(2):
                try:
                    return work(self._opened())
                except sqlite3.OperationalError:  # busy, full, not allowed: it is only a cache
                    return otherwise
                except sqlite3.DatabaseError:
                    self._throw_away()
            return otherwise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _open(self._path)
            self._closer = weakref.finalize(self, self._connection.close)
        return self._connection

    def _close(self) -> None:
        if self._closer is not None:
            self._closer()
        self._connection = None

    def _throw_away(self) -> None:
        self._close()
        if self._path is not None:
            _remove(self._path)


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        _drop_other_schema(path)
    name = ":memory:" if path is None else os.fspath(path)
    connection = sqlite3.connect(name, timeout=_BUSY_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _drop_other_schema(path: Path) -> None:
    """Remove a file that another release wrote: its tables may differ."""
    if not path.exists():
        return
    with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in {0, SCHEMA_VERSION}:
        _remove(path)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()


def _path_key(path: Path) -> bytes:
    text = os.fspath(path)
    if not text.startswith("/") or "/.." in text:  # a Path has no other part to take out
        text = os.path.abspath(text)  # noqa: PTH100 - the same file, links and all
    return os.fsencode(text)
