"""Sending an answer to a client as a `Delivery` says: whole, in halves, late, or not at all."""

import asyncio
import contextlib
import socket
import struct

from astrid_sdk.testing.faults import Delivery
from astrid_sdk.testing.wire import Answer, Request

STALL_S = 30.0
_CHUNK_BYTES = 64 * 1024


class Client:
    """One connection of a client to the proxy, and what can be done to it.

    Parameters
    ----------
    reader : asyncio.StreamReader
    writer : asyncio.StreamWriter
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send `data` and wait until there is room for more."""
        self._writer.write(data)
        await self._writer.drain()

    async def deliver(self, request: Request, answer: Answer, delivery: Delivery) -> bool:
        """Send `answer` so; return whether the connection stays open."""
        await asyncio.sleep(delivery.delay_s)
        if delivery.raw is not None:
            await self.send(delivery.raw)
        else:
            await self.send(delivery.preface)
            await self._send_answer(request, answer, delivery)
            await self.send(delivery.trailer)
        return await self._end(delivery.then)

    async def _send_answer(self, request: Request, answer: Answer, delivery: Delivery) -> None:
        shaped = _shaped(answer, delivery)
        head = shaped.head()
        if delivery.half_head:
            await self.send(head[: len(head) // 2])
            return
        body = b"" if request.method == "HEAD" else shaped.body
        kept = body[: int(len(body) * delivery.keep)]
        if not delivery.byte_every_s:
            await self.send(head + (_chunks(kept, delivery) if delivery.chunked else kept))
            return
        await self.send(head)
        for number in range(len(kept)):
            await self.send(kept[number : number + 1])
            await asyncio.sleep(delivery.byte_every_s)

    async def _end(self, then: str) -> bool:
        if then == "stall":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STALL_S):
                    while await self.reader.read(_CHUNK_BYTES):
                        pass
        if then == "reset":
            self.reset()
        elif then:
            await self.close()
        return not then

    def reset(self) -> None:
        """Drop the connection so that the client sees a reset, not an end."""
        raw: socket.socket | None = self._writer.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:  # it may be closed already
            linger_for_no_time = struct.pack("ii", 1, 0)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the connection after all that was sent."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def _shaped(answer: Answer, delivery: Delivery) -> Answer:
    if delivery.chunked:
        shaped = answer.without_headers("Content-Length")
        shaped = shaped.with_headers({"Transfer-Encoding": "chunked"})
    elif delivery.unsized:
        shaped = answer.without_headers("Content-Length")
    else:
        shaped = answer.sized()
    return shaped.with_headers({"Connection": "close"}) if delivery.says_close else shaped


def _chunks(body: bytes, delivery: Delivery) -> bytes:
    third = max(1, len(body) // 3)
    pieces = [body[start : start + third] for start in range(0, len(body), third)]
    sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return sent if delivery.then else sent + b"0\r\n\r\n"
