"""What R2 demands and other S3 servers let pass, so that a green test means something.

The rules stand between a client and a server that does not check signatures (moto): they look at
each request, answer as R2 would where R2 would refuse, and otherwise ask the server.
"""

import base64
import binascii
import dataclasses
import hashlib
import http
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from xml.etree import ElementTree as ET

from astrid_sdk.testing.r2_codes import REFUSALS, UNEQUAL_PARTS, Refusal
from astrid_sdk.testing.wire import Answer, Request

Forward: TypeAlias = Callable[[Request], Awaitable[Answer]]

LEAST_PART_BYTES = 5 << 20
MOST_PUT_BYTES = 5 << 30
MOST_METADATA_BYTES = 8_192
MOST_KEY_BYTES = 1_024
MOST_LISTED = 1_000
_METADATA = "x-amz-meta-"
_NOT_THERE = (
    "x-amz-acl",
    "x-amz-tagging",
    "x-amz-object-lock-mode",
    "x-amz-website-redirect-location",
)
_BUCKET_RULES = frozenset({"cors", "lifecycle", "location", "encryption"})  # R2 has these
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_DONE = frozenset({http.HTTPStatus.OK, http.HTTPStatus.NO_CONTENT})
_WRITES = frozenset({"put", "copy", "complete", "delete"})


class R2Rules:
    """R2's rules; each can be loosened for a test.

    Parameters
    ----------
    least_part_bytes : int, optional
        What every part but the last must have.
    most_put_bytes : int, optional
        What one request may send.
    writes_per_s : float or None, optional
        How often one key may be written; None: as often as anyone likes.
    locked_prefixes : tuple of str, optional
        What stands under these is neither replaced nor deleted.
    clock : callable, optional
        Gives the seconds that `writes_per_s` counts.
    """

    def __init__(
        self,
        *,
        least_part_bytes: int = LEAST_PART_BYTES,
        most_put_bytes: int = MOST_PUT_BYTES,
        writes_per_s: float | None = 1.0,
        locked_prefixes: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._least_part_bytes = least_part_bytes
        self._most_put_bytes = most_put_bytes
        self._locked_prefixes = locked_prefixes
        self._pace = _Pace(writes_per_s, clock)
        self._parts: dict[str, dict[int, int]] = {}
        self._ended: set[str] = set()

    async def answer(self, request: Request, forward: Forward) -> Answer:
        """Return R2's refusal of `request`, or what the server answers to it."""
        refusal = _first_refusal(request) or self._refuse_upload(request)
        if refusal is None and await self._is_locked(request, forward):
            refusal = REFUSALS["ObjectLockedByBucketPolicy"]
        if refusal is None and not self._pace.admits(request):
            refusal = REFUSALS["TooManyRequests"]
        if refusal is not None:
            return refusal.answer()
        answer = await forward(_capped(request))
        self._remember(request, answer)
        return answer

    def _refuse_upload(self, request: Request) -> Refusal | None:
        if len(request.body) > self._most_put_bytes:
            return REFUSALS["EntityTooLarge"]
        is_of_upload = request.operation in {"part", "complete"}
        if is_of_upload and request.query["uploadId"] in self._ended:
            return REFUSALS["NoSuchUpload"]
        if request.operation == "complete":
            return self._refuse_parts(request)
        return None

    def _refuse_parts(self, request: Request) -> Refusal | None:
        known = self._parts.get(request.query["uploadId"], {})
        sizes = [known.get(number) for number in _listed_parts(request.body)]
        if not sizes or None in sizes:
            return None  # the server knows more about uploads it does not know
        *most, _last = [size or 0 for size in sizes]
        if len(set(most)) > 1 or any(_last > size for size in most):
            return UNEQUAL_PARTS
        if any(size < self._least_part_bytes for size in most):
            return REFUSALS["EntityTooSmall"]
        return None

    async def _is_locked(self, request: Request, forward: Forward) -> bool:
        if request.operation not in _WRITES or not request.key.startswith(self._locked_prefixes):
            return False
        if request.header("If-None-Match") == "*":  # the condition speaks first
            return False
        path = request.target.partition("?")[0]
        told = ("host", "authorization", "x-amz-date")
        headers = tuple(pair for pair in request.headers if pair[0].lower() in told)
        found = await forward(Request("HEAD", path, headers, prefix=request.prefix))
        return found.status != http.HTTPStatus.NOT_FOUND

    def _remember(self, request: Request, answer: Answer) -> None:
        if request.operation in {"abort", "complete"} and answer.status in _DONE:
            self._ended.add(request.query["uploadId"])
        if request.operation == "part" and answer.status == http.HTTPStatus.OK:
            sizes = self._parts.setdefault(request.query["uploadId"], {})
            sizes[int(request.query["partNumber"])] = len(request.body)


@dataclasses.dataclass
class _Pace:
    """Lets each key be written so often a second."""

    writes_per_s: float | None
    clock: Callable[[], float]
    written: dict[str, float] = dataclasses.field(default_factory=dict)

    def admits(self, request: Request) -> bool:
        if self.writes_per_s is None or request.operation not in _WRITES:
            return True
        now, before = self.clock(), self.written.get(request.path)
        if before is not None and now - before < 1 / self.writes_per_s:
            return False
        self.written[request.path] = now
        return True


def _first_refusal(request: Request) -> Refusal | None:
    rules = (_refuse_absent, _refuse_key, _refuse_metadata, _refuse_signed_body, _refuse_digests)
    return next((refusal for rule in rules if (refusal := rule(request))), None)


def _refuse_absent(request: Request) -> Refusal | None:
    """Refuse what R2 does not have: tags, ACLs, versions, conditional deletes."""
    is_absent = (
        (request.operation == "subresource" and not _BUCKET_RULES & set(request.query))
        or "versionId" in request.query
        or any(request.header(name) is not None for name in _NOT_THERE)
        or (request.operation == "delete" and request.header("If-Match") is not None)
    )
    return REFUSALS["NotImplemented"] if is_absent else None


def _refuse_key(request: Request) -> Refusal | None:
    return REFUSALS["InvalidObjectName"] if len(request.key.encode()) > MOST_KEY_BYTES else None


def _refuse_metadata(request: Request) -> Refusal | None:
    pairs = [pair for pair in request.headers if pair[0].lower().startswith(_METADATA)]
    if not all(value.isascii() for _, value in pairs):
        return REFUSALS["InvalidArgument"]
    size = sum(len(name) - len(_METADATA) + len(value) for name, value in pairs)
    return REFUSALS["MetadataTooLarge"] if size > MOST_METADATA_BYTES else None


def _refuse_signed_body(request: Request) -> Refusal | None:
    signed = request.header("x-amz-content-sha256") or ""
    if signed.startswith("STREAMING-"):  # trailing checksums: R2 says that it does not know you
        return REFUSALS["Unauthorized"]
    if _HEX_DIGEST.fullmatch(signed) and signed != hashlib.sha256(request.body).hexdigest():
        return REFUSALS["XAmzContentSHA256Mismatch"]
    return None


def _refuse_digests(request: Request) -> Refusal | None:
    for name, algorithm in _DIGESTS.items():
        told = request.header(name)
        if told is None:
            continue
        expected = hashlib.new(algorithm, request.body, usedforsecurity=False).digest()
        try:
            digest = base64.b64decode(told, validate=True)
        except binascii.Error:
            return REFUSALS["InvalidDigest"]
        if len(digest) != len(expected):
            return REFUSALS["InvalidDigest"]
        if digest != expected:
            return REFUSALS["BadDigest"]
    return None


_DIGESTS: Mapping[str, str] = {"Content-MD5": "md5", "x-amz-checksum-sha256": "sha256"}


def _capped(request: Request) -> Request:
    asked = request.query.get("max-keys", "")
    if request.operation != "list" or not asked.isdigit() or int(asked) <= MOST_LISTED:
        return request
    return request.with_query(**{"max-keys": str(MOST_LISTED)})


def _listed_parts(body: bytes) -> list[int]:
    try:
        root = ET.fromstring(body)  # noqa: S314 - a test's own client sent it
    except ET.ParseError:
        return []
    return [
        int(found.text or 0)
        for found in root.iter()
        if found.tag.rpartition("}")[2] == "PartNumber"
    ]
