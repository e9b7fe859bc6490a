"""Why a search found nothing: which condition nothing meets, and what would be met.

What the records say is looked at column by column, in columns that the search read anyway; what
was said of contents is judged only for the few that meet everything else.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.catalog.search import conditions
from astrid_sdk.catalog.search.found import FoundTable
from astrid_sdk.catalog.search.nearest import nearest_deg, placeless
from astrid_sdk.catalog.search.query import Query
from astrid_sdk.catalog.search.unmet import (
    TIME,
    no_such,
    unmet_card,
    unmet_judgement,
    unmet_moment,
    unmet_time,
    unmet_words,
)
from astrid_sdk.catalog.snapshot import Snapshot

Bools = NDArray[np.bool_]
Ask = Callable[[Query], FoundTable]

_TIME, _MOMENT = "observed_at", "created_at"
_FIELDS = {_TIME: TIME, _MOMENT: ("as_of",)}  # of the query, that look at these columns
_CALLED = {_TIME: "the time", _MOMENT: "as_of"}
_JUDGED = ("step", "purpose")
_TOGETHER = "each condition is met by something stored, but nothing meets all of them"


def why_empty(snapshot: Snapshot, query: Query, ask: Ask) -> str:
    """Return a sentence that says why `query` found nothing, and what there is.

    Parameters
    ----------
    snapshot : Snapshot
        What was searched.
    query : Query
    ask : callable
        Returns what another query finds in `snapshot`.
    """
    if not snapshot.record_rows.num_rows:
        return (
            'nothing is stored yet: astrid.ingest("nights/"), or astrid put nights/, stores images'
        )
    return next(_Emptiness(snapshot, query, ask).reasons(), _TOGETHER)


class _Emptiness:
    """One search that found nothing."""

    def __init__(self, snapshot: Snapshot, query: Query, ask: Ask) -> None:
        self._snapshot = snapshot
        self._rows = snapshot.record_rows
        self._query = query
        self._ask = ask

    def reasons(self) -> Iterator[str]:
        """Yield what may be said, the plainest first."""
        met = {name: self._meeting(name) for name in conditions.columns_of(self._query)}
        yield from (self._unmet(name) for name in met if not met[name].any())
        yield from self._no_such_step()
        if not self._touching(self._together(())).any():
            yield self._nothing_there()
        if self._touching(self._together(met.values())).any():
            yield from self._judged_otherwise()
        yield self._not_together(met)

    def _meeting(self, name: str) -> Bools:
        """Return which rows meet the condition on one column."""
        fields = _FIELDS.get(name, (name,))
        alone = Query(**{field: getattr(self._query, field) for field in fields})
        return conditions.told(self._rows.table([name]), alone)

    def _unmet(self, name: str) -> str:
        if name == _TIME:
            return unmet_time(self._rows, self._query)
        if name == _MOMENT:
            return unmet_moment(self._rows, self._query)
        return unmet_words(self._rows, self._query, name)

    def _no_such_step(self) -> Iterator[str]:
        words = self._query.words("step")
        steps = pc.unique(self._snapshot.derivation_rows.column("step")).to_pylist()
        if words is not None and not set(words) & set(steps):
            yield no_such("step", words, steps)

    def _nothing_there(self) -> str:
        away = nearest_deg(self._rows, self._query.regions()[0])
        said = "no stored image has a position on the sky"
        if away is not None:
            said = (
                "nothing stored touches that place on the sky: the nearest footprint is "
                f"{away:.3g} deg from its middle"
            )
        return said + self._placeless()

    def _placeless(self) -> str:
        count = placeless(self._rows, self._query) if self._query.regions() else 0
        if not count:
            return ""
        images = "1 image without a WCS is" if count == 1 else f"{count} images without a WCS are"
        return f"; {images} not searched by place: find(object_name=…)"

    def _judged_otherwise(self) -> Iterator[str]:
        """Yield what was said of the contents that meet all that the records say."""
        wide = replace(self._query, include_excluded=True, limit=None, offset=0)
        if count := self._ask(wide).total:
            yield f"what meets it is excluded ({count} in all): include_excluded shows it"
        for keyword, wanted in self._query.cards().items():
            rest = self._ask(replace(wide, header=None))
            if rest.total and not self._ask(replace(wide, header={keyword: wanted})).total:
                yield unmet_card(rest, keyword)
        for name in _JUDGED:
            free: dict[str, Any] = {name: None}
            rest = self._ask(replace(wide, **free))
            if self._query.words(name) is not None and rest.total:
                yield unmet_judgement(rest, self._query, name)

    def _not_together(self, met: dict[str, Bools]) -> str:
        """Return how many there are without one of the conditions."""
        others = {name: [one for key, one in met.items() if key != name] for name in met}
        counts = {
            _CALLED.get(name, name): self._count(self._touching(self._together(rest)))
            for name, rest in others.items()
        }
        if self._query.regions():
            counts["the place on the sky"] = self._count(self._together(met.values()))
        said = [f"{count} without {name}" for name, count in counts.items() if count]
        there = f"; there would be {', '.join(said)}" if said else ""
        return f"{_TOGETHER}{there}{self._placeless()}"

    def _touching(self, met: Bools) -> Bools:
        """Return which of the rows `met` touch the places that are searched."""
        regions = self._query.regions()
        if not regions:
            return met
        near = met & conditions.near(self._rows.table(conditions.PLACE), regions)
        places = np.flatnonzero(near)
        told = self._rows.take(places, [*conditions.PLACE, conditions.FOOTPRINT])
        near[places] = conditions.touching(told, regions)
        return near

    def _together(self, met: Iterable[Bools]) -> Bools:
        everything = np.ones(self._rows.num_rows, np.bool_)
        return np.asarray(np.logical_and.reduce([everything, *met]))

    def _count(self, met: Bools) -> int:
        """Return how many contents the rows `met` tell of."""
        return len(np.unique(arrow.to_numpy(self._rows.column("code"))[met]))
