"""How much, how often, how long: what goes beyond is refused, and says when to come back."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from api.here import Here, Keys, caller, embedded, session_on
from stores import WrappedStore, local_store
from typing_extensions import override

from astrid_sdk.api.limits import Pace, RateLimiter
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.errors import InvalidInputError, RateLimitedError
from astrid_sdk.storage.operations import Operation

ResultT = TypeVar("ResultT")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """A service that takes little, of slow clients less."""
    with Here(
        embedded(tmp_path_factory.mktemp("small") / "store"),
        max_upload_bytes=100_000,
        max_url_bytes=500,
        max_header_bytes=2_000,
        idle_timeout_s=0.5,
        min_bytes_per_s=1_000,
    ) as here:
        yield here


def test_an_upload_beyond_the_limit_is_refused_and_leaves_nothing(small: Here) -> None:
    requests: list[dict[str, Any]] = [
        {"content": b"x" * 100_001},
        {"files": {"file": b"x" * 200_000}},
    ]
    for request in requests:
        answer = small.client.post("/storage/upload", **request)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert small.client.post("/storage/upload", content=b"x" * 100_000).status_code == 201
    assert list(small.service.uploads.iterdir()) == []


def test_a_body_whose_length_is_not_told_is_counted_as_it_comes(small: Here) -> None:
    answer = small.client.post("/storage/upload", content=(b"x" * 1000 for _ in range(150)))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_of_another_request_has_a_limit_too(tmp_path: Path) -> None:
    with Here(embedded(tmp_path / "store"), max_body_bytes=1000) as here:
        wanted = {"message": "m", "files": [], "more": "x" * 2000}
        answer = here.client.post("/storage/datasets/a/version", json=wanted)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_of_another_request_must_tell_its_length(small: Here) -> None:
    url = "/storage/datasets/a/version"
    headers = {"Content-Type": "application/json"}
    answer = small.client.post(url, content=(b"{}" for _ in range(2)), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (411, "no_length")


def test_a_url_and_headers_have_limits(small: Here) -> None:
    answer = small.client.get("/health/live", params={"x": "y" * 600})
    assert (answer.status_code, answer.json()["code"]) == (414, "url_too_long")
    answer = small.client.get("/health/live", headers={"X-Long": "y" * 2_000})
    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


def test_headers_without_end_end_the_connection(small: Here) -> None:
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):  # noqa: PT012 - it takes some
            for number in range(10_000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"y" * 1000))
            raise ConnectionResetError(connection.recv(10))


def test_a_client_that_stops_sending_is_cut(small: Here) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", small.port, timeout=30)
    connection.putrequest("POST", "/storage/upload")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"only this")
    answer = connection.getresponse()
    assert answer.status == 408
    assert answer.headers["connection"] == "close"
    connection.close()


def test_a_body_that_ends_early_is_not_stored(small: Here) -> None:
    before = small.session.content_hashes()
    with socket.create_connection(("127.0.0.1", small.port)) as connection:
        connection.sendall(
            b"POST /storage/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc"
        )
    time.sleep(0.5)
    assert small.session.content_hashes() == before


def test_a_pace_counts_what_came_against_the_time_it_was_waited_for() -> None:
    clock = Clock()
    pace = Pace(idle_s=10, min_bytes_per_s=100, clock=clock)
    pace._moving_s = 12.0
    pace.moved(200)
    pace._moving_s = 20.0
    with pytest.raises(InvalidInputError) as raised:
        pace.moved(100)
    assert raised.value.kind == "slow_client"


def test_tokens_come_back_at_their_pace() -> None:
    clock = Clock()
    rates = RateLimiter(2.0, burst=3, clock=clock)
    for _ in range(3):
        rates.take("ann")
    with pytest.raises(RateLimitedError) as raised:
        rates.take("ann")
    assert raised.value.retry_after_s == 0.5
    rates.take("bob")
    clock.now = 0.5
    rates.take("ann")
    with pytest.raises(RateLimitedError):
        rates.take("ann")


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    keys = Keys(a=caller("ann"), b=caller("bob"))
    session = embedded(tmp_path / "store")
    with Here(session, keys, requests_per_s=0.01, request_burst=2) as here:
        ann, bob = ({"X-API-Key": name} for name in "ab")
        answers = [here.client.get("/storage/find", headers=ann) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        assert int(answers[-1].headers["retry-after"]) > 50
        assert answers[-1].json()["code"] == "too_many_requests"
        assert here.client.get("/storage/find", headers=bob).status_code == 200
        assert here.client.get("/health/live").status_code == 200


class HeldStore(WrappedStore):
    """Waits before chosen operations until it is let go."""

    def __init__(self, folder: Path, verb: str) -> None:
        super().__init__(local_store(folder))
        self._verb = verb
        self.held = False
        self.go = threading.Event()
        self.reached = threading.Event()

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        if self.held and operation.verb == self._verb:
            self.reached.set()
            self.go.wait(30)
        return super().perform(operation)


def test_one_transfer_more_than_there_is_room_for_is_told_to_come_back(tmp_path: Path) -> None:
    store = HeldStore(tmp_path, "get")
    with Here(session_on(store, tmp_path), transfers=1, transfer_wait_s=0.2) as here:
        content_hash = here.put(b"some bytes")
        url = f"/storage/download/{content_hash}"
        here.client.get(url)
        store.held = True
        first = threading.Thread(target=lambda: here.client.get(url))
        first.start()
        assert store.reached.wait(30)
        answer = here.client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert "retry-after" in answer.headers
        assert here.client.get("/health/live").status_code == 200
        store.go.set()
        first.join()
        assert here.client.get(url).status_code == 200


def test_what_takes_too_long_is_answered_in_time(tmp_path: Path) -> None:
    store = HeldStore(tmp_path, "list")
    with Here(session_on(store, tmp_path), request_deadline_s=0.3) as here:
        store.held = True
        answer = here.client.get("/storage/find")
        assert (answer.status_code, answer.json()["code"]) == (504, "deadline")
        store.held = False
        store.go.set()
        assert here.client.get("/storage/find").status_code == 200


def test_a_client_that_takes_nothing_is_cut(tmp_path: Path) -> None:
    with Here(embedded(tmp_path / "store"), idle_timeout_s=0.5, transfers=1) as here:
        content_hash = here.put(bytes(64 << 20))
        request = f"GET /storage/download/{content_hash} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with socket.create_connection(("127.0.0.1", here.port), timeout=30) as connection:
            connection.sendall(request.encode())
            # the only turn is free again although this client never reads
            assert (
                here.client.get(f"/storage/download/{content_hash}", timeout=30).status_code == 200
            )


def test_a_limit_of_nothing_is_no_setting() -> None:
    with pytest.raises(InvalidInputError, match="ASTRID_API_TRANSFERS"):
        ApiSettings(transfers=0)


def test_settings_are_read_from_their_variables() -> None:
    given = {
        "ASTRID_API_MAX_UPLOAD_BYTES": "5",
        "ASTRID_API_IDLE_TIMEOUT_S": "2.5",
        "ASTRID_API_REQUESTS_PER_S": "9",
        "ASTRID_API_ALLOWED_HOSTS": "a.example, b.example",
        "ASTRID_API_HOST": "::1",
    }
    found = ApiSettings.from_environment(given)
    assert (found.max_upload_bytes, found.idle_timeout_s, found.requests_per_s) == (5, 2.5, 9.0)
    assert (found.allowed_hosts, found.host) == (("a.example", "b.example"), "::1")
    with pytest.raises(InvalidInputError, match="ASTRID_API_PORT"):
        ApiSettings.from_environment({"ASTRID_API_PORT": "many"})
