"""Downloads on a short way: what is asked for by thousands goes round the router.

It is the route's own function that answers, behind the same guards; the route of the same path
stays what the OpenAPI document tells of, and takes what has a query, or a hash that is none.
"""

import re
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from astrid_sdk.api import downloading
from astrid_sdk.api.problems import problem_of
from astrid_sdk.api.schemas import HASH_PATTERN
from astrid_sdk.api.service import Service
from astrid_sdk.errors import AstridError

_PATH: Final = "/storage/download/"
_HASH = re.compile(HASH_PATTERN)


class _Route:
    """What the log and the counts call these requests."""

    operation_id = "download"


class QuickDownloads:
    """Answers plain GETs of contents; everything else goes to the router.

    Parameters
    ----------
    app : ASGI application
    service : Service
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand a request on."""
        content_hash = _asked_for(scope)
        if content_hash is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = _Route
        service, request = self._service, Request(scope)
        try:
            caller = await service.caller_of(request)
            response = await downloading.answer(
                service, caller, request, content_hash, redirect=False
            )
        except AstridError as error:
            response = problem_of(error, scope["state"]["request_id"], service.hidden)
        await response(scope, receive, send)


def _asked_for(scope: Scope) -> str | None:
    """Return the hash of a plain download, None for any other request."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
        return None
    path: str = scope["path"]
    content_hash = path[len(_PATH) :]
    return content_hash if path.startswith(_PATH) and _HASH.fullmatch(content_hash) else None
