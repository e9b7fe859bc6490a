"""A search over the wire: the conditions of `astrid_sdk.Query` as query parameters, in pages."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from astrid_sdk.api.access import Caller, Verb
from astrid_sdk.api.cursors import Cursor
from astrid_sdk.api.schemas import FoundContent, FoundPage
from astrid_sdk.api.service import Service
from astrid_sdk.catalog.search.finding import Found, FoundTable
from astrid_sdk.catalog.search.query import HeaderValue
from astrid_sdk.tiers import Tier

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?"
_BOX = rf"^{_NUMBER}(?:,{_NUMBER}){{3}}$"
_POLYGON = rf"^{_NUMBER},{_NUMBER}(?:;{_NUMBER},{_NUMBER}){{2,63}}$"
_CARD = r"^[A-Za-z0-9_-]{1,8}=[ -~]{1,100}$"
_PATTERN = r"^(?:[^\[\]]|\[!?(?:[A-Za-z0-9_.]|0-9|a-z|A-Z)+\])+$"
_RANGE = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([Tt ].+)?")
_OF_THE_PAGE = {"limit", "cursor", "tier", "header", "box", "polygon"}


def _iso(value: object) -> object:
    """Let ISO 8601 text pass only: a number would be read as seconds."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("write it as 2024-04-05 or 2024-04-05T06:30:00Z")
    return value


def _utc(moment: datetime) -> datetime:
    """Return a moment in UTC; read as UTC where it names no zone."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # in the first or the last hours that there are
        return moment.replace(tzinfo=UTC)


Word = Annotated[str, Field(min_length=1, max_length=100)]
Pattern = Annotated[str, Field(pattern=_PATTERN, max_length=100)]
Patterns = Annotated[list[Pattern] | None, Field(default=None, max_length=20)]
Words = Annotated[list[Word] | None, Field(default=None, max_length=20)]
Time = Annotated[datetime, BeforeValidator(_iso), AfterValidator(_utc)]
Degrees = Annotated[float, Field(allow_inf_nan=False)]
Night = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2}|undated)$")]


class FindQuery(BaseModel):
    """What to look for; every condition that is given must hold, of a list one must be met."""

    model_config = ConfigDict(extra="forbid")

    tier: list[Tier] | None = Field(None, max_length=8)
    name: Patterns = Field(None, description="Patterns such as sn2024*; case does not matter.")
    object_name: Patterns = None
    filter_band: Words = None
    night: list[Night] | None = Field(None, max_length=50)
    instrument: Words = None
    survey: Words = None
    role: Words = None
    purpose: Words = None
    step: Words = Field(None, description="What made it, such as subtract.")
    observation_id: Words = None
    ra_deg: Degrees | None = Field(
        None, ge=-360, le=360, description="With dec_deg and radius_deg, all three or none: a cone."
    )
    dec_deg: Degrees | None = Field(None, ge=-90, le=90)
    radius_deg: Degrees | None = Field(None, ge=0, le=180)
    box: str | None = Field(
        None, pattern=_BOX, max_length=200, description="ra_min,ra_max,dec_min,dec_max, degrees."
    )
    polygon: str | None = Field(
        None, pattern=_POLYGON, max_length=4000, description="Corners: ra,dec;ra,dec;ra,dec"
    )
    after: Time | None = Field(None, description="Start of the exposure, UTC.")
    before: Time | None = None
    header: list[Annotated[str, Field(pattern=_CARD)]] | None = Field(
        None,
        max_length=20,
        description="KEYWORD=value: a number, a pattern, or a range 1.0..1.5 with open ends.",
    )
    include_excluded: bool = False
    as_of: Time | None = Field(None, description="What the catalogue would have answered then.")
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=500, pattern="^[A-Za-z0-9_-]+$")


def find_page(service: Service, caller: Caller, query: FindQuery) -> FoundPage:
    """Return a page of what meets `query`, of the tiers that `caller` may read.

    Raises
    ------
    InvalidInputError
        A condition cannot be used, or the cursor is of another question.
    """
    tiers = _tiers(query, caller)
    conditions = _conditions(query)
    cursor = Cursor.of(query.cursor, (sorted(tiers), sorted(conditions.items(), key=str)))
    if not tiers:
        return FoundPage(items=[], total=0, next_cursor=None)
    if len(tiers) < len(Tier):
        conditions["tier"] = sorted(tiers)
    conditions["limit"] = query.limit
    found = service.session.find(**conditions) if query.cursor is None else None
    if found is None or found.total > query.limit:  # all pages are as of one moment
        moment = {"as_of": cursor.as_of, **_given(as_of=query.as_of)}
        found = service.session.find(**{**conditions, **moment, "offset": cursor.offset})
    return _page(found, cursor)


def told(row: Found) -> FoundContent:
    """Return a row as it goes over the wire."""
    return FoundContent(**{name: getattr(row, name) for name in FoundContent.model_fields})


def _page(found: FoundTable, cursor: Cursor) -> FoundPage:
    items = [told(row) for row in found]
    return FoundPage(
        items=items, total=found.total, next_cursor=cursor.after(len(items), found.total)
    )


def _tiers(query: FindQuery, caller: Caller) -> set[Tier]:
    return set(query.tier or Tier) & caller.tiers(Verb.READ)


def _conditions(query: FindQuery) -> dict[str, Any]:
    said = {name: getattr(query, name) for name in FindQuery.model_fields.keys() - _OF_THE_PAGE}
    cards = None if query.header is None else dict(map(_card, query.header))
    polygon = None if query.polygon is None else [_numbers(c) for c in query.polygon.split(";")]
    box = None if query.box is None else tuple(_numbers(query.box))
    return _given(**said, header=cards, polygon=polygon, box=box)


def _given(**conditions: Any) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value is not None}


def _numbers(text: str) -> Sequence[float]:
    return [float(number) for number in text.split(",")]


def _card(text: str) -> tuple[str, HeaderValue]:
    """Return a keyword, and what is wanted of it.."""
    keyword, _, wanted = text.partition("=")
    if ends := _RANGE.fullmatch(wanted):
        low, high = (None if end is None else float(end) for end in ends.groups())
        return keyword, (low, high)
    if re.fullmatch(_NUMBER, wanted):
        return keyword, float(wanted)
    return keyword, wanted
