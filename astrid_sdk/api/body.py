"""The body of a request, piece by piece, from a client that is not trusted to be quick."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.types import Message

from astrid_sdk.api.limits import Pace
from astrid_sdk.api.spool import too_large
from astrid_sdk.errors import InvalidInputError

_PLAIN: Final = {"", "identity"}
_DRAINED_BYTES = 4 << 20
_DRAIN_S = 2.0


def require_plain(request: Request) -> None:
    """Refuse a packed body: what it unpacks to is not known before it is too late.

    Raises
    ------
    InvalidInputError
        ``kind="content_encoding"``.
    """
    packing = request.headers.get("content-encoding", "").strip().lower()
    if packing not in _PLAIN:
        raise InvalidInputError(
            f"a body with Content-Encoding {packing[:20]!r} is not taken: send a .gz file as it "
            "is, without that header",
            kind="content_encoding",
        )


def require_length(request: Request, most_bytes: int) -> None:
    """Refuse a body that says itself that it is too large.

    Raises
    ------
    InvalidInputError
        ``kind="body_too_large"``.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > most_bytes:
        raise too_large(most_bytes)


class Body:
    """The body of one request.

    Parameters
    ----------
    request : Request
    pace : Pace
        What is asked of the client.
    most_bytes : int
    """

    def __init__(self, request: Request, pace: Pace, most_bytes: int) -> None:
        self._request = request
        self._pace = pace
        self._most_bytes = most_bytes
        self._is_over = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises
        ------
        InvalidInputError
            It is too large (``kind="body_too_large"``), too slow (``"slow_client"``), or ends
            before its end (``"incomplete_body"``).
        """
        total = 0
        while not self._is_over:
            async with self._pace.waiting():
                message = await self._request.receive()
            piece = self._piece(message)
            total += len(piece)
            if total > self._most_bytes:
                raise too_large(self._most_bytes)
            if piece:
                self._pace.moved(len(piece))
                yield piece

    async def drain(self) -> None:
        """Read a little of what is left of a refused body: most clients listen at its end only."""
        left = _DRAINED_BYTES
        with suppress(TimeoutError, InvalidInputError):
            async with asyncio.timeout(_DRAIN_S):
                while not self._is_over and left > 0:
                    left -= len(self._piece(await self._request.receive()))

    def _piece(self, message: Message) -> bytes:
        self._is_over = not message.get("more_body", False)
        if message["type"] == "http.disconnect":
            raise InvalidInputError(
                "the connection ended before the body did: nothing was stored",
                kind="incomplete_body",
            )
        piece: bytes = message.get("body", b"")
        return piece
