"""Contents by their hash: up, down, and what is known of them."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from starlette.convertors import Convertor, register_url_convertor
from typing_extensions import override

from astrid_sdk.api import deleting, describing, downloading, uploading
from astrid_sdk.api.documented import CONTENT, UPLOAD_BODY, answers
from astrid_sdk.api.naming import MOST_NAME_LETTERS, NAME_PATTERN
from astrid_sdk.api.schemas import HASH_PATTERN, Deleted, Metadata, Stored
from astrid_sdk.api.service import CallerOf, ServiceOf, service_of
from astrid_sdk.tiers import Tier


class _Unreserved(Convertor[str]):
    """A part of a path that is no other route's: their methods are not ours to answer."""

    regex = "(?!(?:find|upload)$)[^/]+"

    @override
    def convert(self, value: str) -> str:
        return value

    @override
    def to_string(self, value: str) -> str:
        return value


register_url_convertor("unreserved", _Unreserved())
router = APIRouter(tags=["contents"])

ContentHash = Annotated[
    str, Path(pattern=HASH_PATTERN, description="SHA-256 of the bytes, 64 hex digits.")
]
Promised = Annotated[
    str | None,
    Header(
        alias="X-Content-SHA256",
        pattern=HASH_PATTERN,
        description="What the content must have; other bytes are refused.",
    ),
]
_TAGGED = {
    "ETag": {"schema": {"type": "string"}, "description": "The content hash, in quotes."},
    "Accept-Ranges": {"schema": {"type": "string"}},
    "Content-Disposition": {"schema": {"type": "string"}},
}
_WHOLE = {"description": "The content, verified.", "content": dict(CONTENT), "headers": _TAGGED}
_PART = {
    "description": "The part that Range asks for, verified.",
    "content": dict(CONTENT),
    "headers": {**_TAGGED, "Content-Range": {"schema": {"type": "string"}}},
}
_UNCHANGED = {"description": "The content is the one that If-None-Match names."}
_ELSEWHERE = {
    "description": "The store itself hands it out, for some minutes.",
    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
}
_IS_THERE = {"description": "It is there.", "headers": _TAGGED}
_THERE = {"description": "The same bytes were there already.", "model": Stored}
_WAITS = {"description": "The store is away: it waits in the outbox.", "model": Stored}


@router.post(
    "/storage/upload",
    operation_id="upload",
    summary="Store a content",
    status_code=201,
    responses=answers(408, 409, 413, 415, 507, s200=_THERE, s202=_WAITS),
    openapi_extra=dict(UPLOAD_BODY),
)
async def upload(
    request: Request,
    response: Response,
    service: ServiceOf,
    caller: CallerOf,
    tier: Annotated[Tier, Query(description="Where it goes.")] = Tier.ARTIFACTS,
    name: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MOST_NAME_LETTERS,
            pattern=NAME_PATTERN,
            description="What people call it, a relative path.",
        ),
    ] = None,
    promised: Promised = None,
) -> Stored:
    """Store the body, or the form's `file`; the answer comes when it can be read back.

    The media type is the file's, or the body's `Content-Type`. What is called like a FITS file
    and goes to a tier of observations is found by its time, filter and place from then on.
    """
    given = request.headers.get("content-type", "")
    is_form = given.lower().startswith(uploading.FORM)
    said = uploading.upload_of(tier, name or "", "" if is_form else given)
    stored = await uploading.receive(service, caller, request, said, promised)
    response.status_code = uploading.status_of(stored)
    response.headers["Location"] = f"/storage/download/{stored.content_hash}"
    return stored


@router.get(
    "/storage/download/{content_hash}",
    operation_id="download",
    summary="Get a content",
    response_class=Response,
    responses=answers(404, 416, 502, s200=_WHOLE, s206=_PART, s304=_UNCHANGED, s307=_ELSEWHERE),
)
async def download(
    request: Request,
    content_hash: ContentHash,
    redirect: Annotated[
        downloading.Redirect | None, Query(description="Be sent to the store itself, if it can.")
    ] = None,
) -> Response:
    """Return the bytes, verified before they are handed out; `Range` takes one range.

    The length is announced: where damage is found midway, the response ends before it.
    """
    service = service_of(request)  # not as dependencies: small contents are asked for by thousands
    caller = await service.caller_of(request)
    return await downloading.answer(
        service, caller, request, content_hash, redirect=redirect is not None
    )


@router.head(
    "/storage/download/{content_hash}",
    operation_id="download_head",
    summary="Look whether a content is there",
    response_class=Response,
    responses=answers(404, s200=_IS_THERE, s304=_UNCHANGED),
)
def head(
    request: Request, content_hash: ContentHash, service: ServiceOf, caller: CallerOf
) -> Response:
    """Return the headers of a download."""
    return downloading.head(service, caller, request.headers, content_hash)


@router.get(
    "/storage/metadata/{content_hash}",
    operation_id="metadata",
    summary="What is known of a content",
    responses=answers(404),
)
def metadata(content_hash: ContentHash, service: ServiceOf, caller: CallerOf) -> Metadata:
    """Return tiers, names, size, what the bytes say of the sky, and what made it."""
    return describing.metadata(service, caller, content_hash)


@router.delete(
    "/storage/{content_hash:unreserved}",
    operation_id="delete",
    summary="Delete a content",
    responses=answers(404, 409),
)
def delete(
    content_hash: ContentHash,
    service: ServiceOf,
    caller: CallerOf,
    tier: Annotated[Tier | None, Query(description="Only there; else in all tiers.")] = None,
    reason: Annotated[
        str, Query(min_length=1, max_length=200, pattern=r"\S", description="For whoever asks why.")
    ] = "deleted over REST",
    *,
    force: Annotated[
        bool, Query(description="Even where dataset versions or models need it; for admins.")
    ] = False,
) -> Deleted:
    """Take a content out of all searches; its bytes stay until they are swept."""
    return deleting.delete(service, caller, content_hash, tier, reason, force=force)
