"""HTTP/1.1 messages of S3 as values, and how they are read from a stream and written as bytes."""

import asyncio
import dataclasses
import functools
import http
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]

_SUBRESOURCES = frozenset(
    {
        *("acl", "cors", "encryption", "legal-hold", "lifecycle", "location", "logging"),
        *("notification", "object-lock", "ownershipControls", "policy", "publicAccessBlock"),
        *("replication", "retention", "tagging", "torrent", "versioning", "versions", "website"),
    }
)
_OF_OBJECTS = {"GET": "get", "HEAD": "head", "DELETE": "delete", "PUT": "put", "POST": "post"}
_OF_BUCKETS = {
    "GET": "list",
    "HEAD": "head-bucket",
    "PUT": "create-bucket",
    "DELETE": "delete-bucket",
    "POST": "delete-many",
}
_OF_UPLOADS = {"PUT": "part", "POST": "complete", "DELETE": "abort", "GET": "parts"}
_NO_BODY = frozenset({204, 304})


def header(headers: Headers, name: str) -> str | None:
    """Return the first header of that name, whatever its case."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def without(headers: Headers, *names: str) -> Headers:
    """Return `headers` without those names."""
    gone = {name.lower() for name in names}
    return tuple(pair for pair in headers if pair[0].lower() not in gone)


def replaced(headers: Headers, changes: Mapping[str, str]) -> Headers:
    """Return `headers` with `changes` in the place of what has their names."""
    return (*without(headers, *changes), *changes.items())


@dataclasses.dataclass(frozen=True)
class Request:
    """One request of an S3 client that addresses buckets by path.

    Parameters
    ----------
    method : str
    target : str
        Path and query as they were sent.
    headers : tuple of pairs
    body : bytes, optional
        As it was sent: a chunked one is put together.
    prefix : str, optional
        The part of the path that belongs to the endpoint.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = dataclasses.field(default=b"", repr=False)
    prefix: str = ""

    @functools.cached_property
    def path(self) -> str:
        """The decoded path below the endpoint, with its first slash."""
        raw = urllib.parse.urlsplit(self.target).path
        return urllib.parse.unquote(raw.removeprefix(self.prefix))

    @functools.cached_property
    def query(self) -> Mapping[str, str]:
        """The decoded query; a name without value has the value ``""``."""
        raw = urllib.parse.urlsplit(self.target).query
        return dict(urllib.parse.parse_qsl(raw, keep_blank_values=True))

    @property
    def bucket(self) -> str:
        """The bucket's name, or ``""``."""
        return self.path.removeprefix("/").partition("/")[0]

    @property
    def key(self) -> str:
        """The object's key, or ``""``."""
        return self.path.removeprefix("/").partition("/")[2]

    @functools.cached_property
    def operation(self) -> str:
        """What is asked, in one word, such as ``"put"``, ``"part"``, ``"list"``."""
        if _SUBRESOURCES & set(self.query):
            return "subresource"
        if not self.key:
            return self._on_bucket()
        if "uploadId" in self.query:
            return _OF_UPLOADS.get(self.method, "other")
        if "uploads" in self.query:
            return "begin"
        is_copy = self.method == "PUT" and self.header("x-amz-copy-source") is not None
        return "copy" if is_copy else _OF_OBJECTS.get(self.method, "other")

    def _on_bucket(self) -> str:
        if not self.bucket:
            return "buckets"
        return "uploads" if "uploads" in self.query else _OF_BUCKETS.get(self.method, "other")

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return header(self.headers, name)

    def with_query(self, **changes: str) -> "Request":
        """Return the request with other query values."""
        parts = urllib.parse.urlsplit(self.target)
        query = urllib.parse.urlencode({**self.query, **changes}, quote_via=urllib.parse.quote)
        return dataclasses.replace(self, target=f"{parts.path}?{query}")

    def to_bytes(self) -> bytes:
        """Return the request as it is sent on: its own connection, its body of known length."""
        hop = {"Connection": "close", "Content-Length": str(len(self.body))}
        if not self.body and self.method in {"GET", "HEAD", "DELETE"}:
            del hop["Content-Length"]
        kept = without(self.headers, "Expect", "Transfer-Encoding", "Content-Length", "Connection")
        return _head(f"{self.method} {self.target} HTTP/1.1", (*kept, *hop.items())) + self.body


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer; of one to HEAD the headers say the length that a body would have."""

    status: int
    headers: Headers = ()
    body: bytes = dataclasses.field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return header(self.headers, name)

    def sized(self) -> "Answer":
        """Return the answer with its length told, where answers of that status have one."""
        if self.header("Content-Length") is not None or self.status in _NO_BODY:
            return self
        return self.with_headers({"Content-Length": str(len(self.body))})

    def head(self) -> bytes:
        """Return the status line and the headers."""
        return _head(f"HTTP/1.1 {self.status} {_reason(self.status)}", self.headers)

    def with_body(self, body: bytes) -> "Answer":
        """Return the answer with another body and its length."""
        return dataclasses.replace(self, body=body, headers=without(self.headers, "Content-Length"))

    def with_headers(self, changes: Mapping[str, str]) -> "Answer":
        """Return the answer with other headers."""
        return dataclasses.replace(self, headers=replaced(self.headers, changes))

    def without_headers(self, *names: str) -> "Answer":
        """Return the answer without those headers."""
        return dataclasses.replace(self, headers=without(self.headers, *names))


async def read_request(reader: asyncio.StreamReader, prefix: str) -> Request | None:
    """Read the head of a request; None when the client has closed the connection."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, headers = _parsed(raw)
    method, target, _version = first.split(" ", 2)
    return Request(method, target, headers, prefix=prefix)


async def read_body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    """Read the body that `headers` announce; without an announcement there is none."""
    if "chunked" in (header(headers, "Transfer-Encoding") or ""):
        return await _read_chunks(reader)
    return await reader.readexactly(int(header(headers, "Content-Length") or 0))


async def read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    """Read the answer to a request of that method."""
    first, headers = _parsed(await reader.readuntil(b"\r\n\r\n"))
    status = int(first.split(" ", 2)[1])
    if status == http.HTTPStatus.CONTINUE:
        return await read_answer(reader, method)
    kept = without(headers, "Connection", "Keep-Alive", "Transfer-Encoding")
    if method == "HEAD" or status in _NO_BODY:
        return Answer(status, kept)
    if header(headers, "Transfer-Encoding") or header(headers, "Content-Length"):
        return Answer(status, kept, await read_body(reader, headers))
    return Answer(status, kept, await reader.read())


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    while (await reader.readline()).strip():  # trailers
        pass
    return b"".join(pieces)


def _parsed(raw: bytes) -> tuple[str, Headers]:
    first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, tuple((name.strip(), value.strip()) for name, _, value in pairs)


def _head(first: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:  # Cloudflare's own, 520 to 527
        return "Unknown"
