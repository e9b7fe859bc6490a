"""Our signatures are the ones that botocore makes."""

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.config import Secret
from astrid_sdk.storage.sigv4 import EMPTY_SHA256, Signer, encode_path, encode_query

HIDDEN = "hidden-value-2718"
NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


def ours(method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> str:
    given = {"host": "r2.test:8443", **headers}
    signer = Signer("key-id", Secret(HIDDEN), None, "auto")
    signer.sign(method, encode_path(f"/b/{key}"), encode_query(query), given, EMPTY_SHA256, NOON)
    return given["authorization"]


def theirs(method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> str:
    given = {"host": "r2.test:8443", **headers, "x-amz-content-sha256": EMPTY_SHA256}
    asked = f"?{encode_query(query)}" if query else ""
    url = f"https://r2.test:8443{encode_path(f'/b/{key}')}{asked}"
    request = AWSRequest(method, url, headers=given)
    request.context["timestamp"] = NOON.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    auth = S3SigV4Auth(Credentials("key-id", HIDDEN), "s3", "auto")
    canonical = auth.canonical_request(request)
    to_sign = auth.string_to_sign(request, canonical)
    names = auth.signed_headers(auth.headers_to_sign(request))
    signature = auth.signature(to_sign, request)
    return (
        f"AWS4-HMAC-SHA256 Credential=key-id/20261125/auto/s3/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


@given(printable, st.dictionaries(printable, printable, max_size=3))
def test_any_key_and_query_is_signed_as_botocore_signs_it(key: str, query: dict[str, str]) -> None:
    assert ours("GET", key, query, {}) == theirs("GET", key, query, {})


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/fits", "if-none-match": "*"},
        {"range": "bytes=5-9", "if-match": '"mark"'},
        {"x-amz-meta-astrid-sha256": EMPTY_SHA256, "x-amz-copy-source": "/b/a%20b"},
    ],
)
def test_headers_are_signed_as_botocore_signs_them(headers: dict[str, str]) -> None:
    assert ours("PUT", "a/b", {}, headers) == theirs("PUT", "a/b", {}, headers)


def test_temporary_credentials_send_their_token() -> None:
    headers = {"host": "r2.test"}
    Signer("key-id", Secret(HIDDEN), Secret("token-1"), "auto").sign(
        "GET", "/b", "", headers, EMPTY_SHA256
    )
    assert headers["x-amz-security-token"] == "token-1"
    assert "x-amz-security-token" in headers["authorization"]
    assert HIDDEN not in str(headers)
