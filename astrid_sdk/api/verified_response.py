"""A response whose body is verified piece by piece, and breaks off where a piece is not sound.

Its length is announced, so a client that gets less knows that it has not got the content.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Final

import anyio.to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from astrid_sdk.api.limits import Pace
from astrid_sdk.errors import AstridError, CorruptionError, InvalidInputError

_FEW_BYTES: Final = 256 << 10
"""So much is handed over at a time: a slow client has `idle_s` to take it."""
_MANY_BYTES: Final = 1 << 20
"""The most that is handed over at a time, while each is taken at once."""
_AT_ONCE_S: Final = 0.05
_LOGGER = logging.getLogger("astrid_sdk.api")


class VerifiedResponse(Response):
    """Hands out pieces as they are read, one read ahead while another is sent.

    Parameters
    ----------
    read : callable
        Returns the next piece, verified, and nothing at the end; called in a thread. A piece is
        needed until the one after the next is asked for.
    first : memoryview
        The first piece: it was sound.
    status : int
    headers : mapping
        With the Content-Length.
    idle_s, min_bytes_per_s : float
        What is asked of the client.
    release : AsyncExitStack
        Closed at the end, however that comes.
    content_hash : str
        For the log.
    damaged : callable
        Called where damage broke the response off.
    """

    def __init__(  # noqa: PLR0913 - a response, and what it owes when it ends
        self,
        read: Callable[[], memoryview],
        first: memoryview,
        status: int,
        headers: Mapping[str, str],
        *,
        idle_s: float,
        min_bytes_per_s: float,
        release: contextlib.AsyncExitStack,
        content_hash: str,
        damaged: Callable[[], None],
    ) -> None:
        super().__init__(None, status, dict(headers))
        self._read = read
        self._first = first
        self._pace = Pace(idle_s, min_bytes_per_s)
        self._part_bytes = _FEW_BYTES
        self._release = release
        self._content_hash = content_hash
        self._damaged = damaged

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; where it cannot be completed, return without having completed it."""
        del scope  # a HEAD has a route of its own
        async with self._release:
            gone = asyncio.ensure_future(_disconnected(receive))
            try:
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                await self._send_pieces(send, gone)
            except AstridError as error:
                self._report(error)
            finally:
                gone.cancel()

    async def _send_pieces(self, send: Send, gone: "asyncio.Future[None]") -> None:
        piece = self._first
        while piece:
            ahead = asyncio.ensure_future(anyio.to_thread.run_sync(self._read))
            try:
                await self._send_piece(send, piece, gone)
            except BaseException:
                await asyncio.wait([ahead])  # the file is in use until then
                ahead.exception()
                raise
            piece = await ahead
            if gone.done():
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_piece(
        self, send: Send, piece: memoryview, gone: "asyncio.Future[None]"
    ) -> None:
        start = 0
        while start < len(piece) and not gone.done():
            await asyncio.sleep(0)  # or reading ahead begins only where the socket is full
            part = bytes(piece[start : start + self._part_bytes])
            async with self._pace.waiting():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            self._pace.moved(len(part))
            is_fast = self._pace.last_s < _AT_ONCE_S
            self._part_bytes = min(2 * self._part_bytes, _MANY_BYTES) if is_fast else _FEW_BYTES
            start += len(part)

    def _report(self, error: AstridError) -> None:
        if isinstance(error, CorruptionError):
            self._damaged()
        level = logging.INFO if isinstance(error, InvalidInputError) else logging.ERROR
        _LOGGER.log(
            level,
            "the download of %s was broken off: %s",
            self._content_hash,
            error.kind,
            extra={"fields": {"content_hash": self._content_hash, "kind": error.kind}},
        )


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
