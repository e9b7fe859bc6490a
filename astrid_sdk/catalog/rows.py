"""Rows of a catalogue table at one version: columns are read when they are asked for, and kept.

A table is a list of blocks, the row groups of its Parquet files. Files never change, so what was
read of one stays true; a block whose rows cannot matter is not read at all.
"""

import atexit
import gc
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.table_file import TableFile
from astrid_sdk.errors import StorageUnavailableError

Numbers = NDArray[np.int64]
_NONE = np.zeros(0, np.int64)
_MANY_CODES = 5_000  # so many are looked for row by row
_LAST_MOMENT_S = 0.1
UNREADABLE = "catalog"
"""The kind of the error that a table which cannot be used raises."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table is: its name below ``_catalog/``, its columns, and how it is kept.

    Attributes
    ----------
    name : str
    schema : pyarrow.Schema
    heavy : frozenset of str
        Columns that are read when they are shown, and not kept in memory.
    sorted_by : str
        The column in whose order rows are kept; "" where the order does not matter.
    source : str
        The column that names the object a row comes from; "" where nobody asks.
    """

    name: str
    schema: pa.Schema
    heavy: frozenset[str] = frozenset()
    sorted_by: str = ""
    source: str = ""


class Block:
    """One row group of one file, and what was read of it.

    Parameters
    ----------
    file : TableFile
    group : int
        Which row group of it.
    """

    def __init__(self, file: TableFile, group: int) -> None:
        _end_well()
        self.file = file
        self.group = group
        self.num_rows: int = file.metadata.row_group(group).num_rows
        self.kept: dict[str, pa.Array] = {}
        self.distinct: frozenset[str] | None = None
        self._by_code: tuple[Numbers, Numbers] | None = None

    def span(self, column: str) -> tuple[int, int] | None:
        """Return the least and the greatest value of `column`, or None where that is not told."""
        metadata = self.file.metadata
        place = metadata.schema.names.index(column)
        told = metadata.row_group(self.group).column(place).statistics
        return (told.min, told.max) if told is not None and told.has_min_max else None

    def with_codes(self, first: Numbers, last: Numbers) -> Numbers:
        """Return the numbers, within the block, of rows whose code is in one of these ranges."""
        if self._by_code is None:
            codes = arrow.to_numpy(self.kept["code"])
            order = np.argsort(codes, kind="stable")
            self._by_code = (codes[order], order)
        codes, order = self._by_code
        starts, ends = np.searchsorted(codes, first), np.searchsorted(codes, last, side="right")
        hits = np.flatnonzero(starts < ends)  # none in most blocks
        found = [order[starts[hit] : ends[hit]] for hit in hits]
        return np.sort(np.concatenate(found)) if found else _NONE


def blocks_of(file: TableFile) -> list[Block]:
    """Return the row groups of a file."""
    return [Block(file, group) for group in range(file.metadata.num_row_groups)]


class Rows:
    """The rows of a table, numbered from 0 in the order of its blocks.

    Parameters
    ----------
    blocks : sequence of Block
    layout : Layout
    """

    def __init__(self, blocks: Sequence[Block], layout: Layout) -> None:
        self.blocks = tuple(blocks)
        self._layout = layout
        self._starts = np.cumsum([0, *(block.num_rows for block in blocks)])
        self._lock = threading.Lock()

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return int(self._starts[-1])

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return all rows, these columns of them."""
        return self._read(range(len(self.blocks)), columns)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column of all rows."""
        return self.table([name])[name]

    def of_blocks(self, blocks: Sequence[int], columns: Sequence[str]) -> tuple[Numbers, pa.Table]:
        """Return the numbers and the columns of the rows in some blocks."""
        places = [_NONE, *(np.arange(self._starts[i], self._starts[i + 1]) for i in blocks)]
        return np.concatenate(places), self._read(blocks, columns)

    def take(self, places: Numbers, columns: Sequence[str]) -> pa.Table:
        """Return the rows with these numbers, in this order."""
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        owner = np.searchsorted(self._starts, ordered, side="right") - 1
        blocks, first = np.unique(owner, return_index=True)
        tables = self._tables(blocks.tolist(), columns)
        parts = np.split(ordered, first[1:])
        taken = [
            table.take(arrow.column(part - self._starts[block]))
            for block, table, part in zip(blocks, tables, parts, strict=False)
        ]
        found = pa.concat_tables([self._empty(columns), *taken]).combine_chunks()
        return found if (order == np.arange(len(order))).all() else found.take(_undone(order))

    def by_block(self, places: Numbers) -> list[Numbers]:
        """Return these numbers in order, those of each block together.

        Whoever takes a heavy column has no more than one block of it in memory, and reads it once.
        """
        ordered = np.sort(places)
        ends = np.searchsorted(ordered, self._starts[1:-1])
        return [some for some in np.split(ordered, ends) if len(some)]

    def with_code(self, codes: Numbers) -> Numbers:
        """Return the numbers of the rows that have one of `codes`; see `codes_of`."""
        wanted = np.unique(codes)
        if len(wanted) < _MANY_CODES:
            return self.with_codes(wanted, wanted)
        found = pc.is_in(self.column("code"), value_set=arrow.column(wanted))
        return np.flatnonzero(arrow.to_numpy(found))

    def with_codes(self, first: Numbers, last: Numbers) -> Numbers:
        """Return the numbers of the rows whose code is in one of the ranges, ends included."""
        self.column("code")
        found = [block.with_codes(first, last) for block in self.blocks]
        pairs = zip(self._starts, found, strict=False)
        return np.concatenate([_NONE, *(start + rows for start, rows in pairs if len(rows))])

    @cached_property
    def sources(self) -> frozenset[str]:
        """The objects that rows come from."""
        with self._lock, self._translated():
            lacking = [block for block in self.blocks if block.distinct is None]
            _note_distinct(lacking, self._layout.source)
        return frozenset().union(*(block.distinct or () for block in self.blocks))

    def spans(self, column: str) -> tuple[Numbers, Numbers]:
        """Return the least and the greatest value of a column of whole numbers, by block."""
        return self._spans[column] if column in self._spans else self._spans_of(column)

    @cached_property
    def _spans(self) -> dict[str, tuple[Numbers, Numbers]]:
        return {}

    def _spans_of(self, column: str) -> tuple[Numbers, Numbers]:
        ends = np.iinfo(np.int64)
        told = [block.span(column) or (ends.min, ends.max) for block in self.blocks]
        low, high = np.array(told, np.int64).reshape(-1, 2).T
        self._spans[column] = (low, high)
        return low, high

    def _read(self, blocks: Sequence[int], columns: Sequence[str]) -> pa.Table:
        return pa.concat_tables([self._empty(columns), *self._tables(blocks, columns)])

    def _empty(self, columns: Sequence[str]) -> pa.Table:
        return arrow.empty(pa.schema([self._layout.schema.field(name) for name in columns]))

    def _tables(self, blocks: Sequence[int], columns: Sequence[str]) -> list[pa.Table]:
        """Return the columns of each block, reading what is not in memory with one call."""
        with self._lock, self._translated():
            wanted = [self.blocks[i] for i in blocks]
            light = [name for name in columns if name not in self._layout.heavy]
            self._keep(wanted, light)
            heavy = [name for name in columns if name in self._layout.heavy]
            found = _scanned(wanted, self._empty(heavy).schema) if heavy else [{}] * len(wanted)
            return [
                pa.table({name: read.get(name, block.kept.get(name)) for name in columns})
                for block, read in zip(wanted, found, strict=True)
            ]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._layout.name, "read", error) from error

    def _keep(self, wanted: Sequence[Block], columns: Sequence[str]) -> None:
        """Read what is missing of `columns`, blocks that lack the same of them together."""
        lacking: dict[tuple[str, ...], list[Block]] = {}
        for block in wanted:
            lacks = tuple(name for name in columns if name not in block.kept)
            if lacks:
                lacking.setdefault(lacks, []).append(block)
        for lacks, blocks in lacking.items():
            read = _scanned(blocks, self._empty(lacks).schema)
            for block, found in zip(blocks, read, strict=True):
                block.kept.update(found)


def unreadable(name: str, doing: str, error: Exception) -> StorageUnavailableError:
    """Return the error that says what to do about a table that cannot be used."""
    return StorageUnavailableError(
        f"could not {doing} the catalogue table {name} ({type(error).__name__}): try again; if it "
        "stays so, run astrid catalog rebuild, which makes the tables again from the records",
        kind=UNREADABLE,
    )


def _scanned(blocks: Sequence[Block], schema: pa.Schema) -> list[dict[str, pa.Array]]:
    """Return columns of each block, read from all files side by side."""
    if not blocks:
        return []
    table = _scan(blocks, schema.names).cast(schema).combine_chunks()
    parts = _parted(table, blocks)
    return [{name: arrow.whole(part[name]) for name in schema.names} for part in parts]


def _note_distinct(blocks: Sequence[Block], column: str) -> None:
    """Note the distinct values of a column that is read as a dictionary."""
    if not blocks:
        return
    for block, part in zip(blocks, _parted(_scan(blocks, [column]), blocks), strict=True):
        values = arrow.whole(part[column].unify_dictionaries())
        used = arrow.column(np.unique(arrow.to_numpy(values.indices)))
        block.distinct = frozenset(values.dictionary.take(used).to_pylist())


def _scan(blocks: Sequence[Block], columns: Sequence[str]) -> pa.Table:
    """Return columns of `blocks`, one behind the other.

    Arrow's dataset scanner would read all files side by side, but leaves threads behind that may
    abort the interpreter at its end (see `_let_arrow_end`).
    """
    runs = itertools.groupby(blocks, key=lambda block: block.file)
    return pa.concat_tables(
        [file.read([block.group for block in run], columns) for file, run in runs]
    )


def _let_arrow_end() -> None:
    """Leave Arrow's threads a moment to give back what they hold of the interpreter's.

    One that still holds something when the interpreter ends aborts the process
    (https://github.com/apache/arrow/issues/39862); Arrow has nothing to wait for them with.
    """
    gc.collect()
    time.sleep(_LAST_MOMENT_S)


@cache
def _end_well() -> None:
    """Have `_let_arrow_end` called at the end of a process that looked into a table's files."""
    atexit.register(_let_arrow_end)


def _parted(table: pa.Table, blocks: Sequence[Block]) -> Iterator[pa.Table]:
    start = 0
    for block in blocks:
        yield table.slice(start, block.num_rows)
        start += block.num_rows


def _undone(order: Numbers) -> pa.Array:
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return arrow.column(places)
