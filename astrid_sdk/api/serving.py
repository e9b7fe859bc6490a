"""Running the service in this process, with a server that does not wait for slow clients."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from astrid_sdk.api.access import Authenticator, is_loopback_host
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.ports import cannot_listen

_GRACE_S = 30
_KEEP_ALIVE_S = 20
_HEADERS_S: Final = 15.0
_SLACK_BYTES = 16 << 10


def require_safe_host(settings: ApiSettings, authenticator: Authenticator) -> None:
    """Refuse to listen to the network where everybody would be let in.

    Raises
    ------
    InvalidInputError
        ``kind="config"``.
    """
    if not authenticator.needs_credentials and not is_loopback_host(settings.host):
        raise InvalidInputError(
            f"without API keys the service listens on this machine only, not on {settings.host}: "
            "create a key with astrid keys create, or leave --host out",
            kind="config",
        )


def server_of(app: FastAPI, settings: ApiSettings) -> uvicorn.Server:
    """Return the server of `app`, to be run."""
    limits = type("_Limited", (_Impatient,), {"most_bytes": _most_bytes(settings)})
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=limits,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return uvicorn.Server(config)


@contextmanager
def listening(settings: ApiSettings) -> Iterator[list[socket.socket]]:
    """Listen to the port on each address of the host; connections wait until they are served.

    Raises
    ------
    InvalidInputError
        ``kind="config"``: the port is taken, or the address is none of this machine.
    """
    host, port = settings.host, settings.port
    with ExitStack() as opened:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            places = dict.fromkeys((family, address[:2]) for family, *_, address in found)
            sockets = [
                opened.enter_context(socket.create_server(address, family=family))
                for family, address in places
            ]
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        yield sockets


def _most_bytes(settings: ApiSettings) -> int:
    return settings.max_header_bytes + settings.max_url_bytes + _SLACK_BYTES


class _Impatient(HttpToolsProtocol):
    """Ends connections whose headers do not come, or have no end: uvicorn would wait for ever."""

    most_bytes = 64 << 10

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._late: asyncio.TimerHandle | None = None
        self._read = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._late is not None:
            self._read += len(data)
            if self._read > self.most_bytes and not self._has_headers(data):
                self.transport.close()
                return
        super().data_received(data)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._late is None:
            self._await_headers()

    @override
    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def _has_headers(self, data: bytes) -> bool:
        return self._read == len(data) and b"\r\n\r\n" in data  # a body came with them

    def _await_headers(self) -> None:
        self._read = 0
        self._late = self.loop.call_later(_HEADERS_S, self._end)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
