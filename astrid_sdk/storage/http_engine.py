"""Carries many exchanges at a time over few connections, in the thread that asks.

What an operation says to the server is a *plan*: a generator that yields requests, is sent the
answers (or thrown a `TransportError`), and returns the result. The engine knows nothing of S3.
One thread that waits on all its sockets moves small objects several times faster than a thread
for each.
"""

import contextlib
import dataclasses
import os
import selectors
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

from typing_extensions import override

from astrid_sdk.errors import AstridError
from astrid_sdk.storage.http_connection import Connection
from astrid_sdk.storage.http_limits import Timeouts, TransportError, transport_error
from astrid_sdk.storage.http_message import BadAnswerError, HttpAnswer, HttpRequest

__all__ = ["Done", "HttpEngine", "Plan", "Timeouts", "TransportError"]

ResultT = TypeVar("ResultT")
TagT = TypeVar("TagT")
Plan: TypeAlias = Generator[HttpRequest, HttpAnswer, ResultT]

_MOST_IDLE = 128
_MOST_IDLE_S = 30.0
_LONGEST_WAIT_S = 1.0
_CHECK_AFTER_IDLE_S = 2.0
_ADDRESSES_LIVE_S = 60.0


@dataclasses.dataclass(slots=True)
class Done(Generic[TagT]):
    """A plan that has ended: its `result`, or the `error` it raised."""

    tag: TagT
    result: Any = None
    error: AstridError | None = None
    request_id: str = ""
    is_first: bool = False


@dataclasses.dataclass(slots=True)
class _Exchange(Generic[TagT]):
    tag: TagT
    plan: Plan[Any]
    weight: int
    request: HttpRequest
    connection: Connection
    started: float
    moved_at: float
    moved_before: int
    moved: int = 0
    events: int = 0
    request_id: str = ""
    is_first: bool = False


class HttpEngine:
    """Connections to one endpoint, shared by all threads.

    Parameters
    ----------
    endpoint_url : str
    timeouts : Timeouts
    tls : ssl.SSLContext, optional
        Whom to trust, for https.
    """

    def __init__(
        self, endpoint_url: str, timeouts: Timeouts, tls: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(endpoint_url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._timeouts = timeouts
        self._tls = tls if parts.scheme == "https" else None
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        weakref.finalize(self, _close_all, self._idle)
        self._process = os.getpid()
        self._addresses: Sequence[Any] = ()
        self._looked_up = 0.0

    @override
    def __repr__(self) -> str:
        return f"HttpEngine({self._host}:{self._port})"

    def run(
        self,
        plans: Iterable[tuple[TagT, Plan[Any], int]],
        *,
        most: int,
        most_weight: int,
    ) -> Iterator[Done[TagT]]:
        """Carry `plans` out and yield each as it ends.

        Parameters
        ----------
        plans : iterable of (tag, plan, weight)
            Drawn from while there is room.
        most, most_weight : int
            How many are under way at a time, and how heavy they may be together.
        """
        with _Run(self, iter(plans), most, most_weight) as run:
            yield from run

    def connection(self) -> Connection:
        """Return a connection that is free, or begin a new one."""
        now = time.monotonic()
        while (found := self._take_idle()) is not None:
            if now - found.idle_since < _MOST_IDLE_S and not found.is_stale():
                return found
            found.close()
        return self.connection_to(self._resolved(now))

    def connection_to(self, addresses: Sequence[Any]) -> Connection:
        """Begin a new connection to the first of `addresses`."""
        return Connection(addresses, self._tls, self._host)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next exchange, or close it."""
        if connection.can_be_reused:
            with self._lock:
                if len(self._idle) < _MOST_IDLE and self._process == os.getpid():
                    self._idle.append(connection)
                    return
        connection.close()

    def close(self) -> None:
        """Close the connections that are free."""
        while (found := self._take_idle()) is not None:
            found.close()

    @property
    def patience_s(self) -> float:
        """How often to look for what is overdue."""
        shortest = min(self._timeouts.connect_s, self._timeouts.idle_s, self._timeouts.answer_s)
        return min(_LONGEST_WAIT_S, max(shortest / 8, 0.02))

    def overdue(self, exchange: "_Exchange[Any]", now: float) -> str:
        """Return what is overdue about an exchange, or ""."""
        moved = exchange.moved - exchange.moved_before
        if now - exchange.started > self._timeouts.allowed_s(moved):
            return "the answer took too long"
        if not exchange.connection.is_ready:
            late = now - exchange.started > self._timeouts.connect_s
            return "no connection" if late else ""
        return "nothing came" if now - exchange.moved_at > self._timeouts.idle_s else ""

    def _take_idle(self) -> Connection | None:
        with self._lock:
            if self._process != os.getpid():  # a forked child must not use its parent's
                self._process = os.getpid()
                self._idle.clear()
            return self._idle.pop() if self._idle else None

    def _resolved(self, now: float) -> Sequence[Any]:
        if not self._addresses or now - self._looked_up > _ADDRESSES_LIVE_S:
            self._addresses = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._looked_up = now
        return self._addresses


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


class _Run(Generic[TagT]):
    """One call of `HttpEngine.run`: the exchanges that are under way."""

    def __init__(
        self,
        engine: HttpEngine,
        plans: Iterator[tuple[TagT, Plan[Any], int]],
        most: int,
        most_weight: int,
    ) -> None:
        self._engine = engine
        self._plans = plans
        self._most = most
        self._most_weight = most_weight
        self._weight = 0
        self._is_over = False
        self._selector = selectors.DefaultSelector()
        self._active: dict[int, _Exchange[TagT]] = {}
        self._done: deque[tuple[int, Done[TagT]]] = deque()  # they weigh until they are handed on
        self._spare: dict[int, Connection] = {}  # stay registered, to be used again at once
        self._look_at = time.monotonic() + engine.patience_s

    def __enter__(self) -> "_Run[TagT]":
        return self

    def __exit__(self, *_: object) -> None:
        for exchange in self._active.values():
            exchange.connection.close()
            exchange.plan.close()
        self._selector.close()
        for connection in self._spare.values():
            self._engine.give_back(connection)

    def __iter__(self) -> Iterator[Done[TagT]]:
        while True:
            self._draw()
            while self._done:
                weight, done = self._done.popleft()
                self._weight -= weight
                self._draw()  # first: what is under way goes on while the caller looks at it
                yield done
            if self._active:
                self._wait()
            elif self._is_over:
                return

    def _draw(self) -> None:
        """Begin as many plans as there is room for: several may have ended since."""
        before = len(self._done)
        while not self._is_over and self._has_room():
            try:
                tag, plan, weight = next(self._plans)
            except StopIteration:
                self._is_over = True
                return
            self._weight += weight
            self._resume(tag, plan, weight, None, None)
            if len(self._done) > before:  # it ended without a request: say so before drawing more
                return

    def _has_room(self) -> bool:
        return not self._active or (
            len(self._active) < self._most and self._weight < self._most_weight
        )

    def _wait(self) -> None:
        for key, _ in self._selector.select(self._engine.patience_s):
            exchange = self._active.get(key.fd)
            if exchange is not None:
                self._advance(exchange)
            elif key.fd in self._spare:  # the server closed it
                self._drop(self._spare.pop(key.fd))
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + self._engine.patience_s
            for exchange in list(self._active.values()):
                overdue = self._engine.overdue(exchange, now)
                if overdue:
                    self._fail(exchange, TransportError("timeout", overdue))

    def _advance(self, exchange: "_Exchange[TagT]") -> None:
        connection = exchange.connection
        try:
            answer, events = connection.advance()
        except (OSError, BadAnswerError) as error:
            self._fail(exchange, transport_error(error, connection))
            return
        if connection.bytes_moved != exchange.moved:
            exchange.moved, exchange.moved_at = connection.bytes_moved, time.monotonic()
        if answer is None:
            self._watch(exchange, events)
            return
        exchange.request_id = answer.headers.get("x-amz-request-id") or answer.headers.get(
            "cf-ray", ""
        )
        reusable = connection if connection.can_be_reused else None
        if reusable is None:
            self._forget(exchange)
            connection.close()
        self._resume(exchange.tag, exchange.plan, exchange.weight, answer, exchange)

    def _resume(
        self,
        tag: TagT,
        plan: Plan[Any],
        weight: int,
        answer: HttpAnswer | TransportError | None,
        before: "_Exchange[TagT] | None",
    ) -> None:
        """Let the plan go on until its next request, or its end."""
        done = Done(tag, request_id=before.request_id if before else "")
        try:
            if isinstance(answer, TransportError):
                request = plan.throw(answer)
            elif answer is None:
                request = next(plan)
            else:
                request = plan.send(answer)
        except StopIteration as stop:
            done.result = stop.value
        except AstridError as error:
            done.error = error
        else:
            self._begin(tag, plan, weight, request, before)
            return
        self._done.append((weight, done))
        if before is not None and before.connection.fileno() in self._active:
            self._spare_connection(before)

    def _begin(
        self,
        tag: TagT,
        plan: Plan[Any],
        weight: int,
        request: HttpRequest,
        before: "_Exchange[TagT] | None",
    ) -> None:
        now = time.monotonic()
        kept = before is not None and before.connection.fileno() in self._active
        try:
            connection, events = self._connection(before if kept else None)
        except OSError as error:
            trouble = transport_error(error, None)
            trouble.is_unsent = before is None
            self._resume(tag, plan, weight, trouble, before)
            return
        moved = connection.bytes_moved
        exchange = _Exchange(tag, plan, weight, request, connection, now, now, moved, moved)
        exchange.request_id = before.request_id if before else ""
        exchange.is_first = before is None
        exchange.events = events
        self._active[connection.fileno()] = exchange
        connection.begin(request)
        self._advance(exchange)

    def _connection(self, before: "_Exchange[TagT] | None") -> tuple[Connection, int]:
        """Return a connection and what its registration waits for."""
        if before is not None:
            return before.connection, before.events
        while self._spare:
            _, spare = self._spare.popitem()
            is_fresh = time.monotonic() - spare.idle_since < _CHECK_AFTER_IDLE_S
            if is_fresh or not spare.is_stale():
                return spare, selectors.EVENT_READ
            self._drop(spare)
        return self._engine.connection(), 0

    def _spare_connection(self, exchange: "_Exchange[TagT]") -> None:
        connection = exchange.connection
        if exchange.events and connection.can_be_reused:
            self._watch(exchange, selectors.EVENT_READ)
            del self._active[connection.fileno()]
            self._spare[connection.fileno()] = connection
        else:
            self._forget(exchange)
            self._engine.give_back(connection)

    def _drop(self, connection: Connection) -> None:
        self._selector.unregister(connection)
        connection.close()

    def _fail(self, exchange: "_Exchange[TagT]", error: TransportError) -> None:
        self._forget(exchange)
        exchange.connection.close()
        others = exchange.connection.other_addresses
        if others and error.kind == "unreachable" and self._try_next_address(exchange, others):
            return
        error.is_unsent = exchange.is_first and not exchange.connection.is_ready
        self._resume(exchange.tag, exchange.plan, exchange.weight, error, exchange)

    def _try_next_address(self, exchange: "_Exchange[TagT]", others: Sequence[Any]) -> bool:
        with contextlib.suppress(OSError):
            exchange.connection = self._engine.connection_to(others)
            exchange.moved_before = exchange.moved = 0
            self._active[exchange.connection.fileno()] = exchange
            exchange.connection.begin(exchange.request)
            self._advance(exchange)
            return True
        return False

    def _watch(self, exchange: "_Exchange[TagT]", events: int) -> None:
        if events == exchange.events:
            return
        if exchange.events:
            self._selector.modify(exchange.connection, events)
        else:
            self._selector.register(exchange.connection, events)
        exchange.events = events

    def _forget(self, exchange: "_Exchange[TagT]") -> None:
        del self._active[exchange.connection.fileno()]
        if exchange.events:
            self._selector.unregister(exchange.connection)
            exchange.events = 0
