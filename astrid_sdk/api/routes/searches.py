"""Questions to the catalogue: what is stored, and why it exists."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from astrid_sdk.api.documented import answers
from astrid_sdk.api.lineage_pages import Way, lineage_page, prov
from astrid_sdk.api.schemas import HASH_PATTERN, FoundPage, LineagePage
from astrid_sdk.api.searching import FindQuery, find_page
from astrid_sdk.api.service import CallerOf, ServiceOf

router = APIRouter(tags=["catalogue"])

ContentHash = Annotated[str, Path(pattern=HASH_PATTERN)]


@router.get(
    "/storage/find",
    operation_id="find",
    summary="What is stored and meets all conditions",
    responses=answers(404, 409),
)
def find(service: ServiceOf, caller: CallerOf, query: Annotated[FindQuery, Query()]) -> FoundPage:
    """Return a page of rows, in the order of tier and time.

    All pages answer as of the moment of the first: what is stored meanwhile moves no row.
    """
    return find_page(service, caller, query)


@router.get(
    "/storage/lineage/{content_hash}",
    operation_id="lineage",
    summary="Why a content exists, or what came of it",
    response_model=LineagePage,
    responses=answers(404),
)
def lineage(
    content_hash: ContentHash,
    service: ServiceOf,
    caller: CallerOf,
    direction: Way = Way.WHY,
    format: Annotated[  # noqa: A002 - the parameter's name over the wire
        Literal["json", "prov"], Query(description="A page, or all of it as W3C PROV-JSON.")
    ] = "json",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    cursor: Annotated[str | None, Query(max_length=500, pattern="^[A-Za-z0-9_-]+$")] = None,
) -> LineagePage | JSONResponse:
    """Return contents and the edges that lead on from them, the root first."""
    if format == "prov":
        return JSONResponse(prov(service, caller, content_hash, direction))
    return lineage_page(service, caller, content_hash, direction, limit, cursor)
