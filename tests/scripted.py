"""An S3 server that says what a test wants, and a client of ours that listens to it."""

import contextlib
import dataclasses
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

from astrid_sdk.config import StorageConfig
from astrid_sdk.storage.http_limits import Timeouts
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.retrying import RetryPolicy

HIDDEN = "hidden-value-3141"
BUCKET = "astrid-storage"
BODY = b"body"
BODY_ETAG = f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"'


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a scripted server says."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    cut: int = 0  # bytes promised in Content-Length and never sent


@contextlib.contextmanager
def scripted(answers: Mapping[str, Answer | Sequence[Answer]]) -> Iterator[R2StorageClient]:
    """Serve one answer per HTTP method, or several of which the last is repeated."""
    left = {
        method: [said] if isinstance(said, Answer) else list(said)
        for method, said in answers.items()
    }

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said, *later = left[self.command]
            left[self.command] = later or [said]
            self.send_response(said.status)
            length = {"Content-Length": str(len(said.body) + said.cut)}
            for name, value in (length | dict(said.headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body if self.command != "HEAD" else b"")

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

        @override
        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with serving(Handler) as url:
        yield client_of(url)


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve requests in threads, and yield the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def config_of(endpoint_url: str) -> StorageConfig:
    return StorageConfig("account", "key-id", HIDDEN, BUCKET, r2_endpoint_url=endpoint_url)


def client_of(endpoint_url: str) -> R2StorageClient:
    return R2StorageClient(
        config_of(endpoint_url),
        retry=RetryPolicy(attempts=2, base_s=0.01),
        timeouts=Timeouts(connect_s=1.0, idle_s=2.0, answer_s=5.0),
    )


def head_of(size_bytes: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, headers={"Content-Length": str(size_bytes)} | named)


def put(client: R2StorageClient, *, create_only: bool = False) -> str:
    return client.upload_file(BUCKET, "a", BODY, "text/plain", create_only=create_only)
