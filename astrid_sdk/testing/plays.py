"""The faults seen in the field, by name."""

import base64
import dataclasses
import gzip
import hashlib
import re
from collections.abc import Callable, Mapping

from astrid_sdk.testing.faults import Delivery, Play
from astrid_sdk.testing.r2_codes import REFUSALS
from astrid_sdk.testing.wire import Answer, Request, replaced, without

_XML = {"Content-Type": "application/xml"}
_PAGE = (
    b"<!DOCTYPE html><html><head><title>Error</title></head><body>Sorry, no listing.</body></html>"
)
_LONG_AGO = "Thu, 01 Jan 2015 00:00:00 GMT"
_HTML_HEADERS = (("Content-Type", "text/html"),)


def other_answer(key: str) -> Play:
    """Return the play that answers with all that belongs to another object of the bucket."""

    def change(request: Request) -> Request:
        parts = request.target.partition("?")
        target = f"{request.prefix}/{request.bucket}/{key}{parts[1]}{parts[2]}"
        conditions = ("If-Match", "If-None-Match")
        headers = without(request.headers, *conditions)
        return dataclasses.replace(request, target=target, headers=headers)

    return Play(change=change)


def refusing(code: str, headers: Mapping[str, str] | None = None) -> Play:
    """Return the play that refuses with that code of R2; nothing is done."""
    return Play(answer=lambda _: REFUSALS[code].answer(headers))


def done_but(code: str) -> Play:
    """Return the play that does what was asked, and then says `code`."""
    return Play(edit=lambda _, __: REFUSALS[code].answer())


def page(status: int) -> Play:
    """Return the play that answers with a web page, as a gateway does; nothing is done."""
    return Play(answer=lambda _: Answer(status, _HTML_HEADERS, _PAGE))


def redirect(status: int) -> Play:
    """Return the play that sends the client to another place."""
    there = (("Location", "http://127.0.0.1:9/elsewhere"),)
    return Play(answer=lambda _: Answer(status, there, _PAGE))


def phantom(etag: Callable[[bytes], str] | None = None) -> Play:
    """Return the play that acknowledges a write and does nothing."""

    def answer(request: Request) -> Answer:
        if request.operation == "delete":
            return Answer(204)
        mark = () if etag is None else (("ETag", f'"{etag(request.body)}"'),)
        return Answer(200, mark, _phantom_body(request))

    return Play(answer=answer)


def _phantom_body(request: Request) -> bytes:
    made = b"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;%s&quot;</ETag>"
    mark = hashlib.md5(request.body, usedforsecurity=False).hexdigest().encode()
    if request.operation == "copy":
        return b"<CopyObjectResult>" + made % mark + b"</CopyObjectResult>"
    if request.operation == "complete":
        return (
            b"<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>%s-2</ETag>"
            b"</CompleteMultipartUploadResult>"
        ) % (request.bucket.encode(), request.key.encode(), mark)
    return b""


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def flipped(data: bytes) -> bytes:
    """Return `data` with one bit in its middle turned."""
    if not data:
        return data
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _sent(damage: Callable[[bytes], bytes]) -> Play:
    """Return the play in which the body is damaged on its way to the server."""
    return Play(change=lambda asked: dataclasses.replace(asked, body=damage(asked.body)))


def _stored(damage: Callable[[bytes], bytes], *, lies: bool = False) -> Play:
    """Return the play in which the server stores something else than it was sent."""

    def change(request: Request) -> Request:
        body = damage(request.body)
        gone = ("Content-MD5", "x-amz-checksum-sha256", "x-amz-checksum-crc32")
        headers = without(request.headers, *gone)
        digest = {"x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
        return dataclasses.replace(request, body=body, headers=replaced(headers, digest))

    def lie(request: Request, answer: Answer) -> Answer:
        sha256 = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        told = {"ETag": f'"{_md5(request.body)}"', "x-amz-checksum-sha256": sha256}
        return answer.with_headers(told)

    return Play(change=change, edit=lie if lies else None)


def _body(change: Callable[[bytes], bytes]) -> Play:
    return Play(edit=lambda _, answer: answer.with_body(change(answer.body)))


def _instead(body: bytes, headers: Mapping[str, str]) -> Play:
    """Return the play that says 200 and `body`; nothing is done."""
    return Play(answer=lambda _: Answer(200, tuple(headers.items()), body))


def _xml(pattern: str, by: str) -> Play:
    """Return the play that edits the XML of an answer; nothing there to edit is a mistake."""

    def edit(_: Request, answer: Answer) -> Answer:
        text, count = re.subn(pattern, by, answer.body.decode(), flags=re.DOTALL)
        if not count:
            raise ValueError(pattern, answer.body)
        return answer.with_body(text.encode())

    return Play(edit=edit)


def _without(*names: str) -> Play:
    return Play(edit=lambda _, answer: answer.without_headers(*names))


def _with(**headers: str) -> Play:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Play(edit=lambda _, answer: answer.with_headers(told))


def _gzipped(_: Request, answer: Answer) -> Answer:
    packed = answer.with_body(gzip.compress(answer.body, mtime=0))
    return packed.with_headers({"Content-Encoding": "gzip"})


def _told_twice(_: Request, answer: Answer) -> Answer:
    lengths = (("Content-Length", "3"), ("Content-Length", str(len(answer.body))))
    return dataclasses.replace(answer, headers=(*answer.sized().headers, *lengths))


def _whole(request: Request) -> Request:
    return dataclasses.replace(request, headers=without(request.headers, "Range"))


def _shifted(_: Request, answer: Answer) -> Answer:
    told = answer.header("Content-Range") or "bytes 0-0/1"
    start, stop, size = (int(digits) for digits in re.findall(r"\d+", told))
    return answer.with_headers({"Content-Range": f"bytes {start + 1}-{stop + 1}/{size + 1}"})


def _reordered(_: Request, answer: Answer) -> Answer:
    found = re.findall(rb"<Contents>.*?</Contents>", answer.body, flags=re.DOTALL)
    start, stop = answer.body.index(found[0]), answer.body.index(found[-1]) + len(found[-1])
    backwards = b"".join(reversed(found))
    return answer.with_body(answer.body[:start] + backwards + answer.body[stop:])


def _endless(_: Request, answer: Answer) -> Answer:
    """Say that there is more, and let the same page come for ever."""
    text = re.sub(rb"<IsTruncated>.*?</IsTruncated>", b"", answer.body)
    text = re.sub(rb"<NextContinuationToken>.*?</NextContinuationToken>", b"", text)
    more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>on</NextContinuationToken>"
    return answer.with_body(text.replace(b"</ListBucketResult>", more + b"</ListBucketResult>"))


_WHERE_IT_GOES_ON = {"continuation-token", "start-after"}


def _first_page(request: Request) -> Request:
    kept = {name: text for name, text in request.query.items() if name not in _WHERE_IT_GOES_ON}
    bare = dataclasses.replace(request, target=request.target.partition("?")[0])
    return bare.with_query(**kept)


_MORE = "<IsTruncated>true</IsTruncated>"
_BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">%s]>
<ListBucketResult><Name>&z;</Name></ListBucketResult>""" % b"".join(
    b'<!ENTITY %c "%s">' % (letter + 1, b"&%c;" % letter * 10) for letter in range(97, 122)
)
_ERROR = REFUSALS["InternalError"].answer().body

PLAYS: Mapping[str, Play] = {
    **{code: refusing(code) for code in REFUSALS},
    **{f"page-{status}": page(status) for status in (403, 404, 500, 502, 504, 520, 522, 524, 527)},
    **{f"redirect-{status}": redirect(status) for status in (301, 302, 307, 308)},
    **{
        f"done-but-{code}": done_but(code)
        for code in ("InternalError", "ServiceUnavailable", "NoSuchUpload", "PreconditionFailed")
    },
    "retry-after": refusing("ServiceUnavailable", {"Retry-After": "1"}),
    # the request never arrives
    "reset-before": Play(loses_request=True, delivery=Delivery(raw=b"", then="reset")),
    "close-before": Play(loses_request=True, delivery=Delivery(raw=b"", then="close")),
    "reset-in-body": Play(early="reset"),
    "refused-early": Play(early="answer", answer=lambda _: REFUSALS["SlowDown"].answer()),
    "no-answer": Play(loses_request=True, delivery=Delivery(raw=b"", then="stall")),
    # it takes effect, and the answer does not arrive
    "lost-answer": Play(delivery=Delivery(raw=b"", then="reset")),
    "lost-answer-close": Play(delivery=Delivery(raw=b"", then="close")),
    "lost-answer-stall": Play(delivery=Delivery(raw=b"", then="stall")),
    "half-head": Play(delivery=Delivery(half_head=True, then="close")),
    "done-but-page-502": Play(edit=lambda _, __: Answer(502, _HTML_HEADERS, _PAGE)),
    "twice": Play(twice=True),
    # it is acknowledged, and does not take effect, or another one
    "phantom": phantom(),
    "phantom-wrong-etag": phantom(lambda _: "0" * 32),
    "phantom-right-etag": phantom(_md5),
    "stored-flipped": _stored(flipped),
    "stored-cut": _stored(_half),
    "stored-cut-right-etag": _stored(_half, lies=True),
    "stored-flipped-right-etag": _stored(flipped, lies=True),
    "wire-flipped": _sent(flipped),
    "wire-cut": _sent(_half),
    # the answer's bytes
    "answer-flipped": _body(flipped),
    "answer-cut": Play(delivery=Delivery(keep=0.5, then="close")),
    "answer-cut-reset": Play(delivery=Delivery(keep=0.5, then="reset")),
    "answer-cut-at-once": Play(delivery=Delivery(keep=0.0, then="close")),
    "answer-cut-matching": _body(_half),
    "answer-empty": _body(lambda _: b""),
    "answer-longer": _body(lambda body: body + b"\0"),
    "answer-swapped": _body(lambda body: body[::-1]),
    "answer-bare": _instead(b"", {}),
    "answer-page": _instead(_PAGE, {"Content-Type": "text/html"}),
    "answer-stalls": Play(delivery=Delivery(keep=0.5, then="stall")),
    "answer-trickles": Play(delivery=Delivery(byte_every_s=0.1)),
    "answer-late": Play(delivery=Delivery(delay_s=0.15)),
    "answer-gzipped": Play(edit=_gzipped),
    # the answer's form
    "garbage": Play(delivery=Delivery(raw=b"\x16\x03\x01 not http at all\r\n\r\n", then="close")),
    "huge-headers": _with(X_Filler="x" * 200_000),
    "many-headers": Play(
        edit=lambda _, answer: answer.with_headers({f"X-Filler-{i}": "x" for i in range(500)})
    ),
    "two-lengths": Play(edit=_told_twice),
    "extra-bytes": Play(delivery=Delivery(trailer=b"HTTP/1.1 500 Late\r\n\r\n")),
    "chunked": Play(delivery=Delivery(chunked=True)),
    "chunked-cut": Play(delivery=Delivery(chunked=True, keep=0.5, then="close")),
    "continue-first": Play(delivery=Delivery(preface=b"HTTP/1.1 100 Continue\r\n\r\n")),
    "close-after": Play(delivery=Delivery(says_close=True, then="close")),
    "close-after-unsaid": Play(delivery=Delivery(then="close")),
    "no-etag": _without("ETag"),
    "no-length": Play(delivery=Delivery(unsized=True, says_close=True, then="close")),
    "no-date": _without("Date", "Last-Modified"),
    "old-date": _with(Date=_LONG_AGO),
    "bad-last-modified": _with(Last_Modified="yesterday, about noon"),
    # ranges
    "range-ignored": Play(change=_whole),
    "range-shifted": Play(edit=_shifted),
    "range-untold": _without("Content-Range"),
    "range-refused": refusing("InvalidRange"),
    # listings
    "list-error": _instead(_ERROR, _XML),
    "list-empty-element": _instead(b"<ListBucketResult/>", _XML),
    "list-bomb": _instead(_BOMB, _XML),
    "list-untruncated": _xml("<IsTruncated>.*?</IsTruncated>", ""),
    "list-uncounted": _xml("<KeyCount>.*?</KeyCount>", ""),
    "list-miscounted": _xml("<KeyCount>(.*?)</KeyCount>", r"<KeyCount>1\1</KeyCount>"),
    "list-other-name": _xml("<Name>.*?</Name>", "<Name>another</Name>"),
    "list-other-prefix": _xml("<Prefix>.*?</Prefix>", "<Prefix>elsewhere/</Prefix>"),
    "list-no-size": _xml("<Size>.*?</Size>", ""),
    "list-half": _body(_half),
    "list-unended": _body(lambda body: body.replace(b"</ListBucketResult>", b"")),
    "list-more-without-token": _xml("<IsTruncated>.*?</IsTruncated>", _MORE),
    "list-reordered": Play(edit=_reordered),
    "list-endless": Play(change=_first_page, edit=_endless),
    # the last step of a large upload
    "complete-error": _instead(_ERROR, _XML),
    "complete-spaces-error": _instead(b" \n \n \n" + _ERROR.partition(b"?>")[2], _XML),
    "complete-spaces": _body(lambda body: b" \n \n" + body.partition(b"?>")[2].lstrip()),
}
"""Each play by its name."""
