"""What really stands in the bucket: asked of the server itself, behind the proxy."""

import hashlib
import http.client
import urllib.parse
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from astrid_sdk.storage.operations import CONTENT_HASH_METADATA

_OK = (200, 204)
SOMEBODY = (
    "AWS4-HMAC-SHA256 Credential=truth/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
    "Signature=0"
)


class Truth:
    """One bucket of a server that checks no signatures.

    Parameters
    ----------
    url : str
        The server's.
    bucket : str
        It is made.
    """

    def __init__(self, url: str, bucket: str) -> None:
        self._netloc = urllib.parse.urlsplit(url).netloc
        self.bucket = bucket
        self._ask("PUT", "")

    def put(self, key: str, data: bytes, *, claims: bytes | None = None) -> str:
        """Write as the SDK would: with the content hash beside it; return the ETag.

        `claims`: the bytes whose hash is put beside it instead.
        """
        claimed = data if claims is None else claims
        told = {
            "Content-Type": "application/fits",
            f"x-amz-meta-{CONTENT_HASH_METADATA}": hashlib.sha256(claimed).hexdigest(),
        }
        _, headers, _ = self._ask("PUT", key, data, told)
        return headers["ETag"].strip('"')

    def get(self, key: str) -> bytes | None:
        status, _, body = self._ask("GET", key)
        return body if status in _OK else None

    def etag(self, key: str) -> str:
        return self._ask("HEAD", key)[1]["ETag"].strip('"')

    def delete(self, key: str) -> None:
        self._ask("DELETE", key)

    def keys(self, prefix: str = "") -> list[str]:
        found: list[str] = []
        query = {"list-type": "2", "prefix": prefix}
        while True:
            body = self._ask("GET", "?" + urllib.parse.urlencode(query))[2]
            root = ET.fromstring(body)  # noqa: S314 - our own server's
            found += [item.text or "" for item in root.iterfind("{*}Contents/{*}Key")]
            token = root.findtext("{*}NextContinuationToken")
            if token is None:
                return found
            query["continuation-token"] = token

    def uploads(self) -> int:
        """Return how many large uploads are under way."""
        return self._ask("GET", "?uploads")[2].count(b"<UploadId>")

    def _ask(
        self, method: str, key: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        told = {"Authorization": SOMEBODY, **(headers or {})}
        connection = http.client.HTTPConnection(self._netloc, timeout=30)
        try:
            place = key if key.startswith("?") else urllib.parse.quote(f"/{key}" if key else "")
            connection.request(method, f"/{self.bucket}{place}", body, told)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()
