"""A proxy between an S3 client and an S3 server that plays faults, and knows R2's rules.

::

    with FaultProxy("http://127.0.0.1:5000", rules=R2Rules()) as proxy:
        client = R2StorageClient(StorageConfig(..., r2_endpoint_url=proxy.endpoint_url))
        proxy.arm(Fault("lost-answer", on=frozenset({"put"})))
        client.upload_file("bucket", "key", b"...", "text/plain")
        assert [logged.fault for logged in proxy.log if logged.operation == "put"] == [...]

Requests are forwarded as they came, so that signatures stay valid; each goes over a connection
of its own. The proxy runs in one thread with an event loop of its own, on the loopback interface.
"""

import asyncio
import dataclasses
import ssl
import threading
import urllib.parse
from collections.abc import Coroutine
from typing import Any, Self

from astrid_sdk.testing.delivering import Client
from astrid_sdk.testing.faults import Armed, Fault, Play
from astrid_sdk.testing.plays import PLAYS
from astrid_sdk.testing.r2_rules import R2Rules
from astrid_sdk.testing.wire import Answer, Request, read_answer, read_body, read_request

_LOOPBACK = "127.0.0.1"
_HEAD_BYTES = 1 << 20
_UPSTREAM_S = 60.0
_NOTHING = Play()
_UPSTREAM_AWAY = Answer(502, (("Content-Type", "text/html"),), b"<html>no server there</html>")


@dataclasses.dataclass(frozen=True)
class Logged:
    """One request that came to the proxy.

    Parameters
    ----------
    operation, bucket, key : str
        See `Request`.
    request : Request
    status : int
        Of the answer that was to be delivered; 0 when there was none.
    fault : str
        The name of the fault it met, or ``""``.
    """

    operation: str
    bucket: str
    key: str
    request: Request
    status: int
    fault: str


class FaultProxy:
    """A proxy to the S3 server at `upstream_url`; a context manager.

    Parameters
    ----------
    upstream_url : str
        Plain http; a path is kept.
    rules : R2Rules, optional
        What R2 demands beyond what the server behind does.
    tls : ssl.SSLContext, optional
        A server's context with a certificate: the proxy then speaks https.
    """

    def __init__(
        self,
        upstream_url: str,
        *,
        rules: R2Rules | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urllib.parse.urlsplit(upstream_url)
        self._upstream = (parts.hostname or _LOOPBACK, parts.port or 80)
        self._prefix = parts.path.rstrip("/")
        self._rules = rules
        self._tls = tls
        self._lock = threading.Lock()
        self._armed = Armed(PLAYS)
        self._log: list[Logged] = []
        self._mistakes: list[Exception] = []
        self._clients: set[Client] = set()
        self._port = 0
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(started)), name="fault-proxy", daemon=True
        )
        self._thread.start()
        if not started.wait(timeout=30):
            raise TimeoutError("the fault proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        if self._mistakes:
            raise self._mistakes[0]

    @property
    def endpoint_url(self) -> str:
        """Where clients connect to; with the path of the server behind."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{_LOOPBACK}:{self._port}{self._prefix}"

    @property
    def log(self) -> list[Logged]:
        """The requests since the start or the last `forget`, in the order of their answers."""
        with self._lock:
            return list(self._log)

    def forget(self) -> None:
        """Empty the log."""
        with self._lock:
            self._log.clear()

    def arm(self, *faults: Fault) -> None:
        """Let these happen, after those that are armed already."""
        with self._lock:
            for fault in faults:
                self._armed.add(fault)

    def disarm(self) -> None:
        """Let nothing more happen."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[Fault]:
        """Return the faults that have not happened as often as they were to."""
        with self._lock:
            return self._armed.left()

    def refuse(self, for_s: float) -> None:
        """Drop all connections, and refuse new ones for `for_s` seconds."""
        self._within(self._refuse_for(for_s))

    def drop(self) -> None:
        """Drop all connections; new ones are welcome."""
        self._within(self._drop())

    def _within(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _run(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._later: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[Any]] = set()
        await self._listen()
        started.set()
        await self._over.wait()
        await self._stop_listening()
        await self._drop()
        busy = [*self._serving, *self._later]
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, _LOOPBACK, self._port, limit=_HEAD_BYTES, ssl=self._tls, backlog=256
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _refuse_for(self, for_s: float) -> None:
        await self._stop_listening()
        await self._drop()

        async def listen_again() -> None:
            await asyncio.sleep(for_s)
            await self._listen()

        task = asyncio.create_task(listen_again())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _drop(self) -> None:
        for client in list(self._clients):
            client.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer)
        self._clients.add(client)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        self._serving.add(task)
        try:
            while await self._serve_one(client):
                pass
        except (OSError, EOFError, asyncio.CancelledError):  # the client, or the proxy, is gone
            pass
        except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
            self._mistakes.append(error)
        finally:
            self._clients.discard(client)
            self._serving.discard(task)
            await client.close()

    async def _serve_one(self, client: Client) -> bool:
        request = await read_request(client.reader, self._prefix)
        if request is None:
            return False
        name, play = self._met(request)
        if play.early:
            return await self._act_early(client, request, name, play)
        if (request.header("Expect") or "").lower() == "100-continue":
            await client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await read_body(client.reader, request.headers)
        request = dataclasses.replace(request, body=body)
        answer = await self._answer(request, play)
        self._note(request, answer, name)
        return await client.deliver(request, answer or Answer(0), play.delivery)

    def _met(self, request: Request) -> tuple[str, Play]:
        with self._lock:
            return self._armed.next_for(request) or ("", _NOTHING)

    def _note(self, request: Request, answer: Answer | None, fault: str) -> None:
        status = answer.status if answer else 0
        logged = Logged(request.operation, request.bucket, request.key, request, status, fault)
        with self._lock:
            self._log.append(logged)

    async def _act_early(self, client: Client, request: Request, name: str, play: Play) -> bool:
        answer = play.answer(request) if play.answer else None
        self._note(request, answer, name)
        if answer is None:
            client.reset()
        else:
            await client.send(answer.sized().head() + answer.body)
        return False

    async def _answer(self, request: Request, play: Play) -> Answer | None:
        if play.loses_request:
            return None
        if play.answer:
            return play.answer(request)
        forwarded = play.change(request) if play.change else request
        if play.twice:
            await self._ask(forwarded)
        answer = await self._ask(forwarded)
        return play.edit(request, answer) if play.edit else answer

    async def _ask(self, request: Request) -> Answer:
        """Return what R2 would answer: the server's word within the rules."""
        if self._rules is None:
            return await self._forward(request)
        return await self._rules.answer(request, self._forward)

    async def _forward(self, request: Request) -> Answer:
        try:
            async with asyncio.timeout(_UPSTREAM_S):
                return await _exchanged(self._upstream, request)
        except (OSError, EOFError, TimeoutError):
            return _UPSTREAM_AWAY


async def _exchanged(where: tuple[str, int], request: Request) -> Answer:
    reader, writer = await asyncio.open_connection(*where, limit=_HEAD_BYTES)
    try:
        writer.write(request.to_bytes())
        await writer.drain()
        return await read_answer(reader, request.method)
    finally:
        writer.close()
