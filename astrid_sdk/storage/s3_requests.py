"""Signed requests to one S3 endpoint, path addressing."""

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from astrid_sdk.config import StorageConfig
from astrid_sdk.storage.http_message import HttpRequest
from astrid_sdk.storage.operations import CONTENT_HASH_METADATA, Body, Copy
from astrid_sdk.storage.s3_answers import encoded
from astrid_sdk.storage.sigv4 import EMPTY_SHA256, Signer, encode_path, encode_query

_NOTHING: Mapping[str, str] = {}


class S3Requests:
    """Makes requests of one configuration.

    Parameters
    ----------
    config : StorageConfig
    """

    def __init__(self, config: StorageConfig) -> None:
        parts = urlsplit(config.endpoint_url)
        self._base = parts.path.rstrip("/")
        self._host = parts.netloc
        self._region = config.r2_region
        self._signer = Signer(
            config.r2_access_key_id,
            config.secret_access_key,
            config.session_token,
            config.r2_region,
        )

    def make(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Mapping[str, str] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        body: Body = b"",
        sha256: str | None = None,
        into: memoryview | None = None,
    ) -> HttpRequest:
        """Return a signed request about an object, or a bucket where `key` is "".

        `sha256` is that of `body`, where it is known.
        """
        path = encode_path(f"{self._base}/{bucket}/{key}" if key else f"{self._base}/{bucket}")
        asked = encode_query(query)
        given = {"host": self._host, "user-agent": "astrid-sdk", **headers}
        self._signer.sign(method, path, asked, given, sha256 or _sha256(body))
        target = f"{path}?{asked}" if asked else path
        return HttpRequest(method, target, given, body, into)

    def copied_from(self, copy: Copy) -> dict[str, str]:
        """Return the header that names what is copied."""
        return {"x-amz-copy-source": encode_path(f"/{copy.bucket}/{copy.source_key}")}

    def location_xml(self) -> bytes:
        """Return the body that says where a new bucket is to be."""
        return (
            "<CreateBucketConfiguration>"
            f"<LocationConstraint>{self._region}</LocationConstraint>"
            "</CreateBucketConfiguration>"
        ).encode()


def metadata_headers(user_metadata: Mapping[str, str], sha256: str | None) -> dict[str, str]:
    """Return the headers that keep `user_metadata`, and the content hash where it is known."""
    told = dict(user_metadata)
    if sha256 is not None:
        told[CONTENT_HASH_METADATA] = sha256
    return {f"x-amz-meta-{name}": encoded(value) for name, value in told.items()}


def _sha256(body: Body) -> str:
    return hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
