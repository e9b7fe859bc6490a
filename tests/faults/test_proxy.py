"""The proxy does what it says, and so does each rule of R2 in its strict mode."""

import hashlib
import http.client
import ssl
import time
import urllib.parse
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from faults.tls import certificate
from faults.truth import SOMEBODY, Truth
from servers import MotoServer

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.retrying import RetryPolicy
from astrid_sdk.testing.fault_proxy import FaultProxy
from astrid_sdk.testing.faults import FOR_EVER, Fault
from astrid_sdk.testing.r2_rules import R2Rules

BUCKET = "astrid-proxied"
LOCKED = "locked/"
GET = frozenset({"get"})
PUT = frozenset({"put"})


class Caller:
    """One keep-alive connection to a proxy."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(proxy.endpoint_url).netloc, timeout=10
        )

    def ask(
        self, method: str, place: str, body: bytes = b"", **headers: str
    ) -> tuple[int, str, bytes]:
        """Return status, S3 error code and body."""
        told = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.ask_with(method, place, body, told)

    def ask_with(
        self, method: str, place: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str, bytes]:
        told = {"Authorization": SOMEBODY, **headers}
        self._connection.request(method, f"/{BUCKET}/{place}", body, told)
        answer = self._connection.getresponse()
        got = answer.read()
        code = got.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()
        return answer.status, code, got

    def close(self) -> None:
        self._connection.close()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def truth(moto_server: MotoServer) -> Truth:
    return Truth(moto_server.endpoint_url, BUCKET)


@pytest.fixture
def proxy(moto_server: MotoServer, truth: Truth) -> Iterator[FaultProxy]:
    del truth  # it makes the bucket
    with FaultProxy(moto_server.endpoint_url) as made:
        yield made


@pytest.fixture
def call(proxy: FaultProxy) -> Iterator[Caller]:
    caller = Caller(proxy)
    yield caller
    caller.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def strict(moto_server: MotoServer, truth: Truth, clock: Clock) -> Iterator[Caller]:
    del truth  # it makes the bucket
    rules = R2Rules(
        least_part_bytes=5 << 20, most_put_bytes=6 << 20, locked_prefixes=(LOCKED,), clock=clock
    )
    with FaultProxy(moto_server.endpoint_url, rules=rules) as proxy:
        caller = Caller(proxy)
        yield caller
        caller.close()


def test_requests_pass_as_they_are_and_are_remembered(
    proxy: FaultProxy, call: Caller, truth: Truth
) -> None:
    assert call.ask("PUT", "a%20b/c%2Bd", b"body", X_Amz_Meta_One="1")[0] == 200
    assert call.ask("GET", "a%20b/c%2Bd?x-id=GetObject")[2] == b"body"

    assert truth.get("a b/c+d") == b"body"
    put, get = proxy.log
    assert (put.operation, put.key, put.request.body, put.status) == (
        "put",
        "a b/c+d",
        b"body",
        200,
    )
    assert put.request.header("x-amz-meta-one") == "1"
    assert (get.operation, get.request.query, get.fault) == ("get", {"x-id": "GetObject"}, "")


@pytest.mark.parametrize(
    ("method", "place", "operation"),
    [
        ("PUT", "k?partNumber=1&uploadId=u", "part"),
        ("POST", "k?uploads", "begin"),
        ("POST", "k?uploadId=u", "complete"),
        ("DELETE", "k?uploadId=u", "abort"),
        ("GET", "?list-type=2&prefix=a", "list"),
        ("GET", "?uploads", "uploads"),
        ("GET", "?versioning", "subresource"),
        ("POST", "?delete", "delete-many"),
        ("HEAD", "", "head-bucket"),
        ("DELETE", "k", "delete"),
    ],
)
def test_each_request_has_a_name(
    proxy: FaultProxy, call: Caller, method: str, place: str, operation: str
) -> None:
    call.ask(method, place)

    assert [logged.operation for logged in proxy.log] == [operation]


def test_a_fault_meets_the_requests_it_is_for_as_often_as_it_should(
    proxy: FaultProxy, call: Caller
) -> None:
    fault = Fault("ServiceUnavailable", PUT, times=2, skip=1, key="nights/")
    proxy.arm(fault)

    answers = [call.ask("PUT", place, b"x")[0] for place in ("other", *["nights/a"] * 4)]

    assert answers == [200, 200, 503, 503, 200]
    assert proxy.armed() == []


def test_what_is_disarmed_does_not_happen(proxy: FaultProxy, call: Caller) -> None:
    proxy.arm(Fault("ServiceUnavailable", times=FOR_EVER))
    proxy.disarm()

    assert call.ask("PUT", "a", b"x")[0] == 200


def test_a_fault_with_an_unknown_name_cannot_be_armed(proxy: FaultProxy) -> None:
    with pytest.raises(KeyError):
        proxy.arm(Fault("no-such-play"))


@pytest.mark.parametrize(
    ("play", "landed"),
    [
        ("reset-before", False),
        ("lost-answer", True),
        ("close-before", False),
        ("lost-answer-close", True),
    ],
)
def test_a_lost_answer_is_of_a_request_that_landed_or_did_not(
    proxy: FaultProxy, call: Caller, truth: Truth, play: str, *, landed: bool
) -> None:
    truth.delete("lost")
    proxy.arm(Fault(play, PUT))

    with pytest.raises((OSError, http.client.HTTPException)):
        call.ask("PUT", "lost", b"x")

    assert (truth.get("lost") is not None) == landed


def test_a_phantom_is_acknowledged_and_not_there(
    proxy: FaultProxy, call: Caller, truth: Truth
) -> None:
    proxy.arm(Fault("phantom-right-etag", PUT))

    assert call.ask("PUT", "phantom", b"x")[0] == 200
    assert truth.get("phantom") is None


@pytest.mark.parametrize("play", ["stored-flipped", "stored-cut", "wire-flipped", "wire-cut"])
def test_damage_on_the_way_up_arrives(
    proxy: FaultProxy, call: Caller, truth: Truth, play: str
) -> None:
    proxy.arm(Fault(play, PUT))

    call.ask("PUT", "damaged", b"some bytes")

    assert truth.get("damaged") not in {None, b"some bytes"}


@pytest.mark.parametrize(
    "play", ["answer-flipped", "answer-swapped", "answer-cut-matching", "answer-empty"]
)
def test_damage_on_the_way_down_looks_like_an_answer(
    proxy: FaultProxy, call: Caller, truth: Truth, play: str
) -> None:
    truth.put("sound", b"some bytes")
    proxy.arm(Fault(play, GET))

    status, _, body = call.ask("GET", "sound")

    assert status == 200
    assert body != b"some bytes"


@pytest.mark.parametrize("play", ["answer-cut", "answer-cut-reset", "chunked-cut"])
def test_a_body_that_is_cut_is_known_to_be(
    proxy: FaultProxy, call: Caller, truth: Truth, play: str
) -> None:
    truth.put("sound", b"some bytes")
    proxy.arm(Fault(play, GET))

    with pytest.raises((OSError, http.client.HTTPException)):
        call.ask("GET", "sound")


@pytest.mark.parametrize(
    "play", ["chunked", "continue-first", "close-after", "no-length", "old-date", "twice"]
)
def test_what_is_odd_but_allowed_is_understood(
    proxy: FaultProxy, call: Caller, truth: Truth, play: str
) -> None:
    truth.put("sound", b"some bytes")
    proxy.arm(Fault(play, GET))

    assert call.ask("GET", "sound")[2] == b"some bytes"


def test_connections_are_refused_for_a_while(proxy: FaultProxy, call: Caller) -> None:
    proxy.refuse(0.1)
    with pytest.raises(ConnectionError):
        call.ask("GET", "?list-type=2")
    call.close()
    time.sleep(0.3)

    assert call.ask("GET", "?list-type=2")[0] == 200


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(proxy: FaultProxy) -> None:
    where = urllib.parse.urlsplit(proxy.endpoint_url)
    connection = http.client.HTTPConnection(where.netloc, timeout=10)
    connection.putrequest("PUT", f"/{BUCKET}/waits")
    for name, text in (("Authorization", SOMEBODY), ("Content-Length", "1")):
        connection.putheader(name, text)
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    connection.send(b"x")

    assert connection.getresponse().status == 200
    connection.close()


def test_a_certificate_that_nobody_knows_is_told_as_such(
    moto_server: MotoServer, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with FaultProxy(moto_server.endpoint_url, tls=context) as proxy:
        config = moto_server.config(BUCKET, r2_endpoint_url=proxy.endpoint_url)
        client = R2StorageClient(config, retry=RetryPolicy(attempts=2, base_s=0.01))
        with pytest.raises(StorageUnavailableError) as caught:
            client.exists(BUCKET, "any")
        client.close()

    assert caught.value.kind == "tls"


def test_a_server_that_is_away_is_a_bad_gateway() -> None:
    with FaultProxy("http://127.0.0.1:9") as proxy:
        caller = Caller(proxy)
        assert caller.ask("GET", "a")[0] == 502
        caller.close()


# R2's own rules


def test_r2_checks_the_sha256_of_a_body(strict: Caller) -> None:
    wrong = hashlib.sha256(b"other").digest()

    assert strict.ask("PUT", "a", b"x", x_amz_content_sha256=wrong.hex())[1] == (
        "XAmzContentSHA256Mismatch"
    )
    told = {"x-amz-checksum-sha256": b64encode(wrong).decode()}
    assert strict.ask_with("PUT", "a", b"x", told)[1] == "BadDigest"


def test_r2_checks_the_md5_of_a_body(strict: Caller) -> None:
    wrong = b64encode(hashlib.md5(b"other").digest()).decode()  # noqa: S324

    assert strict.ask("PUT", "a", b"x", Content_MD5=wrong)[1] == "BadDigest"
    assert strict.ask("PUT", "a", b"x", Content_MD5="no digest")[1] == "InvalidDigest"
    right = b64encode(hashlib.md5(b"x").digest()).decode()  # noqa: S324
    assert strict.ask("PUT", "a", b"x", Content_MD5=right)[0] == 200


def test_r2_takes_no_trailing_checksums(strict: Caller) -> None:
    streaming = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    assert strict.ask("PUT", "a", b"x", x_amz_content_sha256=streaming)[:2] == (401, "Unauthorized")


def test_r2_takes_one_write_a_second_of_a_key(strict: Caller, clock: Clock) -> None:
    assert strict.ask("PUT", "paced", b"1")[0] == 200
    assert strict.ask("PUT", "paced", b"2")[:2] == (429, "TooManyRequests")
    assert strict.ask("PUT", "another", b"1")[0] == 200
    clock.now += 1.0
    assert strict.ask("PUT", "paced", b"2")[0] == 200


def test_r2_keeps_what_is_locked(strict: Caller, truth: Truth) -> None:
    assert strict.ask("PUT", f"{LOCKED}new-{id(strict)}", b"x")[0] == 200
    truth.put(f"{LOCKED}a", b"kept")

    for method in ("PUT", "DELETE"):
        assert strict.ask(method, f"{LOCKED}a")[:2] == (403, "ObjectLockedByBucketPolicy")
    assert truth.get(f"{LOCKED}a") == b"kept"


def test_r2_has_no_conditional_delete(strict: Caller, truth: Truth) -> None:
    truth.put("here", b"x")

    assert strict.ask("DELETE", "here", If_Match='"any"')[:2] == (501, "NotImplemented")


@pytest.mark.parametrize("place", ["a?tagging", "a?acl", "?versioning", "?policy", "a?retention"])
def test_r2_has_no_such_part_of_s3(strict: Caller, place: str) -> None:
    assert strict.ask("GET", place)[:2] == (501, "NotImplemented")


def test_r2_takes_no_acl_beside_a_body(strict: Caller) -> None:
    assert strict.ask("PUT", "a", b"x", x_amz_acl="private")[1] == "NotImplemented"


def test_r2_bounds_metadata(strict: Caller) -> None:
    assert strict.ask("PUT", "a", b"x", x_amz_meta_long="x" * 8_190)[1] == "MetadataTooLarge"
    assert strict.ask("PUT", "a", b"x", x_amz_meta_text="é")[1] == "InvalidArgument"


def test_r2_bounds_one_put_and_its_key(strict: Caller) -> None:
    assert strict.ask("PUT", "a", bytes((6 << 20) + 1))[1] == "EntityTooLarge"
    assert strict.ask("PUT", "k" * 1_025, b"x")[1] == "InvalidObjectName"


def test_r2_lists_a_thousand_keys_at_most(moto_server: MotoServer) -> None:
    with FaultProxy(moto_server.endpoint_url, rules=R2Rules()) as proxy:
        caller = Caller(proxy)
        _, _, body = caller.ask("GET", "?list-type=2&max-keys=5000")
        caller.close()

    assert b"<MaxKeys>1000</MaxKeys>" in body


@pytest.mark.parametrize(
    ("sizes", "code"),
    [
        ([5 << 20, 1], ""),
        ([5 << 20, 5 << 20], ""),
        ([5 << 20, 6 << 20, 1], "InvalidPart"),
        ([5 << 20, 6 << 20], "InvalidPart"),
        ([1 << 20, 1], "EntityTooSmall"),
        ([1], ""),
    ],
)
def test_r2_wants_equal_parts_that_are_not_short(
    strict: Caller, clock: Clock, sizes: list[int], code: str
) -> None:
    clock.now += 1.0
    begun = strict.ask("POST", "large?uploads")[2]
    upload = begun.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
    parts = ""
    for number, size in enumerate(sizes, 1):
        place = f"large?partNumber={number}&uploadId={upload}"
        assert strict.ask("PUT", place, bytes(size))[0] == 200
        etag = hashlib.md5(bytes(size)).hexdigest()  # noqa: S324
        parts += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
    whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()

    assert strict.ask("POST", f"large?uploadId={upload}", whole)[1] == code
