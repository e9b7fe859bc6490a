"""Errors as RFC 9457 problem details: one table, and nothing in it that tells too much.

What a caller gets is the status, a stable code (the error's `kind`) and the request's id. The
error's own sentence is handed out only where the table says so: sentences of storage errors name
places on the server, and sentences of other libraries are never shown at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from astrid_sdk.api.access import FORBIDDEN, NOT_LOCAL, UNAUTHENTICATED
from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    ConflictError,
    CorruptionError,
    InvalidInputError,
    NeededError,
    NotFoundError,
    QuotaExceededError,
    RateLimitedError,
    StorageUnavailableError,
)

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:astrid:problem:"
RETRY_AFTER_S: Final = 5
STILL_WORKS: Final = (
    "GET /health/live and /health/ready",
    "reading what this service has in its verified cache",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a kind of error becomes.

    Attributes
    ----------
    status : int
    title : str
        What a caller reads, and all of it where `is_told` is False.
    is_told : bool
        Whether the error's own sentence is shown too.
    """

    status: int
    title: str
    is_told: bool = False


_NO_PLACE: Final = Answer(409, "The conditions do not make a place on the sky", is_told=True)
_BY_KIND: Final[Mapping[str, Answer]] = {
    UNAUTHENTICATED: Answer(401, "Credentials are missing, or do not count"),
    FORBIDDEN: Answer(403, "Your credentials do not allow this", is_told=True),
    NOT_LOCAL: Answer(403, "This service answers its own machine only", is_told=True),
    "cross_origin": Answer(403, "Web pages may not use this service", is_told=True),
    "host": Answer(400, "The Host header names another service", is_told=True),
    "body_too_large": Answer(413, "The body is larger than this service takes", is_told=True),
    "no_length": Answer(411, "The body must tell its length", is_told=True),
    "url_too_long": Answer(414, "The URL is too long", is_told=True),
    "headers_too_large": Answer(431, "The headers are too large", is_told=True),
    # The request is well formed, and does not fit what is there, or itself.
    "cursor": Answer(404, "There is no such page", is_told=True),
    "unknown_content": Answer(404, "A content is not there, or you may not see it", is_told=True),
    "hash_mismatch": Answer(409, "The body is not the one that was promised", is_told=True),
    **dict.fromkeys(("box", "cone", "polygon"), _NO_PLACE),
    NeededError.kind: Answer(409, "Dataset versions or models need it", is_told=True),
    "path": Answer(409, "The paths of the files do not go together", is_told=True),
    "content_encoding": Answer(415, "Bodies are taken as they are, not packed", is_told=True),
    "slow_client": Answer(408, "The body came too slowly", is_told=True),
    "incomplete_body": Answer(400, "The body ended too early", is_told=True),
    "too_many_requests": Answer(429, "Too many requests", is_told=True),
    "busy": Answer(503, "Too many transfers at a time", is_told=True),
    "deadline": Answer(504, "The request took too long"),
    "unreachable": Answer(503, "The store is away"),
    "issuer_away": Answer(503, "The issuer of bearer tokens is away", is_told=True),
    # The store refused the service, not the caller.
    AccessDeniedError.kind: Answer(503, "The store refused this service"),
}

_BY_CLASS: Final[Sequence[tuple[type[AstridError], Answer]]] = (
    (RateLimitedError, Answer(503, "The store asked to slow down")),
    (StorageUnavailableError, Answer(503, "The store is away")),
    (QuotaExceededError, Answer(507, "The tier would hold more than it may")),
    (CorruptionError, Answer(502, "The stored bytes are damaged, and were not handed out")),
    (ConflictError, Answer(409, "It changed meanwhile, or is still needed")),
    (NotFoundError, Answer(404, "Nothing that you may read has that name")),
    (AccessDeniedError, Answer(403, "Your credentials do not allow this")),
    (InvalidInputError, Answer(422, "The request cannot be used")),
)

_TOLD_INPUT: Final = frozenset(
    {
        *("ambiguous", "content_hash", "form", "hash", "invalid_input", "key", "media_type"),
        *("name", "range", "tier", "too_large_answer"),
    }
)
"""Kinds of `InvalidInputError` whose sentence speaks of the request and of nothing else."""


def answer_to(error: AstridError) -> Answer:
    """Return what `error` becomes."""
    if error.kind in _BY_KIND:
        return _BY_KIND[error.kind]
    found = next(answer for kind, answer in _BY_CLASS if isinstance(error, kind))
    is_told = isinstance(error, InvalidInputError) and error.kind in _TOLD_INPUT
    return Answer(found.status, found.title, is_told=found.is_told or is_told)


def problem_of(error: AstridError, request_id: str, hidden: Sequence[str] = ()) -> Response:
    """Return the response to `error`.

    Parameters
    ----------
    error : AstridError
    request_id : str
    hidden : sequence of str
        Names of places on the server: a sentence that has one of them is not shown.
    """
    answer = answer_to(error)
    extra: dict[str, Any] = {}
    if answer.is_told and not any(place in error.message for place in hidden):
        extra["detail"] = error.message
    if isinstance(error, NeededError) and error.needed_by:
        extra["needed_by"] = list(error.needed_by)
    if isinstance(error, StorageUnavailableError) and answer.title == "The store is away":
        extra["still_works"] = list(STILL_WORKS)
    headers = _headers(answer.status, error.retry_after_s)
    return problem(answer.status, error.kind, answer.title, request_id, extra, headers)


def problem(
    status: int,
    code: str,
    title: str,
    request_id: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response of problem details.

    Parameters
    ----------
    status : int
    code : str
        A stable word for programs.
    title : str
        A sentence that is the same each time.
    request_id : str
    extra : mapping, optional
        More members.
    headers : mapping, optional
    """
    body = {
        "type": TYPE + code,
        "title": title,
        "status": status,
        "code": code,
        "request_id": request_id,
        **(extra or {}),
    }
    content = json.dumps(body, ensure_ascii=False).encode()
    return Response(content, status, headers, MEDIA_TYPE)


def unexpected(request_id: str) -> Response:
    """Return the response to an error that nobody foresaw: nothing of it is told."""
    return problem(500, "internal", "The service failed; its log says why", request_id)


def refused_by_router(status: int, request_id: str, headers: Mapping[str, str] | None) -> Response:
    """Return the response where no route takes the path or the method."""
    phrase = HTTPStatus(status).phrase
    return problem(status, phrase.lower().replace(" ", "_"), phrase, request_id, headers=headers)


def _headers(status: int, retry_after_s: float | None) -> Mapping[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="astrid"'}
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        return {"Retry-After": str(max(1, round(retry_after_s or RETRY_AFTER_S)))}
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
        return {"Connection": "close"}  # the rest of the body is not waited for
    return {}
