"""What to say of a condition that nothing meets: the condition, and what there is instead."""

from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.catalog.rows import Rows
from astrid_sdk.catalog.search import conditions
from astrid_sdk.catalog.search.choices import nights_offered, offered, spoken
from astrid_sdk.catalog.search.found import FoundTable
from astrid_sdk.catalog.search.query import Query, utc

TIME = ("after", "before")
_OF_ALL = ("tier", "name", "role", "step")  # said of what is no image, too
_MINUTE = "%Y-%m-%d %H:%M"


def unmet_words(rows: Rows, query: Query, name: str) -> str:
    """Return what to say where no row of the records has one of the words asked for."""
    words = (query.tiers() if name == "tier" else query.words(name)) or []
    values = pc.unique(rows.column(name)).drop_null().to_pylist()
    return no_such(name, words, values)


def no_such(name: str, words: Sequence[str], values: Sequence[str]) -> str:
    """Return what to say where nothing has one of `words`, but one of `values`."""
    subject = "nothing stored" if name in _OF_ALL else "no stored image"
    there = (nights_offered if name == "night" else offered)(words, values)
    return f"{subject} has {name} {spoken(words)} ({there})"


def unmet_time(rows: Rows, query: Query) -> str:
    """Return what to say where no exposure started at such a time."""
    starts = rows.column("observed_at")
    ends = [arrow.to_value(end(starts)) for end in (pc.min, pc.max)]
    if None in ends:
        return "no stored image tells when its exposure started"
    given = {name: getattr(query, name) for name in TIME}
    asked = [f"{name} {utc(when):{_MINUTE}}" for name, when in given.items() if when is not None]
    first, last = (f"{end:{_MINUTE}}" for end in ends)
    return (
        f"no stored exposure started {' and '.join(asked)} (those there started {first} to {last})"
    )


def unmet_moment(rows: Rows, query: Query) -> str:
    """Return what to say where nothing had been stored yet."""
    first = arrow.to_value(pc.min(rows.column("created_at")))
    return f"nothing was stored as of {query.as_of}: the first record is of {first:{_MINUTE}} UTC"


def unmet_card(rest: FoundTable, keyword: str) -> str:
    """Return what to say where none of `rest` has such a card in its header."""
    values = conditions.card_values(rest.to_arrow(["summary"])["summary"], keyword)
    if not values:
        return f"no header of the {rest.total} that meet the rest has a card {keyword}"
    return f"of the {rest.total} that meet the rest, none has {keyword} as asked ({_among(values)})"


def unmet_judgement(rest: FoundTable, query: Query, name: str) -> str:
    """Return what to say where `rest` meets all but what was said of it, or what made it."""
    words, values = query.words(name) or [], rest.values_of(name)
    none_has = f"of the {rest.total} that meet the rest, none has"
    return f"{none_has} {name} {spoken(words)} ({offered(words, values)})"


def _among(values: Sequence[Any]) -> str:
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) == len(values):
        return f"the least is {min(numbers):g}, the greatest {max(numbers):g}"
    return offered([], [str(value) for value in values])
