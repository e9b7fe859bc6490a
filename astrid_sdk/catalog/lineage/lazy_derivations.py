"""Derivations of a graph, read when they are shown."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from typing_extensions import override

from astrid_sdk.catalog.rows import Rows
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.derivations import Derivations

_FEW = 256  # so many objects are fetched sooner than the table's column of objects is read


class LazyDerivations(Mapping[str, Derivation]):
    """Derivations by key, each read once, when it is asked for.

    Parameters
    ----------
    places : mapping of str to int
        Key to the row of the catalogue's table.
    derivations : Derivations
    rows : Rows
        The table: many are read from it at once, and what is no object any more.
    """

    def __init__(self, places: Mapping[str, int], derivations: Derivations, rows: Rows) -> None:
        self._places = places
        self._derivations = derivations
        self._rows = rows
        self._known: dict[str, Derivation] = {}

    def load(self, keys: Iterable[str]) -> None:
        """Read those of `keys` that were not read yet, together."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        if len(missing) <= _FEW:
            self._known.update(self._derivations.find_many(missing))
            missing = [key for key in missing if key not in self._known]
        if missing:
            self._read_rows(missing)

    @override
    def __getitem__(self, key: str) -> Derivation:
        if key not in self._known:
            if key not in self._places:
                raise KeyError(key)
            found = self._derivations.find(key)
            self._known.update({key: found} if found else {})
            self.load([key])
        return self._known[key]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    @override
    def __len__(self) -> int:
        return len(self._places)

    def _read_rows(self, keys: list[str]) -> None:
        places = np.array([self._places[key] for key in keys], np.int64)
        for text in self._rows.take(places, ["object"])["object"].to_pylist():
            made = Derivation.from_bytes(text.encode(), reused=True)
            self._known[made.key] = made
