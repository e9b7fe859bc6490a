"""What is written in one round of the event loop goes out as one."""

import asyncio
from typing import Any, Final

_LITTLE_BYTES: Final = 64 << 10


class Corked:
    """A transport whose small writes wait for those that follow at once.

    The head of a response and a small body are two writes to the server that makes them, and would
    be two system calls here, two packets, and two there. What is large goes out as it comes.

    Parameters
    ----------
    transport : asyncio.Transport
    loop : asyncio.AbstractEventLoop
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def write(self, data: bytes) -> None:
        """Send `data` after what was written before, in this round of the loop."""
        if self._kept_bytes + len(data) > _LITTLE_BYTES:
            self._flush()
            self._transport.write(data)
            return
        if not self._kept:
            self._loop.call_soon(self._flush)
        self._kept.append(data)
        self._kept_bytes += len(data)

    def close(self) -> None:
        """Send what was written, and close the connection then."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._kept:
            together = b"".join(self._kept)
            self._kept.clear()
            self._kept_bytes = 0
            self._transport.write(together)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
