"""One connection to the store: never blocks, says what it waits for."""

import selectors
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

from astrid_sdk.storage.http_message import AnswerParser, HttpAnswer, HttpRequest

_RECEIVE_BYTES = 128 << 10
_SEND_BYTES = 1 << 20
_JOIN_BELOW = 128 << 10
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """A TCP or TLS connection that carries one request at a time.

    Parameters
    ----------
    addresses : sequence
        What `socket.getaddrinfo` returned; they are tried in order.
    tls : ssl.SSLContext or None
    host : str
        Whom the certificate must name.
    """

    def __init__(self, addresses: Sequence[Any], tls: ssl.SSLContext | None, host: str) -> None:
        self._addresses = list(addresses)
        self._tls = tls
        self._host = host
        self._is_connected = False
        self._is_secure = tls is None
        self._outgoing: list[memoryview] = []
        self._parser: AnswerParser | None = None
        self.bytes_moved = 0
        self.idle_since = 0.0
        self._socket = self._next_socket()

    @property
    def is_ready(self) -> bool:
        """Whether the connection is established."""
        return self._is_connected and self._is_secure

    @property
    def other_addresses(self) -> Sequence[Any]:
        """Addresses that were not tried, where this one did not even connect."""
        return () if self._is_connected else self._addresses

    @property
    def can_be_reused(self) -> bool:
        """Whether the last answer left it fit for another request."""
        parser = self._parser
        return (
            parser is not None
            and parser.answer is not None
            and parser.keeps_alive
            and not self._outgoing
        )

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def begin(self, request: HttpRequest) -> None:
        """Take the next request; `advance` sends it."""
        head, body = request.head(), request.body
        if len(body) <= _JOIN_BELOW:
            self._outgoing = [memoryview(head + body)]
        else:
            self._outgoing = [memoryview(head), memoryview(body)]
        self._parser = AnswerParser(request)

    def advance(self) -> tuple[HttpAnswer | None, int]:
        """Do what can be done without waiting.

        Returns
        -------
        answer : HttpAnswer or None
            When it is complete.
        events : int
            What to wait for until then.

        Raises
        ------
        OSError, BadAnswerError
            The connection is of no more use.
        """
        if not self.is_ready:
            events = self._establish()
            if events:
                return None, events
        is_sent = self._send()
        answer = self._receive()
        return answer, selectors.EVENT_READ | (0 if is_sent else selectors.EVENT_WRITE)

    def is_stale(self) -> bool:
        """Return whether the other side closed it, or said something unasked."""
        try:
            if self._tls is None:
                self._socket.recv(1, socket.MSG_PEEK)
            else:
                self._socket.recv(1)  # messages of TLS itself are taken; anything else is unasked
        except _WOULD_BLOCK:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close it; a second call does nothing."""
        self._socket.close()

    def _next_socket(self) -> socket.socket:
        family, kind, protocol, _, address = self._addresses.pop(0)
        fresh = socket.socket(family, kind, protocol)
        try:
            fresh.setblocking(False)
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fresh.connect(address)
        except BlockingIOError:
            return fresh
        except OSError:
            fresh.close()
            if not self._addresses:
                raise
            return self._next_socket()
        self._is_connected = True
        return fresh

    def _establish(self) -> int:
        if not self._is_connected:
            trouble = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if trouble:
                raise ConnectionRefusedError(trouble, "the connection was not accepted")
            try:
                self._socket.getpeername()
            except OSError:
                return selectors.EVENT_WRITE
            self._is_connected = True
        if self._is_secure:
            return 0
        return self._shake_hands()

    def _shake_hands(self) -> int:
        assert self._tls is not None  # noqa: S101 - without it the connection is ready
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket = self._tls.wrap_socket(
                self._socket, server_hostname=self._host, do_handshake_on_connect=False
            )
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            return selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            return selectors.EVENT_WRITE
        self._is_secure = True
        return 0

    def _send(self) -> bool:
        """Send what can be sent; return whether that was all."""
        while self._outgoing:
            first = self._outgoing[0]
            try:
                sent = self._socket.send(first[:_SEND_BYTES])
            except _WOULD_BLOCK:
                return False
            except (BrokenPipeError, ConnectionResetError):
                # A refusal may be on its way: what was received says more than what was not sent.
                self._outgoing.clear()
                self._mark_closing()
                return True
            self.bytes_moved += sent
            if sent == len(first):
                self._outgoing.pop(0)
            else:
                self._outgoing[0] = first[sent:]
                if sent < _SEND_BYTES:
                    return False
        return True

    def _mark_closing(self) -> None:
        if self._parser is not None:
            self._parser.keeps_alive = False

    def _receive(self) -> HttpAnswer | None:
        parser = self._parser
        assert parser is not None  # noqa: S101 - `begin` comes first
        while parser.answer is None:
            room = parser.room
            try:
                if room is not None:
                    length = self._socket.recv_into(room)
                    parser.took(length) if length else parser.ended()
                else:
                    data = self._socket.recv(_RECEIVE_BYTES)
                    length = len(data)
                    parser.feed(data) if data else parser.ended()
            except _WOULD_BLOCK:
                return None
            self.bytes_moved += length
        self.idle_since = time.monotonic()
        return parser.answer
