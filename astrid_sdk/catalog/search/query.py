"""What to look for: the conditions of a search, checked before anything is read."""

import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from astrid_sdk.catalog.search.patterns import pattern_of
from astrid_sdk.catalog.search.regions import Box, Cone, Polygon, Region
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.night import UNDATED
from astrid_sdk.tiers import Tier

Words = str | Sequence[str]
"""One word, or several of which one must be met."""

HeaderValue = str | float | bool | tuple[float | None, float | None] | Sequence[str | float]
"""A pattern for text, a number, a range with open ends as None, or several values."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; every condition that is given must hold.

    Attributes
    ----------
    ra_deg, dec_deg, radius_deg : float, optional
        A cone, ICRS degrees or astropy angles: images whose footprint it touches, positions that
        lie in it.
    box : tuple of float, optional
        (ra_min, ra_max, dec_min, dec_max), degrees; 350 to 10 goes across RA 0.
    polygon : sequence of (ra_deg, dec_deg), optional
        Corners in order around a place smaller than a hemisphere.
    tier : Tier or str, or several, optional
    name, object_name : str or several, optional
        A pattern such as ``"sn2024*"``; case does not matter. A name is met by its last part, too.
    filter_band, night, instrument, survey, role, purpose, step, observation_id : str or several
        Exactly this, or one of these. `step` made the content: ``"subtract"``.
    after, before : datetime, astropy Time or str, optional
        Exposure start, UTC, both ends included; ISO text is read as UTC where it names no zone.
    header : mapping, optional
        FITS keyword to a number, a pattern for text, a range ``(1.0, 1.5)`` with both ends
        included and None for an open one, or a list of values.
    include_excluded : bool
        False leaves out what somebody excluded.
    as_of : datetime or str, optional
        What the catalogue would have answered then: what was said and done later does not count.
    limit : int, optional
        How many rows at most, `offset` rows from the first.
    offset : int

    Raises
    ------
    InvalidInputError
        A condition cannot be understood: part of a cone is missing or out of range, there is no
        such tier, or a time is not one.
    """

    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    box: tuple[float, float, float, float] | None = None
    polygon: Sequence[Sequence[float]] | None = None
    tier: Tier | str | Sequence[Tier | str] | None = None
    name: Words | None = None
    object_name: Words | None = None
    filter_band: Words | None = None
    night: Words | None = None
    instrument: Words | None = None
    survey: Words | None = None
    role: Words | None = None
    purpose: Words | None = None
    step: Words | None = None
    observation_id: Words | None = None
    after: datetime | str | None = None
    before: datetime | str | None = None
    header: Mapping[str, HeaderValue] | None = None
    include_excluded: bool = False
    as_of: datetime | str | None = None
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        self.regions()
        self.tiers()
        for when in (self.after, self.before, self.as_of):
            if when is not None:
                utc(when)
        for name in _WORDS:
            self.words(name)
        for pattern in (*(self.words("name") or ()), *(self.words("object_name") or ())):
            pattern_of(pattern)
        self.cards()
        self._check_nights()
        self._check_page()

    @classmethod
    def of(cls, **conditions: Any) -> Self:
        """Return the query with these conditions.

        Raises
        ------
        InvalidInputError
            One is unknown, or its value cannot be used.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in conditions:
            if name not in known:
                near = [_MEANT[name]] if name in _MEANT else []
                near = near or difflib.get_close_matches(name, known, 1, 0.5)
                meant = f"do you mean {near[0]}?" if near else f"it takes {' '.join(known)}"
                raise InvalidInputError(f"find() knows no condition {name}: {meant}")
        return cls(**conditions)

    def regions(self) -> list[Region]:
        """Return the places on the sky that must be touched."""
        found: list[Region] = []
        cone = (self.ra_deg, self.dec_deg, self.radius_deg)
        if cone != (None, None, None):
            found.append(_cone(*cone))
        if self.box is not None:
            found.append(_box(self.box))
        if self.polygon is not None:
            found.append(Polygon.of(self.polygon))
        return found

    def tiers(self) -> list[str] | None:
        """Return the names of the tiers, or None for any."""
        if self.tier is None:
            return None
        given = [self.tier] if isinstance(self.tier, str) else list(self.tier)
        return [Tier.parse(tier).value for tier in given]

    def words(self, name: str) -> list[str] | None:
        """Return the words that the condition `name` takes, or None for any."""
        given = getattr(self, name)
        if given is None:
            return None
        words: Any = [given] if isinstance(given, str) else given
        is_many = isinstance(words, list | tuple | set | frozenset)
        if not is_many or not all(isinstance(word, str) for word in words):
            raise InvalidInputError(f"{name} takes a word or a list of words, not {given!r}")
        return [*words]

    def cards(self) -> dict[str, HeaderValue]:
        """Return the header keywords in capitals, with what is wanted of each."""
        if self.header is not None and not isinstance(self.header, Mapping):
            raise InvalidInputError(
                f"header takes keywords with values, such as {{'AIRMASS': (1.0, 1.5)}}, not "
                f"{self.header!r}"
            )
        wanted = {key.strip().upper(): value for key, value in (self.header or {}).items()}
        for key, value in wanted.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                if not isinstance(one, str | float | int | None):
                    raise InvalidInputError(
                        f"header[{key!r}] takes a number, a text, a range such as (1.0, 1.5) or a "
                        f"list, not {value!r}"
                    )
        return wanted

    def _check_nights(self) -> None:
        for night in self.words("night") or ():
            if night != UNDATED and not _NIGHT.fullmatch(night):
                raise InvalidInputError(
                    f"{night!r} is no night: write it as 2024-04-05, or {UNDATED!r}"
                )

    def _check_page(self) -> None:
        given: dict[str, Any] = {"limit": self.limit, "offset": self.offset}
        for name, value in given.items():
            if value is not None and (not isinstance(value, int) or value < 0):
                raise InvalidInputError(f"{name} is a number of rows, 0 or more, not {value!r}")


_NIGHT = re.compile(r"\d{4}-\d{2}-\d{2}")
_MEANT = {
    "band": "filter_band",
    "dec": "dec_deg",
    "filter": "filter_band",
    "object": "object_name",
    "ra": "ra_deg",
    "radius": "radius_deg",
    "target": "object_name",
}
"""Conditions as people call them who do not look at the letters."""
_WORDS = (
    *("name", "object_name", "filter_band", "night", "instrument", "survey", "role", "purpose"),
    *("step", "observation_id"),
)


def utc(when: datetime | str) -> datetime:
    """Return a moment as an aware time, read as UTC where it names no zone.

    Raises
    ------
    InvalidInputError
        It is no time.
    """
    to_datetime = getattr(when, "to_datetime", None)  # of an astropy Time
    if to_datetime is not None:
        return to_datetime(timezone=UTC)  # type: ignore[no-any-return]  # a library without types
    try:
        parsed = when if isinstance(when, datetime) else datetime.fromisoformat(when)
    except (ValueError, TypeError):
        raise InvalidInputError(
            f"{when!r} is not a time: write it as 2024-04-05 or 2024-04-05T06:30:00"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _cone(ra_deg: float | None, dec_deg: float | None, radius_deg: float | None) -> Cone:
    if ra_deg is None or dec_deg is None or radius_deg is None:
        raise InvalidInputError("a cone takes all of ra_deg, dec_deg and radius_deg", kind="cone")
    return Cone(*map(_degrees, (ra_deg, dec_deg, radius_deg)))


def _degrees(angle: Any) -> float:
    """Return a number of degrees, or an astropy angle as one."""
    to_value = getattr(angle, "to_value", None)
    try:
        return float(angle if to_value is None else to_value("deg"))
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"{angle!r} is no angle: give degrees as a number, or an astropy Quantity; "
            "astropy's Angle('16:17:32 hours') reads sexagesimal text",
            kind="cone",
        ) from None


def _box(given: Sequence[float]) -> Box:
    try:
        ra_min, ra_max, dec_min, dec_max = (float(limit) for limit in given)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"a box is (ra_min, ra_max, dec_min, dec_max) in degrees, not {given!r}", kind="box"
        ) from None
    return Box(ra_min, ra_max, dec_min, dec_max)
