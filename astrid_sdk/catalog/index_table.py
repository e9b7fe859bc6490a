"""One table of the catalogue: an index over immutable objects, kept as Delta Lake.

The objects are the truth. A table that is missing, behind, or of an older format is made good from
them; one that a later release wrote is refused; one that cannot be read is said to be damaged.
Rows may be there twice, where two processes indexed an object at the same moment: whoever reads
them counts them once.
"""

import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import (
    CommitFailedError,
    DeltaError,
    DeltaProtocolError,
    TableNotFoundError,
)
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import PyFileSystem

from astrid_sdk import arrow
from astrid_sdk.catalog.rows import Block, Layout, Rows, blocks_of, unreadable
from astrid_sdk.catalog.table_file import TableFile
from astrid_sdk.errors import InvalidInputError, StorageUnavailableError
from astrid_sdk.storage.base import CATALOG_PREFIX, ObjectStorage
from astrid_sdk.storage.features import TableLocation

FORMAT = 2
"""The format of the tables that this release writes; each has a folder of its own."""

_READER = 1  # what our tables need: no deletion vectors, no renamed columns
_SAYS = "astrid-sdk catalogue, format"
_FORMAT = re.compile(rf"{_SAYS} (?P<number>\d+)")
_ATTEMPTS = 5  # at creating one table in several processes at once
_MOST_SMALL_FILES = 25  # a commit writes a file; reading 300 took 5 s, and 0.05 s put together
_SMALL_BYTES = 16 << 20
_LARGE_BYTES = 128 << 20
_HOURS_A_DAY = 24
_WRITTEN = WriterProperties(compression="ZSTD", max_row_group_size=4_096)


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table as it stands.

    Attributes
    ----------
    name : str
    version : int
        How many commits it had, less one; -1 where there is no table.
    rows, files, size_bytes : int
    trouble : str
        Why it cannot be read, and what to do; "" where it can.
    """

    name: str
    version: int = -1
    rows: int = 0
    files: int = 0
    size_bytes: int = 0
    trouble: str = ""


class IndexTable:
    """One table; may be used from many threads, and by many processes.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    layout : Layout
    """

    def __init__(self, storage: ObjectStorage, bucket: str, layout: Layout) -> None:
        self.layout = layout
        self._storage = storage
        self._bucket = bucket
        self._path = f"v{FORMAT}/{layout.name}"
        self._blocks: dict[str, list[Block]] = {}
        self._is_old = False
        self._rows: Rows | None = None
        self._lock = threading.RLock()

    def rows(self) -> Rows:
        """Return the rows as they were last read; the table is read when it never was."""
        with self._lock:
            return self._rows if self._rows is not None else self.read()

    def read(self) -> Rows:
        """Return the rows of the newest version.

        Raises
        ------
        StorageUnavailableError
            The table cannot be read.
        InvalidInputError
            ``kind="format_version"``: a later release wrote it.
        """
        with self._lock, self._translated("read"):
            return self._rows_of(self._opened())

    def add(self, rows: pa.Table) -> Rows:
        """Append `rows` in one commit and return the rows of the newest version.

        Raises
        ------
        StorageUnavailableError
            The table cannot be written.
        InvalidInputError
            As `read`. Nothing was written.
        """
        with self._lock:
            with self._translated("write"):
                written = self._append(rows)
            with self._translated("read"):
                return self._rows_of(written)

    def clear(self) -> None:
        """Take all rows out; a table that is damaged is deleted."""
        with self._lock:
            self._rows, self._blocks = None, {}
            try:
                with self._translated("write"):
                    delta = self._opened()
                    if delta is not None:
                        self._write(delta, arrow.empty(self.layout.schema), replace=True)
            except StorageUnavailableError:  # a log that cannot be read cannot be added to
                self._delete()

    def compact(self, keep_days: float) -> None:
        """Put rows in order into few files, and delete files that were replaced long ago.

        Parameters
        ----------
        keep_days : float
            Readers that opened the table longer ago than that must open it again.

        Raises
        ------
        StorageUnavailableError
            The table cannot be read or written.
        """
        with self._lock, self._translated("compact"):
            delta = self._opened()
            if delta is None or self._is_old:
                return
            self._put_together(delta)
            delta = self._open()
            delta.create_checkpoint()
            delta.vacuum(
                retention_hours=int(keep_days * _HOURS_A_DAY),
                dry_run=False,
                enforce_retention_duration=False,
            )
            delta.cleanup_metadata()
            self.read()

    def status(self) -> TableStatus:
        """Return how large the table is."""
        with self._lock, self._translated("read"):
            delta = self._opened()
            if delta is None:
                return TableStatus(self.layout.name)
            sizes = _file_sizes(delta).values()
            rows = sum(block.num_rows for block in self.read().blocks)
            return TableStatus(self.layout.name, delta.version(), rows, len(sizes), sum(sizes))

    def _opened(self) -> DeltaTable | None:
        """Return the table, or None where there is none; see whether it is an old one."""
        try:
            delta = self._open()
        except TableNotFoundError:
            self._is_old = False
            return None
        self._check(delta)
        return delta

    def _check(self, delta: DeltaTable) -> None:
        """See whether the table is an old one, or one that this release cannot read."""
        told = _FORMAT.match(delta.metadata().description or "")
        number = int(told["number"]) if told else 0
        if number > FORMAT:
            raise InvalidInputError(
                f"the catalogue table {self.layout.name} is of format {number}: upgrade astrid-sdk "
                "to read it",
                kind="format_version",
            )
        if delta.protocol().min_reader_version > _READER:  # another program changed how it is read
            raise DeltaProtocolError(f"reader version {delta.protocol().min_reader_version}")
        columns = {field.name for field in delta.schema().fields}
        self._is_old = number < FORMAT or columns != set(self.layout.schema.names)

    def _rows_of(self, delta: DeltaTable | None) -> Rows:
        """Return the rows of the version that is open, those of an old table left out."""
        blocks = [] if delta is None or self._is_old else self._blocks_of(delta)
        if self._rows is None or tuple(blocks) != self._rows.blocks:
            self._rows = Rows(blocks, self.layout)
        return self._rows

    def _blocks_of(self, delta: DeltaTable) -> list[Block]:
        """Return the row groups of all files; those that were known keep what was read."""
        sizes = _file_sizes(delta)
        new = {path: size for path, size in sizes.items() if path not in self._blocks}
        known = self._blocks | {file.path: blocks_of(file) for file in self._files(new)}
        self._blocks = {path: known[path] for path in sorted(sizes)}
        return [block for blocks in self._blocks.values() for block in blocks]

    def _files(self, sizes: Mapping[str, int]) -> Iterator[TableFile]:
        """Yield these files of the table, with their footers."""
        if not sizes:
            return
        options = self._location.reveal_options()
        filesystem = PyFileSystem(DeltaStorageHandler(self._location.uri, options, dict(sizes)))
        coded = [self.layout.source] if self.layout.source else []
        for path in sizes:
            yield TableFile(filesystem, path, coded)

    def _append(self, rows: pa.Table) -> DeltaTable:
        """Add rows and return the table, open as it is with them."""
        for _ in range(_ATTEMPTS):
            delta = self._opened()  # whether it is an old one is said by what stands there now
            try:
                written = self._write(delta, rows, replace=self._is_old)
            except CommitFailedError:  # another process made the table: now it is there
                continue
            self._is_old = False
            self._tidy(written)
            return written
        raise CommitFailedError(f"{_ATTEMPTS} times")

    def _write(self, delta: DeltaTable | None, rows: pa.Table, *, replace: bool) -> DeltaTable:
        """Write to the table that is open, or make it, and return it with what was written."""
        write_deltalake(
            self._location.uri if delta is None else delta,
            rows,
            mode="overwrite" if replace else "append",
            schema_mode="overwrite" if replace else None,
            description=f"{_SAYS} {FORMAT}",
            storage_options=self._location.reveal_options(),
            writer_properties=_WRITTEN,
        )
        written = self._open() if delta is None else delta
        if replace:
            written.alter.set_table_description(f"{_SAYS} {FORMAT}")
        return written

    def _tidy(self, delta: DeltaTable) -> None:
        """Put the files of many commits together; what readers hold open stays readable."""
        if sum(size < _SMALL_BYTES for size in _file_sizes(delta).values()) > _MOST_SMALL_FILES:
            try:
                delta.optimize.compact(target_size=_SMALL_BYTES, writer_properties=_WRITTEN)
            except CommitFailedError:  # another process was faster
                return

    def _put_together(self, delta: DeltaTable) -> None:
        optimise = delta.optimize
        if not self.layout.sorted_by:
            optimise.compact(target_size=_LARGE_BYTES, writer_properties=_WRITTEN)
            return
        optimise.z_order(
            [self.layout.sorted_by], target_size=_LARGE_BYTES, writer_properties=_WRITTEN
        )

    def _open(self) -> DeltaTable:
        return DeltaTable(self._location.uri, storage_options=self._location.reveal_options())

    def _delete(self) -> None:
        listed = self._storage.list_files(self._bucket, f"{CATALOG_PREFIX}/{self._path}/")
        # the log goes last: without it there is no table, with it there is a damaged one
        for key in sorted(listed, key=lambda key: "/_delta_log/" in key):
            self._storage.delete_file(self._bucket, key)

    @cached_property
    def _location(self) -> TableLocation:
        """Where the table is; of a store that holds no tables, in a folder of this process."""
        if self._storage.capabilities.has_tables:
            return self._storage.table_location(self._bucket, self._path)
        folder = tempfile.mkdtemp(prefix="astrid-catalog-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return TableLocation(f"{folder}/{self._path}", {})

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (DeltaError, pa.ArrowException, OSError) as error:
            if isinstance(error, StorageUnavailableError):
                raise
            raise unreadable(self.layout.name, doing, error) from error


def _file_sizes(delta: DeltaTable) -> dict[str, int]:
    """Return the length of each file of the table, by its path."""
    actions = delta.get_add_actions(flatten=True)
    paths, sizes = (actions[name].to_pylist() for name in ("path", "size_bytes"))
    return dict(zip(paths, sizes, strict=True))
