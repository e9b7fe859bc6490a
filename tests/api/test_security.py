"""What a hostile client, file or web page tries: the threat table of the service, row by row."""

import gzip
import http.client
import json
import logging
import pickle
import socket
import tracemalloc
from typing import Any

import numpy as np
import pytest
from api.here import Here, Keys, caller, embedded
from astropy.io import fits

from astrid_sdk.api.access import Credentials, LocalUser
from astrid_sdk.config import Secret
from astrid_sdk.errors import AccessDeniedError, InvalidInputError

NAMES = [
    'a"; evil="',
    "a\\\"; filename*=UTF-8''evil.html",
    "Größe des Nebels é.fits",
    "日本語.fits",
    "\u202egpj.exe",
    "a\r\nSet-Cookie: x=1",
    "..\\..\\windows\\system.ini",
    "../../etc/passwd",
    "%0d%0aX-Evil: 1",
    "=cmd|' /C calc'!A0",
    "a" * 300,
    "🔭" * 40,
]


def _raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
            if b"\r\n\r\n" in answer:
                return answer
        return answer


@pytest.mark.parametrize("name", NAMES)
def test_a_name_never_becomes_a_header_or_a_path(shared: Here, name: str) -> None:
    content = name.encode()
    sent = shared.client.post("/storage/upload", files={"file": (name, content)})
    assert sent.status_code in {201, 422}, sent.text
    if sent.status_code == 422:
        return
    answer = shared.client.get(f"/storage/download/{sent.json()['content_hash']}")
    told = answer.headers["content-disposition"]
    assert told.startswith('attachment; filename="')
    assert told.count('"') == 2
    assert "evil" not in {word.partition("=")[0].strip() for word in told.split(";")}
    assert not {"set-cookie", "x-evil"} & set(answer.headers)
    assert "/" not in told.partition("UTF-8''")[2]


def test_a_raw_name_of_any_bytes_in_a_form_does_no_harm(shared: Here) -> None:
    for raw in (b'a"; evil="x', b"\xff\xfe", b"a\x00b", "Größe".encode(), b""):
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + raw + b'"\r\n'
            b"\r\nx" + raw + b"\r\n--b--\r\n"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = shared.client.post("/storage/upload", content=body, headers=headers)
        assert answer.status_code in {200, 201, 422}, (raw, answer.text)


@pytest.mark.parametrize(
    "media_type",
    [
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/javascript",
        "text/html;x=image/png",
    ],
)
def test_markup_is_never_served_as_markup(shared: Here, media_type: str) -> None:
    page = b"<script>alert(1)</script>" + media_type.encode()
    sent = shared.client.post(
        "/storage/upload", files={"file": ("page.html", page, media_type)}
    ).json()
    answer = shared.client.get(f"/storage/download/{sent['content_hash']}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_bomb_is_not_unpacked(here: Here) -> None:
    header = fits.Header(
        {"SIMPLE": True, "BITPIX": 8, "NAXIS": 2, "NAXIS1": 2**15, "NAXIS2": 2**15}
    )
    bomb = gzip.compress(header.tostring().encode() + bytes(2**28), 9)
    tracemalloc.start()
    sent = here.client.post(
        "/storage/upload", params={"tier": "raw-observations", "name": "bomb.fits.gz"}, content=bomb
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent.status_code == 201
    assert peak < 128 << 20


def test_a_header_that_claims_a_huge_image_allocates_nothing(here: Here) -> None:
    image = fits.PrimaryHDU(np.zeros((4, 4), np.float32))
    content = bytearray(_bytes_of(image))
    for axis in (b"NAXIS1", b"NAXIS2"):
        at = content.index(axis + b"  =")
        content[at + 10 : at + 30] = b"%20d" % 200_000
    sent = here.client.post(
        "/storage/upload",
        params={"tier": "raw-observations", "name": "huge.fits"},
        content=bytes(content),
    ).json()
    assert "200000 x 200000" in sent["note"]


def _bytes_of(hdu: fits.PrimaryHDU) -> bytes:
    import io  # noqa: PLC0415

    file = io.BytesIO()
    hdu.writeto(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "path",
    [
        "/storage/download/../../../etc/passwd",
        "/storage/download/..%2f..%2fetc%2fpasswd",
        f"/storage/download/{'A' * 64}",
        f"/storage/download/{'a' * 63}",
        f"/storage/download/{'a' * 64}%0a",
        f"/storage/download/{'a' * 64}%00",
        f"/storage/metadata/{'a' * 64}/",
        "/storage/datasets/..%2fx/versions",
        "/storage/datasets/%0a/versions",
        "/docs",
        "/redoc",
        "/.astrid/",
    ],
)
def test_a_path_leads_nowhere_but_to_a_problem(shared: Here, path: str) -> None:
    answer = _raw(shared.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer.split()[1] in {b"404", b"422"}, answer
    assert b"application/problem+json" in answer


def test_a_name_that_leads_to_this_machine_is_not_enough(shared: Here) -> None:
    for host, status in (("evil.example", 400), ("localhost:1", 200), ("127.0.0.1", 200)):
        answer = shared.client.get("/health/live", headers={"Host": host})
        assert answer.status_code == status, host
    assert shared.client.get("/health/live", headers={"Host": "evil"}).json()["code"] == "host"


def test_a_web_page_of_another_site_may_not_use_a_service_without_keys(shared: Here) -> None:
    page = {"Origin": "https://evil.example"}
    answer = shared.client.post("/storage/upload", files={"file": b"x"}, headers=page)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
    fetched = {"Sec-Fetch-Site": "cross-site"}
    assert shared.client.get("/storage/find", headers=fetched).status_code == 403
    own = {"Origin": shared.url}
    assert shared.client.get("/storage/find", headers=own).status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_without_keys_nobody_from_elsewhere_is_let_in() -> None:
    user = LocalUser()
    here = [Credentials(None, address, is_forwarded=False) for address in ("127.0.0.1", "::1")]
    elsewhere = [
        Credentials(None, "10.0.0.7", is_forwarded=False),
        Credentials(None, "127.0.0.1", is_forwarded=True),
        Credentials(None, "", is_forwarded=False),
        Credentials(Secret("x"), "192.168.1.4", is_forwarded=False),
    ]
    assert all(user.recall(each) for each in here)
    for each in elsewhere:
        assert user.recall(each) is None
        with pytest.raises(AccessDeniedError, match="its own machine only"):
            user.authenticate(each)


def test_a_request_that_a_proxy_hands_on_is_not_from_this_machine(shared: Here) -> None:
    answer = shared.client.get("/storage/find", headers={"X-Forwarded-For": "10.0.0.7"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_local")


def test_an_unforeseen_error_tells_nothing_but_its_id(
    here: Here, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret place /srv/secret")

    here.service.references.rows = fail
    answer = here.client.get(f"/storage/metadata/{'0' * 64}", headers={"X-Request-ID": "mine-1"})
    told = answer.json()
    assert answer.status_code == 500
    assert told["code"] == "internal"
    assert told["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert "secret" not in answer.text
    assert "secret place" in caplog.text  # the log has it


def test_an_error_of_ours_that_names_a_place_is_told_without_it(here: Here) -> None:
    home = here.session.home

    def fail(*_: object, **__: object) -> None:
        raise InvalidInputError(f"cannot use {home}/x")

    here.service.references.rows = fail
    answer = here.client.get(f"/storage/metadata/{'0' * 64}")
    assert answer.status_code == 422
    assert str(home) not in answer.text
    assert answer.json()["title"]


@pytest.mark.parametrize("given", ["x" * 65, "a b", 'a"b', "é", ""])
def test_a_request_id_that_is_no_plain_word_is_replaced(shared: Here, given: str) -> None:
    headers = {b"X-Request-ID": given.encode()}
    answer = shared.client.get("/health/live", headers=headers)
    assert answer.headers["x-request-id"] != given
    assert answer.headers["x-request-id"].isalnum()


def test_a_token_is_in_no_answer_log_repr_or_pickle(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "astrid_k1_verysecret"  # noqa: S105 - a made-up one
    keys = Keys(**{token: caller("ann")})
    with Here(embedded(tmp_path / "store"), keys) as here:
        for headers in ({"Authorization": f"Bearer {token}"}, {"X-API-Key": token}):
            answer = here.client.get("/storage/find", headers=headers)
            assert answer.status_code == 200
            assert token not in answer.text
        wrong = here.client.get("/storage/find", headers={"Authorization": f"Bearer {token}x"})
        assert wrong.status_code == 401
        assert token not in wrong.text + str(wrong.headers)
        assert token not in here.client.get("/openapi.json").text
    assert token not in caplog.text
    brought = Credentials(Secret(token), "127.0.0.1", is_forwarded=False)
    assert token not in repr(brought)
    with pytest.raises(InvalidInputError):
        pickle.dumps(brought)


def test_the_configuration_of_a_store_is_in_no_answer(shared: Here) -> None:
    for path in ("/openapi.json", "/health/ready", "/metrics", "/storage/find"):
        assert str(shared.session.home) not in shared.client.get(path).text


def test_two_bodies_in_one_request_are_not_two_requests(shared: Here) -> None:
    smuggled = (
        b"POST /storage/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    answer = _raw(shared.port, smuggled)
    assert answer.split()[1] == b"400"


def test_json_that_is_too_deep_or_no_json_is_refused(shared: Here) -> None:
    url = "/storage/datasets/deep/version"
    headers = {"Content-Type": "application/json"}
    for body in (b"[" * 100_000, b"{", b"\xff", b"null", b"1e999", json.dumps([1]).encode()):
        answer = shared.client.post(url, content=body, headers=headers)
        assert answer.status_code in {400, 422}, body[:20]
        assert answer.headers["content-type"] == "application/problem+json"


def test_another_method_is_refused_with_those_that_work(shared: Here) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port)
    connection.request("PUT", "/storage/upload")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert json.loads(answer.read())["code"] == "method_not_allowed"
    connection.close()


def test_a_path_that_takes_another_method_says_which(shared: Here) -> None:
    for method, path, allowed in (
        ("DELETE", "/storage/find", "GET"),
        ("DELETE", "/storage/upload", "POST"),
        ("OPTIONS", "/storage/find", "GET"),
        ("POST", f"/storage/{'0' * 64}", "DELETE"),
    ):
        answer = shared.client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), (method, path)
    assert shared.client.delete("/storage/nohash").status_code == 422
