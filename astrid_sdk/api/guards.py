"""What is refused before any route sees it, and the end of what takes too long. Pure ASGI."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from astrid_sdk.api.access import is_loopback_host
from astrid_sdk.api.problems import problem_of
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.api.spool import too_large
from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    InvalidInputError,
    StorageUnavailableError,
)

_ANY: Final = "*"
_UPLOAD: Final = "/storage/upload"
_TRANSFERS: Final = (_UPLOAD, "/storage/download/")
_SAME_SITE: Final = {"same-origin", "none", ""}


class Guard:
    """Refuses what is too long, or comes by a name or from a web page that it must not.

    Where callers need no credentials, a browser on this machine must not become somebody else's
    hand: a page may lead to this service by its own name (DNS rebinding), or send forms to it.

    Parameters
    ----------
    app : ASGI application
    settings : ApiSettings
    needs_credentials : callable
        Whether callers need credentials.
    """

    def __init__(
        self, app: ASGIApp, settings: ApiSettings, needs_credentials: Callable[[], bool]
    ) -> None:
        self._app = app
        self._settings = settings
        self._needs_credentials = needs_credentials
        self._names: Collection[str] = {name.lower() for name in settings.allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await problem_of(refusal, scope["state"]["request_id"])(scope, receive, send)

    def _refusal(self, scope: Scope) -> AstridError | None:
        headers = _headers_of(scope)
        return (
            self._too_long(scope, headers)
            or self._by_another_name(headers)
            or self._from_a_page(headers)
        )

    def _too_long(self, scope: Scope, headers: Mapping[str, str]) -> AstridError | None:
        url_bytes = len(scope.get("raw_path", b"")) + len(scope["query_string"])
        if url_bytes > self._settings.max_url_bytes:
            return InvalidInputError(
                f"the URL has {url_bytes} bytes; at most {self._settings.max_url_bytes} are taken",
                kind="url_too_long",
            )
        header_bytes = sum(len(name) + len(value) for name, value in scope["headers"])
        if header_bytes > self._settings.max_header_bytes:
            return InvalidInputError(
                f"the headers have {header_bytes} bytes; at most "
                f"{self._settings.max_header_bytes} are taken",
                kind="headers_too_large",
            )
        return self._body_too_large(scope, headers)

    def _body_too_large(self, scope: Scope, headers: Mapping[str, str]) -> AstridError | None:
        """Look at what a body says of itself; an upload is counted as it comes."""
        if scope["path"] == _UPLOAD:
            return None
        if "transfer-encoding" in headers:
            return InvalidInputError(
                "a body that is no upload must have a Content-Length", kind="no_length"
            )
        said = headers.get("content-length", "")
        is_large = said.isdecimal() and int(said) > self._settings.max_body_bytes
        return too_large(self._settings.max_body_bytes) if is_large else None

    def _by_another_name(self, headers: Mapping[str, str]) -> AstridError | None:
        if _ANY in self._names or (self._needs_credentials() and not self._names):
            return None
        host = _host(headers.get("host", ""))
        if host in self._names or (not self._needs_credentials() and is_loopback_host(host)):
            return None
        return InvalidInputError(
            "this service is not called so: use its own name, or have it added to "
            "ASTRID_API_ALLOWED_HOSTS",
            kind="host",
        )

    def _from_a_page(self, headers: Mapping[str, str]) -> AstridError | None:
        if self._needs_credentials():
            return None
        origin = headers.get("origin")
        is_other = origin is not None and urlsplit(origin).netloc != headers.get("host", "")
        if not is_other and headers.get("sec-fetch-site", "") in _SAME_SITE:
            return None
        return AccessDeniedError(
            "a web page of another site asks: without API keys this service answers programs on "
            "its own machine only",
            kind="cross_origin",
        )


class Deadline:
    """Answers in time where a route does not.

    The route may still end in its thread; what it would send then goes nowhere.

    Parameters
    ----------
    app : ASGI application
    settings : ApiSettings
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._left_alone: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, for as long as it may take."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        gate = _Gate(send)
        work = asyncio.ensure_future(self._run(scope, receive, gate))
        try:
            await asyncio.wait({work}, timeout=self._seconds(scope["path"]))
        finally:
            if not work.done():
                gate.is_closed = True
                self._leave(work)
        if work.done():
            await work
        elif not gate.is_started:
            late = StorageUnavailableError("the request took too long", kind="deadline")
            await problem_of(late, scope["state"]["request_id"])(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, gate: "_Gate") -> None:
        await self._app(scope, receive, gate.send)

    def _leave(self, work: "asyncio.Task[None]") -> None:
        self._left_alone.add(work)
        work.add_done_callback(self._forget)
        work.cancel()

    def _forget(self, work: "asyncio.Task[None]") -> None:
        self._left_alone.discard(work)
        with contextlib.suppress(asyncio.CancelledError):
            work.exception()  # whatever became of it, nobody waits for it

    def _seconds(self, path: str) -> float:
        is_transfer = path.startswith(_TRANSFERS)
        settings = self._settings
        return settings.transfer_deadline_s if is_transfer else settings.request_deadline_s


class _Gate:
    """Lets a response through until the deadline."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_started = False
        self.is_closed = False

    async def send(self, message: Message) -> None:
        if not self.is_closed:
            self.is_started = True
            await self._send(message)


def _headers_of(scope: Scope) -> Mapping[str, str]:
    """Return the headers by their names, of several with one name the first."""
    pairs = reversed(scope["headers"])
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


@lru_cache
def _host(header: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""
