"""What may be believed of an HTTP answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.storage.http_message import AnswerParser, BadAnswerError, HttpAnswer, HttpRequest

GET = HttpRequest("GET", "/b/k", {"host": "r2.test"})
PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "m"\r\n\r\nhello'
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3;note=x\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n"
)


def parsed(data: bytes, request: HttpRequest = GET) -> AnswerParser:
    parser = AnswerParser(request)
    parser.feed(data)
    return parser


def whole(data: bytes, request: HttpRequest = GET) -> HttpAnswer:
    answer = parsed(data, request).answer
    assert answer is not None
    return answer


@pytest.mark.parametrize("data", [PLAIN, CHUNKED])
@given(st.data())
def test_an_answer_is_the_same_however_it_is_cut(data: bytes, draw: st.DataObject) -> None:
    places = draw.draw(st.lists(st.integers(1, len(data) - 1), unique=True).map(sorted))
    parser = AnswerParser(GET)
    for start, stop in zip([0, *places], [*places, len(data)], strict=True):
        assert parser.answer is None
        parser.feed(data[start:stop])
    assert parser.answer is not None
    assert (parser.answer.status, parser.answer.body) == (200, b"hello")
    assert parser.keeps_alive


def test_names_of_headers_are_in_lower_case() -> None:
    assert whole(PLAIN).headers == {"content-length": "5", "etag": '"m"'}


def test_an_invitation_to_continue_is_no_answer() -> None:
    assert whole(b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN).body == b"hello"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_answers_have_no_body(status: bytes) -> None:
    assert whole(b"HTTP/1.1 " + status + b"\r\n\r\n").body == b""


def test_a_head_has_no_body_whatever_its_length() -> None:
    head = HttpRequest("HEAD", "/b/k", {})
    assert whole(PLAIN.removesuffix(b"hello"), head).headers["content-length"] == "5"


def test_a_partial_body_of_the_buffers_length_is_put_there() -> None:
    buffer = memoryview(bytearray(5))
    answer = whole(
        PLAIN.replace(b"200 OK", b"206 Partial"), HttpRequest("GET", "/", {}, into=buffer)
    )
    assert (bytes(buffer), answer.body, answer.into_bytes) == (b"hello", b"", 5)


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
def test_any_other_body_leaves_the_buffer_alone(status: bytes) -> None:
    buffer = memoryview(bytearray(5))
    answer = whole(PLAIN.replace(b"200 OK", status), HttpRequest("GET", "/", {}, into=buffer))
    assert (bytes(buffer), answer.body) == (bytes(5), b"hello")


@pytest.mark.parametrize(
    "data",
    [
        b"<html>please log in</html>\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswerError):
        parsed(data)


@pytest.mark.parametrize("data", [PLAIN[:-1], CHUNKED[:-4], PLAIN[:20], b""])
def test_an_answer_that_breaks_off_is_refused(data: bytes) -> None:
    parser = parsed(data) if data else AnswerParser(GET)
    with pytest.raises(BadAnswerError, match="closed"):
        parser.ended()


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    parser = parsed(b"HTTP/1.0 200 OK\r\n\r\nhello")
    parser.ended()
    assert parser.answer is not None
    assert parser.answer.body == b"hello"
    assert not parser.keeps_alive


@pytest.mark.parametrize(
    "data",
    [
        PLAIN + b"more",
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN.replace(b"ETag", b"Connection: close\r\nETag"),
    ],
)
def test_a_connection_that_cannot_be_trusted_is_not_used_again(data: bytes) -> None:
    parser = parsed(data)
    assert parser.answer is not None
    assert not parser.keeps_alive
