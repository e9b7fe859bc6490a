"""What the REST service costs: the same store asked through it, and through the SDK directly.

``python -m benchmarks.rest`` makes a store in a folder (``--endpoint``: on an S3 server), serves
it in a process of its own, and prints in one run: how fast a large content comes, how many small
ones come in a second, and how far the service's memory grows during a large upload.

Small contents are asked for by as many callers at a time on both sides: by threads that call the
SDK, and over as many connections that are kept. The client of the latter is one thread on plain
sockets, as a load generator is: it takes 30 to 70 microseconds of a request, so it does not measure
itself.
"""

import hashlib
import http.client
import os
import re
import secrets
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click
import numpy as np

import astrid_sdk
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.buffers import Buffers
from benchmarks.memory import folder_in_memory
from benchmarks.servers import Place

MIB = 1 << 20
SMALL_BYTES = 16 << 10
DOWNLOAD_GOAL, SMALL_GOAL, GROWTH_GOAL = 0.60, 0.50, 64 * MIB
_ASTRID = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
_ROOM = 6 << 30
_CLIENTS = 8
_RECEIVED_BYTES = 64 << 10
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")


@dataclass(frozen=True)
class Service:
    """A service that runs."""

    port: int
    pid: int

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def resident_bytes(self) -> int:
        """Return how much memory it has now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@click.command()
@click.option("--size", type=int, default=512, show_default=True, help="MiB of the large content.")
@click.option("--upload", type=int, default=2048, show_default=True, help="MiB of the upload.")
@click.option("--count", type=int, default=1_000, show_default=True, help="Small contents.")
@click.option("--rounds", type=int, default=3, show_default=True)
@click.option("--endpoint", help="An S3 server; without it a folder.")
@click.option(
    "--scratch", type=click.Path(file_okay=False, path_type=Path), help="Where the store is."
)
def main(
    size: int, upload: int, count: int, rounds: int, endpoint: str | None, scratch: Path | None
) -> None:
    """Measure the service beside the SDK, and say whether the goals were met."""
    where = scratch or folder_in_memory(_ROOM)
    with tempfile.TemporaryDirectory(dir=where) as folder:
        place = Place(f"rest-{secrets.token_hex(4)}", endpoint, Path(folder))
        environment = {**place.environment(), "ASTRID_STORE": folder}
        if endpoint is not None:
            environment |= {
                "ASTRID_R2_BUCKET_NAME": place.bucket,
                "ASTRID_R2_ENDPOINT_URL": endpoint,
            }
        with _opened(place) as astrid:
            astrid.prepare()
            large, small = _filled(astrid, size, count)
            with _served(environment) as service:
                met = [
                    _download(astrid, service, large, size, rounds),
                    _small(astrid, service, small, rounds),
                    _growth(service, upload),
                ]
    sys.exit(0 if all(met) else 1)


def _opened(place: Place) -> AstridSession:
    if place.endpoint is None:
        return astrid_sdk.connect(place.folder)
    return astrid_sdk.connect(config=place.config())


def _filled(astrid: AstridSession, size: int, count: int) -> tuple[str, Sequence[str]]:
    content = np.random.default_rng(1).bytes(size * MIB)
    large = astrid.cas.store_data(content, "application/octet-stream", name="large")
    folder = astrid.home / "small"
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}").write_bytes(number.to_bytes(8, "big") * (SMALL_BYTES // 8))
    report = astrid.cas.store_files(sorted(folder.iterdir()), "application/octet-stream")
    astrid.catalog.refresh()
    return large, [stored.content_hash for stored in report.stored]


def _download(astrid: AstridSession, service: Service, large: str, size: int, rounds: int) -> bool:
    def directly() -> None:
        for _ in astrid.cas.retrieve_stream(large):
            pass

    def over_http() -> None:
        connection = service.connection()
        connection.request("GET", f"/storage/download/{large}")
        answer = connection.getresponse()
        buffer = Buffers(MIB).take()  # or the kernel copies slowly, and that is measured
        while answer.readinto(buffer):
            pass
        connection.close()

    ours, theirs = _fastest(rounds, directly, over_http)
    print(f"download of {size} MiB: {size / theirs:.0f} MiB/s, directly {size / ours:.0f} MiB/s")
    return _goal("share of the direct throughput", ours / theirs, DOWNLOAD_GOAL)


def _small(astrid: AstridSession, service: Service, hashes: Sequence[str], rounds: int) -> bool:
    def directly() -> None:
        with ThreadPoolExecutor(_CLIENTS) as pool:
            found = pool.map(lambda each: len(astrid.cas.retrieve_data(each)), hashes)
            assert set(found) == {SMALL_BYTES}  # noqa: S101 - or it is no measurement

    def over_http() -> None:
        assert set(_lengths(service, hashes)) == {SMALL_BYTES}  # noqa: S101 - as above

    ours, theirs = _fastest(rounds, directly, over_http)
    count = len(hashes)
    print(f"{count} of 16 KiB: {count / theirs:.0f}/s, directly {count / ours:.0f}/s")
    return _goal("share of the direct rate", ours / theirs, SMALL_GOAL)


def _lengths(service: Service, hashes: Sequence[str]) -> Iterator[int]:
    """Ask for contents over some connections at a time; yield the lengths of the bodies."""
    remaining = iter(hashes)
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(_CLIENTS):
            connection = stack.enter_context(_Asking(service.port))
            if connection.ask(remaining):
                selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select():
                asking: _Asking = key.fileobj  # type: ignore[assignment]  # as registered
                if (length := asking.read()) is not None:
                    yield length
                    if not asking.ask(remaining):
                        selector.unregister(asking)


class _Asking:
    """A connection that is kept, with one request at a time."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"127.0.0.1:{port}"
        self._answer = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, hashes: Iterator[str]) -> bool:
        """Ask for the next content; False where there is none."""
        content_hash = next(hashes, None)
        if content_hash is None:
            return False
        line = f"GET /storage/download/{content_hash} HTTP/1.1"
        self._socket.sendall(f"{line}\r\nHost: {self._host}\r\n\r\n".encode())
        self._answer = b""
        return True

    def read(self) -> int | None:
        """Read what came; return the length of the body once it is complete."""
        came = self._socket.recv(_RECEIVED_BYTES)
        self._answer += came
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not came or (end and not head.startswith(b"HTTP/1.1 200 ")):
            raise RuntimeError("the service did not answer as it should")
        announced = _LENGTH.search(head)
        is_complete = end and announced is not None and len(body) == int(announced[1])
        return len(body) if is_complete else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()


def _growth(service: Service, size: int) -> bool:
    block = bytearray(np.random.default_rng(2).bytes(MIB))

    def blocks() -> Iterator[bytes]:
        for number in range(size):
            block[:8] = number.to_bytes(8, "big")
            yield bytes(block)

    digest = hashlib.sha256()
    for piece in blocks():
        digest.update(piece)
    _put(service, iter([bytes(block)] * 20), 20)  # everything is imported once
    before, most = service.resident_bytes(), [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], service.resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    told = _put(service, blocks(), size)
    seconds = time.perf_counter() - began
    over.set()
    watcher.join()
    assert digest.hexdigest() in told  # noqa: S101 - or it is no measurement
    grown = most[0] - before
    print(f"upload of {size} MiB: {size / seconds:.0f} MiB/s, memory grew by {grown / MIB:.0f} MiB")
    print(
        f"  goal: less than {GROWTH_GOAL // MIB} MiB: {'met' if grown < GROWTH_GOAL else 'MISSED'}"
    )
    return grown < GROWTH_GOAL


def _put(service: Service, body: Iterator[bytes], size: int) -> str:
    connection = service.connection()
    headers = {"Content-Length": str(size * MIB), "Content-Type": "application/octet-stream"}
    connection.request("POST", "/storage/upload", body=body, headers=headers)
    told = connection.getresponse().read().decode()
    connection.close()
    return told


def _fastest(rounds: int, *works: Callable[[], None]) -> list[float]:
    """Return the seconds of the fastest round of each, which take turns."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for seconds, work in zip(taken, works, strict=True):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
    print(f"  medians: {', '.join(f'{statistics.median(each):.2f} s' for each in taken)}")
    return [min(seconds) for seconds in taken]


def _goal(what: str, reached: float, wanted: float) -> bool:
    met = reached >= wanted
    print(f"  {what}: {reached:.0%}, goal {wanted:.0%}: {'met' if met else 'MISSED'}")
    return met


@contextmanager
def _served(environment: Mapping[str, str]) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", _ASTRID, "serve", "--port", str(port)],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    service = Service(port, process.pid)
    try:
        while not _answers(service):
            if process.poll() is not None:
                raise RuntimeError("the service did not start")
            time.sleep(0.2)
        yield service
    finally:
        process.terminate()
        process.wait(60)


def _answers(service: Service) -> bool:
    with suppress(OSError):
        connection = service.connection()
        connection.request("GET", "/health/live")
        connection.getresponse().read()
        connection.close()
        return True
    return False


if __name__ == "__main__":
    main()
