"""HTTP/1.1 messages, strictly: what is sent, and what may be believed of what comes back."""

import dataclasses
import functools
import re
from collections.abc import Mapping

from astrid_sdk.storage.operations import Body

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MOST_HEAD_BYTES = 64 << 10
_MOST_CHUNK_LINE_BYTES = 1 << 10
_NO_BODY = {204, 304}
_CONTINUE_BELOW = 200


class BadAnswerError(Exception):
    """What came is no HTTP answer, or promises what it does not keep."""


@dataclasses.dataclass(slots=True)
class HttpRequest:
    """One request, signed and ready.

    Parameters
    ----------
    method : str
    target : str
        Encoded path and query.
    headers : mapping
    body : bytes-like
    into : memoryview, optional
        Where a body that came with status 206 is put, if it is just as long.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Body = b""
    into: memoryview | None = None

    def head(self) -> bytes:
        """Return the request line and headers as bytes."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        text = f"{self.method} {self.target} HTTP/1.1\r\n{lines}content-length: {len(self.body)}"
        return f"{text}\r\n\r\n".encode("latin-1")


@dataclasses.dataclass(slots=True)
class HttpAnswer:
    """One whole answer. Header names are in lower case.

    `into_bytes` of the body stand in the request's buffer instead of in `body`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    into_bytes: int = 0


class AnswerParser:
    """Puts one answer together from what is received.

    Parameters
    ----------
    request : HttpRequest
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._pending = b""
        self._chunks: list[bytes] = []
        self._missing = -1  # of a body whose length was told; -1: the length is not known
        self._is_chunked = False
        self._into: memoryview | None = None
        self._into_bytes = 0
        self._status = 0
        self._headers: dict[str, str] = {}
        self.answer: HttpAnswer | None = None
        self.keeps_alive = True

    @property
    def room(self) -> memoryview | None:
        """Where the next bytes may be received directly, if anywhere."""
        if self._into is None or self.answer is not None:
            return None
        return self._into[self._into_bytes :]

    def took(self, length: int) -> None:
        """Note that so many bytes were received into `room`."""
        self._into_bytes += length
        self._missing -= length
        if self._missing == 0:
            self._finish()

    def feed(self, data: bytes) -> None:
        """Take the next bytes; `answer` is set when the last one came.

        Raises
        ------
        BadAnswerError
        """
        if self._status == 0:
            data = self._pending + data if self._pending else data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if len(data) > _MOST_HEAD_BYTES:
                    raise BadAnswerError("headers without end")
                self._pending = data
                return
            self._pending = b""
            self._take_head(data[:end])
            if self._status < _CONTINUE_BELOW:  # "100 Continue": the answer is still to come
                self._status = 0
                if len(data) > end + 4:
                    self.feed(data[end + 4 :])
                return
            data = data[end + 4 :]
            self._begin_body()
        if data and self.answer is None:
            self._take_body(data)
        elif data:
            self.keeps_alive = False  # more than was promised: the next answer could be anything's

    def ended(self) -> None:
        """Note that the other side closed the connection.

        Raises
        ------
        BadAnswerError
            The answer is not complete.
        """
        self.keeps_alive = False
        if self._status >= _CONTINUE_BELOW and self._missing < 0 and not self._is_chunked:
            self._finish()  # its end is the end of the connection
        elif self.answer is None:
            raise BadAnswerError("the connection was closed in the middle of an answer")

    def _take_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        found = _STATUS_LINE.fullmatch(first)
        if found is None:
            raise BadAnswerError("no status line")
        self._status = int(found[2])
        headers: dict[str, str] = {}
        for line in lines:
            name, value = _header(line)
            if name == "content-length" and headers.get(name, value) != value:
                raise BadAnswerError("two lengths")
            headers[name] = value if name not in headers else f"{headers[name]}, {value}"
            if name == "content-length":
                headers[name] = value
        self._headers = headers
        wants_close = "close" in headers.get("connection", "").lower()
        self.keeps_alive = self.keeps_alive and found[1] == b"1" and not wants_close

    def _begin_body(self) -> None:
        coding = self._headers.get("transfer-encoding", "").lower()
        length = self._headers.get("content-length")
        if coding not in {"", "chunked"} or (coding and length is not None):
            raise BadAnswerError("a body of unclear length")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise BadAnswerError("a length that is no number")
        if self._request.method == "HEAD" or self._status in _NO_BODY:
            self._finish()
        elif coding:
            self._is_chunked = True
        elif length is not None:
            self._missing = int(length)
            self._choose_buffer()
            if self._missing == 0:
                self._finish()

    def _choose_buffer(self) -> None:
        into = self._request.into
        if into is not None and self._status == 206 and self._missing == len(into):  # noqa: PLR2004
            self._into = into

    def _take_body(self, data: bytes) -> None:
        if self._is_chunked:
            self._take_chunks(data)
            return
        if self._missing >= 0 and len(data) > self._missing:
            data = data[: self._missing]
            self.keeps_alive = False
        if self._into is not None:
            self._into[self._into_bytes : self._into_bytes + len(data)] = data
            self.took(len(data))
            return
        self._chunks.append(data)
        if self._missing >= 0:
            self._missing -= len(data)
            if self._missing == 0:
                self._finish()

    def _take_chunks(self, data: bytes) -> None:
        data = self._pending + data if self._pending else data
        while True:
            end = data.find(b"\r\n")
            if end < 0:
                if len(data) > _MOST_CHUNK_LINE_BYTES:
                    raise BadAnswerError("a chunk without a length")
                break
            size = _chunk_size(data[:end])
            if size == 0:
                if data.find(b"\r\n\r\n", end) < 0:  # trailers
                    break
                self._finish()
                return
            stop = end + 2 + size
            if len(data) < stop + 2:
                break
            if data[stop : stop + 2] != b"\r\n":
                raise BadAnswerError("a chunk of another length than it says")
            self._chunks.append(data[end + 2 : stop])
            data = data[stop + 2 :]
        self._pending = data

    def _finish(self) -> None:
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self.answer = HttpAnswer(self._status, self._headers, body, self._into_bytes)


@functools.lru_cache(maxsize=256)  # most lines of an answer stood in the answer before
def _header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.decode("latin-1").partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise BadAnswerError("a header that is none")
    return name.lower(), value.strip(" \t")


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError:
        raise BadAnswerError("a chunk without a length") from None
