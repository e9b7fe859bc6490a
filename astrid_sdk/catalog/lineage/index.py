"""What was made from what, as numbers: the whole catalogue's graph in a few flat arrays.

Contents and derivations are numbered; the arrays are made once per state of the catalogue, from
Arrow columns and without a Python object per row, so that walking costs what it shows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.contents import unique_derivations
from astrid_sdk.catalog.snapshot import Snapshot

_JUDGED = ("name", "tier", "derivation_key", "created_at", "excluded", "deleted", "place")
_RECORDED = ("media_type", "origin", "author", "night", "filter_band", "observation_time")
_DERIVATIONS = ("key", "step", "created_at", "inputs", "outputs")

NONE = -1
_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Lists:
    """Many lists of numbers as one array: list `i` lies from ``start[i]`` to ``start[i + 1]``."""

    start: _Numbers
    values: _Numbers

    def __getitem__(self, place: int) -> list[int]:
        found: list[int] = self.values[self.start[place] : self.start[place + 1]].tolist()
        return found

    def many(self, places: _Numbers) -> tuple[_Numbers, _Numbers]:
        """Return all values of the lists at `places`, and beside each the place of its list."""
        sizes = self.start[places + 1] - self.start[places]
        owners = np.repeat(places, sizes)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return owners, self.values[self.start[owners] + within]

    def turned(self, count: int) -> "_Lists":
        """Return for each of `count` values the lists that it is in, in their order."""
        owners = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        order = np.argsort(self.values, kind="stable")
        sizes = np.bincount(self.values, minlength=count)
        return _Lists(_starts(sizes), owners[order])


class LineageIndex:
    """The graph of one state of the catalogue.

    Parameters
    ----------
    snapshot : Snapshot
        Complete, as from `Catalog.snapshot`.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        contents = _with_deleted(snapshot)
        self._contents = contents.select(_JUDGED).combine_chunks()
        self._derivations = _derivation_table(snapshot)
        told = arrow.whole(contents["content_hash"])
        inputs, outputs = (arrow.whole(self._derivations[name]) for name in ("inputs", "outputs"))
        parts = [told, pc.list_flatten(inputs), pc.list_flatten(outputs)]
        encoded = pa.concat_arrays(parts).dictionary_encode()
        self._hashes = encoded.dictionary
        numbers = np.asarray(arrow.to_numpy(encoded.indices), np.int64)
        known, used, made = np.split(numbers, np.cumsum([len(part) for part in parts])[:2])
        count = len(self._hashes)
        self.inputs = _Lists(_starts(_sizes(inputs)), used)
        self.outputs = _Lists(_starts(_sizes(outputs)), made)
        self.users = self.inputs.turned(count)
        self._known = known
        self._row = _first_places(known, count)
        self._maker = self._makers(made, count)

    def __len__(self) -> int:
        return len(self._hashes)

    def number_of(self, content_hash: str) -> int:
        """Return the number of a content; `NONE` where the catalogue knows nothing of it."""
        return int(pc.index(self._hashes, arrow.scalar(content_hash, self._hashes.type)).as_py())

    def numbers_of(self, contents: Sequence[str]) -> list[int]:
        """Return the numbers of contents; `NONE` for those that the catalogue does not know."""
        found = pc.index_in(arrow.column(contents, pa.string()), value_set=self._hashes)
        numbers: list[int] = arrow.filled(found, NONE).to_pylist()
        return numbers

    def starting_with(self, digits: str) -> list[int]:
        """Return the stored contents whose hash starts with `digits`."""
        found = np.flatnonzero(arrow.to_numpy(pc.starts_with(self._hashes, pattern=digits)))
        return [number for number in found.tolist() if self.is_told(number)]

    def hashes_of(self, contents: Sequence[int]) -> list[str]:
        """Return the hashes of contents."""
        found: list[str] = self._hashes.take(arrow.column(contents, pa.int64())).to_pylist()
        return found

    def is_told(self, content: int) -> bool:
        """Return whether a record tells of the content: used or made alone is not stored."""
        return bool(self._row[content] != NONE)

    def maker_of(self, content: int) -> int:
        """Return the derivation that made a content first; `NONE` where it came from outside."""
        return int(self._maker[content])

    def makers_of(self, contents: _Numbers) -> _Numbers:
        """Return `maker_of` for each of many contents."""
        return self._maker[contents]

    def rows_telling(self, contents: _Numbers, columns: Sequence[str]) -> tuple[_Numbers, pa.Table]:
        """Return all rows that tell of some contents, HDU by HDU, and beside each its content."""
        rows = np.flatnonzero(np.isin(self._known, contents))
        places = arrow.to_numpy(self._contents["place"])[rows]
        return self._known[rows], self.snapshot.record_rows.take(places, columns)

    def keys_of(self, derivations: Sequence[int]) -> list[str]:
        """Return the keys of derivations."""
        found: list[str] = (
            self._derivations["key"].take(arrow.column(derivations, pa.int64())).to_pylist()
        )
        return found

    def rows_of(self, derivations: Sequence[int]) -> list[int]:
        """Return where derivations stand among the snapshot's rows."""
        found: list[int] = (
            self._derivations["row"].take(arrow.column(derivations, pa.int64())).to_pylist()
        )
        return found

    def steps_of(self, derivations: Sequence[int]) -> list[str]:
        """Return the steps of derivations, "" for `NONE`."""
        places = arrow.column(
            [None if place == NONE else place for place in derivations], pa.int64()
        )
        return [step or "" for step in self._derivations["step"].take(places).to_pylist()]

    def made_by(self, steps: Iterable[str]) -> NDArray[np.bool_]:
        """Return for each derivation whether it is one of `steps`."""
        wanted = arrow.column(sorted(steps), pa.string())
        return arrow.to_numpy(pc.is_in(self._derivations["step"], value_set=wanted))

    def told(self, contents: Sequence[int]) -> list[dict[str, Any]]:
        """Return what the catalogue says of each of `contents`; {} where it says nothing."""
        rows = self._row[np.asarray(contents, np.int64)]
        judged = self._contents.take(arrow.column(rows[rows != NONE]))
        recorded = self.snapshot.record_rows.take(arrow.to_numpy(judged["place"]), _RECORDED)
        pairs = zip(arrow.to_rows(judged), arrow.to_rows(recorded), strict=True)
        shown = ({**row, **more} for row, more in pairs)
        return [{} if row == NONE else next(shown) for row in rows.tolist()]

    def _makers(self, made: _Numbers, count: int) -> _Numbers:
        """Return per content what its first record says made it, else what made it at all."""
        owners = np.repeat(np.arange(self._derivations.num_rows), np.diff(self.outputs.start))
        makers = np.full(count, NONE, np.int64)
        first = _first_places(made, count)
        makers[first != NONE] = owners[first[first != NONE]]
        keys = arrow.whole(self._derivations["key"])
        named = pc.index_in(self._contents["derivation_key"], value_set=keys)
        said = np.asarray(arrow.to_numpy(arrow.filled(named, NONE)), np.int64)
        is_told = self._row != NONE
        makers[is_told] = said[self._row[is_told]]
        return makers


def _with_deleted(snapshot: Snapshot) -> pa.Table:
    """Return what is stored, then what was deleted: it was used, and says what it was made from."""
    tables = [
        table.append_column("deleted", arrow.column(np.full(table.num_rows, is_deleted)))
        for table, is_deleted in ((snapshot.judged, False), (snapshot.deleted, True))
    ]
    return pa.concat_tables(tables)


def _derivation_table(snapshot: Snapshot) -> pa.Table:
    """Return the derivations, each once, oldest first, with their place among the rows."""
    rows = snapshot.derivation_rows.table(_DERIVATIONS)
    numbered = rows.append_column("row", arrow.column(np.arange(rows.num_rows)))
    return unique_derivations(numbered).combine_chunks()


def _sizes(lists: pa.Array) -> _Numbers:
    return np.asarray(arrow.to_numpy(arrow.filled(pc.list_value_length(lists), 0)), np.int64)


def _starts(sizes: _Numbers) -> _Numbers:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _first_places(numbers: _Numbers, count: int) -> _Numbers:
    """Return for each of `count` numbers its first place in `numbers`, `NONE` where it has none."""
    places = np.full(count, NONE, np.int64)
    places[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return places
