"""A batch keeps as many requests under way as it may, however the answers come."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from queue import SimpleQueue

import pytest
from scripted import BUCKET, config_of, serving
from typing_extensions import override

from astrid_sdk.storage import http_engine
from astrid_sdk.storage.http_limits import Timeouts
from astrid_sdk.storage.operations import Get
from astrid_sdk.storage.s3_store import S3Storage

AT_ONCE = 4
ROUNDS = 100
PATIENCE_S = 10.0
LONG_S = 3600.0
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nETag: "e"\r\n\r\nx'
TOO_FEW = b"HTTP/1.1 503 Too few\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def answering_together(at_once: int) -> Iterator[tuple[str, SimpleQueue[str]]]:
    """Serve an endpoint that answers only when so many requests wait, and then all of them.

    Yields its address, and the paths that were asked for.
    """
    arrived: SimpleQueue[str] = SimpleQueue()
    turn = threading.Condition()
    waiting: list[BufferedIOBase] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            arrived.put(self.path)
            with turn:
                waiting.append(self.wfile)
                if len(waiting) == at_once:
                    while waiting:
                        waiting.pop().write(ANSWER)
                    turn.notify_all()
                elif not turn.wait_for(lambda: self.wfile not in waiting, PATIENCE_S):
                    waiting.remove(self.wfile)
                    self.wfile.write(TOO_FEW)

        @override
        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with serving(Handler) as url:
        yield url, arrived


@pytest.mark.timeout(120)
def test_answers_that_come_together_leave_no_fewer_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_engine, "_LONGEST_WAIT_S", LONG_S)  # nothing but answers wakes it
    with answering_together(AT_ONCE) as (url, _):
        store = S3Storage(config_of(url), Timeouts(LONG_S, LONG_S, LONG_S), AT_ONCE)
        gets = [Get(bucket=BUCKET, key=f"k{number}") for number in range(AT_ONCE * ROUNDS)]
        outcomes = list(store.perform_many(gets))
        store.close()
    assert [str(outcome.error) for outcome in outcomes if outcome.error is not None] == []
    assert {outcome.operation.where for outcome in outcomes} == {get.key for get in gets}


@pytest.mark.timeout(120)
def test_the_next_request_is_under_way_while_the_caller_looks_at_an_outcome() -> None:
    with answering_together(1) as (url, arrived):
        store = S3Storage(config_of(url), concurrency=1)
        outcomes = store.perform_many(Get(bucket=BUCKET, key=key) for key in "abc")
        next(outcomes)
        asked = [arrived.get(timeout=PATIENCE_S) for _ in range(2)]
        assert [path[-1] for path in asked] == ["a", "b"]
        assert len(list(outcomes)) == 2
        store.close()
