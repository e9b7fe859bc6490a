"""One table of the catalogue: rows of immutable objects, kept as Delta Lake and in memory.

The objects are the truth, the table is an index over them. Objects never change, so what was read
once is kept, and a table that is missing, behind, or of other columns is made good from the
objects.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage

RowsOf = Callable[[str], Iterable[Mapping[str, Any]]]
"""Reads one object and returns its rows."""

_ATTEMPTS = 5  # at creating one table in several processes at once
_MOST_FILES = 25  # a commit writes a file; reading 300 took 5 s, and 0.05 s put together


class IndexTable:
    """An index over objects, one table.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    name : str
        Of the table, below ``_catalog/``.
    schema : pyarrow.Schema
        Its columns; the first holds the name of the object that a row comes from.
    """

    def __init__(self, storage: ObjectStorage, bucket: str, name: str, schema: pa.Schema) -> None:
        self._location = storage.table_location(bucket, name)
        self._name = name
        self._schema = schema
        self._source = schema.names[0]
        self._rows: pa.Table = schema.empty_table()
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def rows(self, present: Sequence[str], rows_of: RowsOf) -> pa.Table:
        """Return the rows of the objects `present`, indexing those that nobody has.

        The same table object is returned as long as there is nothing new. A row can be there
        twice, where two processes indexed its object at the same moment.

        Raises
        ------
        StorageUnavailableError
            The table cannot be read or written.
        """
        with self._lock:
            missing = [name for name in present if name not in self._seen]
            if missing:
                self._catch_up(missing, rows_of)
            return self._rows

    def _catch_up(self, missing: Sequence[str], rows_of: RowsOf) -> None:
        stored = self._read(missing)
        known = self._schema.empty_table() if stored is None else stored
        indexed = set(known[self._source].to_pylist())
        read = [row for name in missing if name not in indexed for row in rows_of(name)]
        new = pa.Table.from_pylist(read, schema=self._schema)
        if read:
            self._append(new, replace=stored is None)
        self._rows = pa.concat_tables([self._rows, known, new]).combine_chunks()
        self._seen.update(missing)

    def _read(self, sources: Sequence[str]) -> pa.Table | None:
        """Return the stored rows of `sources`; None where the table has other columns."""
        with self._translated("read"):
            try:
                delta = self._open()
            except TableNotFoundError:
                return self._schema.empty_table()
            if {field.name for field in delta.schema().fields} != set(self._schema.names):
                return None
            partial = [(self._source, "in", list(sources))] if self._seen else None
            table = delta.to_pyarrow_table(columns=self._schema.names, filters=partial)
            rows = pa.table(table).cast(self._schema)
            return rows.filter(pc.is_in(rows[self._source], value_set=pa.array(sources)))

    def _append(self, rows: pa.Table, *, replace: bool) -> None:
        with self._translated("write"):
            for attempt in range(_ATTEMPTS):
                try:
                    self._write(rows, replace=replace and attempt == 0)
                except CommitFailedError:  # another process made the table: now it is there
                    continue
                self._tidy()
                return
            raise CommitFailedError(f"{_ATTEMPTS} times")

    def _tidy(self) -> None:
        """Put the files of many commits together; what readers hold open stays readable."""
        delta = self._open()
        if len(delta.file_uris()) > _MOST_FILES:
            with suppress(CommitFailedError):  # another process was faster
                delta.optimize.compact()

    def _open(self) -> DeltaTable:
        return DeltaTable(self._location.uri, storage_options=self._location.reveal_options())

    def _write(self, rows: pa.Table, *, replace: bool) -> None:
        write_deltalake(
            self._location.uri,
            rows,
            mode="overwrite" if replace else "append",
            schema_mode="overwrite" if replace else None,
            storage_options=self._location.reveal_options(),
        )

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (DeltaError, pa.ArrowException, OSError) as error:
            raise StorageUnavailableError(
                f"could not {doing} the catalogue table {self._name} ({type(error).__name__}): try "
                f"again; if it stays so, delete _catalog/{self._name}, which is only an index and "
                "is built again from the records",
                kind="catalog",
            ) from error
