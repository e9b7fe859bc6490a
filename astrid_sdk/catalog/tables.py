"""The catalogue: an index over records and derivations, Delta Lake below ``_catalog/``.

Two tables: ``records`` (a row per record and per thing its bytes say: a file with three images is
three rows) and ``derivations``. What is true stands in the record packs and derivation objects:
the tables can be deleted, and are made again.
"""

import string
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.catalog.derivation_rows import DERIVATIONS_SCHEMA, derivation_table
from astrid_sdk.catalog.index_table import IndexTable, TableStatus
from astrid_sdk.catalog.lookup import digits_of
from astrid_sdk.catalog.pack_rows import pack_table
from astrid_sdk.catalog.record_rows import IN_SKY_ORDER, RECORDS_SCHEMA, pack_name
from astrid_sdk.catalog.rows import UNREADABLE, Layout, Rows
from astrid_sdk.catalog.snapshot import JUDGEMENT, Snapshot
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.errors import InvalidInputError, NotFoundError, StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.parallel import batched
from astrid_sdk.storage.records import RecordLog

SHORTEST_PREFIX = 8
"""Digits of a content hash that a person must give at least."""

KEEP_DAYS = 7.0
"""How long files of the tables stay that no new reader needs."""

_RECORDS = Layout("records", RECORDS_SCHEMA, frozenset({"summary", "details"}), "cell", "pack")
_DERIVATIONS = Layout("derivations", DERIVATIONS_SCHEMA, frozenset({"object"}))
_READERS = 8
_PACKS_A_BATCH = 16  # so many are in memory as Python objects
_ROWS_A_COMMIT = 250_000
_KEYS_A_COMMIT = 20_000
_MANY_KEYS = 64  # a listing tells which of so many are there sooner than asking for each


AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class CatalogStatus:
    """The tables as they stand.

    Attributes
    ----------
    tables : tuple of TableStatus
    packs, indexed_packs : int
        Record packs in the store, and those of them that the tables hold.
    """

    tables: tuple[TableStatus, ...]
    packs: int
    indexed_packs: int

    @property
    def is_damaged(self) -> bool:
        """Whether a table cannot be read: `Catalog.rebuild` makes it again."""
        return any(table.trouble for table in self.tables)


class Catalog:
    """An index over the records and derivations of one bucket.

    Every answer counts what is stored at that moment, whoever stored it: the record packs are
    listed, and those not seen yet are indexed in one commit. A derivation is looked for where a
    record names it.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    records : RecordLog
    derivations : Derivations
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        records: RecordLog,
        derivations: Derivations,
    ) -> None:
        self._log = records
        self._derivations = derivations
        self._record_table = IndexTable(storage, bucket, _RECORDS)
        self._derivation_table = IndexTable(storage, bucket, _DERIVATIONS)
        self._snapshot: Snapshot | None = None
        self._lock = threading.RLock()

    def refresh(self) -> None:
        """Index the packs and derivations that were not seen yet, wherever they were written."""
        self.snapshot()

    def snapshot(self, *, refresh: bool = True) -> Snapshot:
        """Return both tables at one moment, complete: every committed derivation is in them.

        Parameters
        ----------
        refresh : bool
            False returns what was read last, without asking the store for anything new: what was
            true of a content then is true. The same object is returned while nothing changes.
        """
        with self._lock:
            if not refresh and self._snapshot is not None:
                return self._snapshot
            snapshot = self.newest()
            return self.committed(snapshot, snapshot.uncommitted)

    def newest(self) -> Snapshot:
        """Return the tables with all records that are stored now, and the derivations known."""
        with self._lock:
            return self._shown(self._all_records(self._log.packs()))

    def committed(self, snapshot: Snapshot, keys: Sequence[str]) -> Snapshot:
        """Return `snapshot` with those of the derivations `keys` that were committed since."""
        with self._lock:
            found = self._found(keys)
            if not found:
                return snapshot
            self._derivation_table.add(derivation_table(found))
            return self._shown(snapshot.record_rows)

    def answer(self, ask: Callable[[], AnswerT]) -> AnswerT:
        """Return what `ask` returns, opening the tables again where their files are gone.

        Another process may have put them together, or deleted them all.
        """
        try:
            return ask()
        except StorageUnavailableError as error:
            if error.kind != UNREADABLE:
                raise
        self.reopened()
        return ask()

    def reopened(self) -> Rows:
        """Return the rows of the records that are stored now, from tables opened again."""
        with self._lock:
            self._derivation_table.read()
            self._record_table.read()
            return self._all_records(self._log.packs())

    def records(self) -> pa.Table:
        """Return every row of the ``records`` table, each record once, oldest first."""
        return self.answer(lambda: self.snapshot().records)

    def contents(self) -> pa.Table:
        """Return what is stored, a row per content, tier and HDU; see `contents_of`."""
        return self.answer(lambda: self.snapshot().contents)

    def derivation_rows(self) -> pa.Table:
        """Return the ``derivations`` table, each derivation once, oldest first.

        Those without outputs (refusals) are there only once `derivations` was asked.
        """
        return self.answer(lambda: self.snapshot().derivations)

    def derivations(self) -> list[Derivation]:
        """Return every derivation, refusals included, oldest first."""
        rows = self._with_refusals().derivations
        objects = rows["object"].to_pylist()
        return [Derivation.from_bytes(text.encode(), reused=True) for text in objects]

    def derivation_objects(self) -> dict[str, str]:
        """Return the derivation objects as text, by key: to read some of very many."""
        rows = self._with_refusals().derivations
        return dict(zip(rows["key"].to_pylist(), rows["object"].to_pylist(), strict=True))

    def lookup(self, content_hash: str) -> dict[str, Any] | None:
        """Return the first row of a content as it was known last, without asking the store.

        None where it is not known: a `refresh` may tell more.
        """
        snapshot = self.snapshot(refresh=False)
        found = snapshot.contents_with(content_hash)
        if not found.num_rows:
            return None
        place = arrow.to_numpy(found["place"])[:1]
        (told,) = arrow.to_rows(snapshot.record_rows.take(place, RECORDS_SCHEMA.names))
        (judged,) = arrow.to_rows(found.slice(0, 1))
        return {**told, **{name: judged[name] for name in JUDGEMENT}}

    def resolve(self, prefix: str) -> str:
        """Return the content hash that starts with `prefix`, of at least eight digits.

        Parameters
        ----------
        prefix : str
            Tables show ``name@hash8``: that will do.

        Raises
        ------
        InvalidInputError
            `prefix` is no text or too short, or several hashes start with it.
        NotFoundError
            No stored content starts with it.
        """
        return self.resolved(prefix)[0]

    def resolved(self, prefix: str) -> tuple[str, Snapshot]:
        """Return what `resolve` does, and the snapshot that has the content."""
        return self.answer(lambda: self._resolved(prefix))

    def _resolved(self, prefix: str) -> tuple[str, Snapshot]:
        short = digits_of(prefix)
        if len(short) < SHORTEST_PREFIX:
            raise InvalidInputError(
                f"{prefix!r} is too short: give at least {SHORTEST_PREFIX} digits of the hash",
                kind="short_prefix",
            )
        snapshot = self.newest()
        keys = snapshot.keys_with(short)
        snapshot = self.committed(snapshot, snapshot.unknown(keys))
        found = pc.unique(snapshot.contents_with(short)["content_hash"]).to_pylist()
        if not found:
            raise NotFoundError(_nothing(snapshot, short))
        if len(found) > 1:
            raise InvalidInputError(
                f"{len(found)} hashes start with {short!r}: give more digits", kind="ambiguous"
            )
        return str(found[0]), snapshot

    def compact(self, *, keep_days: float = KEEP_DAYS) -> CatalogStatus:
        """Index everything, put the tables in order, and delete files replaced long ago.

        Parameters
        ----------
        keep_days : float
            Whoever opened the tables longer ago than that opens them again.
        """
        with self._lock:
            self._with_refusals()
            for table in (self._record_table, self._derivation_table):
                table.compact(keep_days)
            self._shown(self._record_table.read())
            return self.status()

    def rebuild(self) -> CatalogStatus:
        """Make every table again from record packs and derivation objects alone.

        Damaged tables are replaced. No content is read: rows say what the summaries in the
        records say, also those that an older release wrote.
        """
        with self._lock:
            for table in (self._record_table, self._derivation_table):
                table.clear()
            self._snapshot = None
            return self.compact()

    def status(self) -> CatalogStatus:
        """Return how large the tables are, and how many record packs they lack.

        A table that cannot be read is named, with what to do.
        """
        packs = set(map(pack_name, self._log.packs()))
        with self._lock:
            records, indexed = _standing(self._record_table)
            derivations, _ = _standing(self._derivation_table)
        return CatalogStatus((records, derivations), len(packs), len(packs & indexed))

    def _with_refusals(self) -> Snapshot:
        with self._lock:
            snapshot = self.snapshot()
            keys = pa.chunked_array([arrow.column(self._derivations.keys(), pa.string())])
            return self.committed(snapshot, snapshot.unknown(keys))

    def _all_records(self, packs: Sequence[str]) -> Rows:
        """Return the rows of all `packs`, indexing those that nobody has."""
        rows = self._record_table.rows()
        if not rows.sources.issuperset(map(pack_name, packs)):
            rows = self._record_table.read()  # perhaps another process indexed them
            missing = [pack for pack in packs if pack_name(pack) not in rows.sources]
            for table in self._read_packs(missing):
                rows = self._record_table.add(table)
        return rows

    def _read_packs(self, packs: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows of packs, a table per commit."""
        gathered: list[pa.Table] = []
        for batch in batched(packs, _PACKS_A_BATCH):
            gathered.append(pack_table(_read_all(self._log, batch)))
            if sum(table.num_rows for table in gathered) >= _ROWS_A_COMMIT:
                yield _in_order(gathered)
                gathered = []
        if gathered:
            yield _in_order(gathered)

    def _shown(self, records: Rows) -> Snapshot:
        derivations = self._derivation_table.rows()
        last = self._snapshot
        if (
            last is None
            or last.record_rows is not records
            or last.derivation_rows is not derivations
        ):
            last = self._snapshot = Snapshot(records, derivations)
        return last

    def _found(self, keys: Sequence[str]) -> list[Derivation]:
        """Return those of the derivations that are in the store."""
        if len(keys) > _MANY_KEYS:
            keys = sorted(set(keys) & set(self._derivations.keys()))
        if len(keys) <= 1:
            found = [self._derivations.find(key) for key in keys]
        else:
            with ThreadPoolExecutor(_READERS) as pool:
                found = list(pool.map(self._derivations.find, keys))
        return [derivation for derivation in found if derivation is not None]


def _nothing(snapshot: Snapshot, short: str) -> str:
    """Return what is said of the beginning of a hash that nothing stored has."""
    if snapshot.tombstones_with(short).num_rows:
        return f"what has the hash that starts with {short!r} was deleted: restore it to have it"
    told = f"nothing stored has a hash that starts with {short!r}"
    if set(short) <= set(string.hexdigits):
        return told
    return f"{told}: find(name=...), or astrid find --name, tells that of a file"


def _read_all(log: RecordLog, packs: Sequence[str]) -> list[tuple[str, list[bytes]]]:
    if len(packs) == 1:
        return [(packs[0], log.lines(packs[0]))]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(zip(packs, pool.map(log.lines, packs), strict=True))


def _standing(table: IndexTable) -> tuple[TableStatus, frozenset[str]]:
    """Return how a table stands, and the objects its rows come from: none where it is damaged."""
    try:
        return table.status(), table.rows().sources if table.layout.source else frozenset()
    except StorageUnavailableError as error:
        if error.kind != UNREADABLE:
            raise
        return TableStatus(table.layout.name, trouble=error.message), frozenset()


def _in_order(tables: Sequence[pa.Table]) -> pa.Table:
    if len(tables) == 1:
        return tables[0]
    return pa.concat_tables(tables).sort_by(IN_SKY_ORDER)
