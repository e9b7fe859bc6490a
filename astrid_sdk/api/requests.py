"""Around every request: its id, its line in the log, its counts and its trace."""

import logging
import random
import re
import time
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from astrid_sdk import observe
from astrid_sdk.api.metrics import Metrics
from astrid_sdk.api.tracing import traced

REQUEST_ID: Final = "X-Request-ID"
UNROUTED: Final = "unrouted"
FACE: Final = "rest"
"""What the audit calls this way to the store."""
_HEADER: Final = REQUEST_ID.lower().encode()
_SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_NEW_IDS = random.Random()  # noqa: S311 - names, no secrets: asking the kernel each time costs more
_LOGGER = logging.getLogger("astrid_sdk.api")


class RequestLog:
    """Names each request, and tells of it when it is over.

    The id is the caller's own where it is a plain word, else a new one; it is returned, stands in
    every problem, and is in the events of the storage operations that the request causes.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = _Told(receive, send, request_id_of(scope["headers"]))
        scope.setdefault("state", {})["request_id"] = told.request_id
        token, face = observe.call_id.set(told.request_id), observe.face.set(FACE)
        began = time.perf_counter()
        try:
            with traced(scope, told):
                await self._app(scope, told.receive, told.send)
        finally:
            observe.call_id.reset(token)
            observe.face.reset(face)
            self._tell(scope, told, time.perf_counter() - began)

    def _tell(self, scope: Scope, told: "_Told", duration_s: float) -> None:
        operation = operation_of(scope)
        self._metrics.answered(
            operation, told.status, duration_s, received=told.received, sent=told.sent
        )
        if _LOGGER.isEnabledFor(logging.INFO):
            fields = {
                "request_id": told.request_id,
                "operation": operation,
                "method": scope["method"],
                "path": scope["path"],
                "status": told.status,
                "caller": scope["state"].get("caller", ""),
                "received_bytes": told.received,
                "sent_bytes": told.sent,
                "duration_s": round(duration_s, 6),
                "is_complete": told.is_complete,
            }
            words = (operation, told.status, duration_s)
            _LOGGER.info("%s, %s in %.3f s", *words, extra={"fields": fields})


class _Told:
    """What passes of one request."""

    def __init__(self, receive: Receive, send: Send, request_id: str) -> None:
        self._receive = receive
        self._send = send
        self.request_id = request_id
        self.status = 500  # until something else is sent
        self.received = 0
        self.sent = 0
        self.is_complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            if not any(name == _HEADER for name, _ in headers):
                headers.append((_HEADER, self.request_id.encode()))
            message["headers"] = headers
        else:
            self.sent += len(message.get("body", b""))
            self.is_complete = not message.get("more_body", False)
        await self._send(message)


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id that a request brings, or a new one."""
    given = next((value for name, value in headers if name == _HEADER), b"")
    return given.decode() if _SANE_ID.fullmatch(given) else f"{_NEW_IDS.getrandbits(64):016x}"


def operation_of(scope: Scope) -> str:
    """Return what the route that took a request is called; its path would be without end."""
    route = scope.get("route")
    return getattr(route, "operation_id", None) or UNROUTED
