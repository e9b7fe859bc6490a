"""What labels are about: many stored contents looked up at once, by hash or detection."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from astrid_sdk import arrow
from astrid_sdk.catalog.lookup import digits_of
from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.catalog.tables import SHORTEST_PREFIX, Catalog
from astrid_sdk.errors import InvalidInputError, NotFoundError

CutOut = Callable[[], Mapping[str, str | None]]
"""Says of every detection's id which content was cut out of it, None where none was."""

_DIGITS = 64
_TOLD = ("content_hash", "tier", "size_bytes", "media_type", "name")


@dataclass(frozen=True, slots=True)
class Subject:
    """A stored content, as a record names it."""

    content_hash: str
    tier: str
    size_bytes: int
    media_type: str
    name: str


class Subjects:
    """The contents that some labels are about.

    Parameters
    ----------
    catalog : Catalog
    hashes : iterable of str
        All that may be asked for: those given in full are looked up together.
    cut_out : callable
    """

    def __init__(self, catalog: Catalog, hashes: Iterable[str], cut_out: CutOut) -> None:
        self._cut_out = cut_out
        whole = {named for named in hashes if len(named) == _DIGITS}
        told = told_of(catalog, whole, _TOLD)
        self._known = {named: _subject(rows[0]) for named, rows in told.items()}
        self._snapshot = catalog.snapshot()

    def of_content(self, named: str) -> Subject:
        """Return the content whose hash starts with `named`.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        InvalidInputError
            The prefix is too short, or several hashes start with it.
        """
        digits = digits_of(named)
        if digits in self._known:
            return self._known[digits]
        if len(digits) < SHORTEST_PREFIX:
            raise InvalidInputError(
                f"{named!r} is too short: give at least {SHORTEST_PREFIX} digits of the hash",
                kind="short_prefix",
            )
        found = {it.content_hash: it for it in reversed(self._starting_with(digits))}
        if not found:
            raise NotFoundError(f"nothing stored has a hash that starts with {digits!r}")
        if len(found) > 1:
            raise InvalidInputError(
                f"{len(found)} hashes start with {digits!r}: give more digits", kind="ambiguous"
            )
        return next(iter(found.values()))

    def of_detection(self, detection_id: str) -> Subject:
        """Return what was cut out of a detection.

        Raises
        ------
        NotFoundError
            There is no such detection.
        InvalidInputError
            It was not cut out.
        """
        if detection_id not in self._triplets:
            raise NotFoundError(f"there is no detection {detection_id}")
        triplet = self._triplets[detection_id]
        if not triplet:
            raise InvalidInputError(
                f"detection {detection_id} was not cut out, only the best of a frame are"
            )
        return self.of_content(triplet)

    @cached_property
    def _triplets(self) -> Mapping[str, str | None]:
        return self._cut_out()

    def _starting_with(self, digits: str) -> list[Subject]:
        places = arrow.to_numpy(self._snapshot.contents_with(digits)["place"])
        return list(map(_subject, arrow.to_rows(self._snapshot.record_rows.take(places, _TOLD))))


def _subject(row: Mapping[str, Any]) -> Subject:
    return Subject(**{name: row[name] for name in _TOLD})
