"""A store on Cloudflare R2, or on any server that speaks S3 as R2 does."""

import dataclasses
import functools
import hashlib
import os
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any, Protocol

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from typing_extensions import override

from astrid_sdk.config import Secret, StorageConfig, is_loopback
from astrid_sdk.errors import (
    ConflictError,
    CorruptionError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import (
    CATALOG_PREFIX,
    CONTENT_HASH_METADATA,
    ObjectStorage,
    StoredObject,
    TableLocation,
    check_bucket,
    check_content_hash,
    check_key,
    check_media_type,
    check_prefix,
    check_range,
)
from astrid_sdk.storage.responses import Attempt, error_code, http_status, place, translated

_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
_RANGE_NOT_SATISFIABLE = 416
_MAKING_A_CLIENT = threading.Lock()
_OURS_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


class _S3(Protocol):
    """The calls of boto3's S3 client that are used here; boto3 makes them at run time."""

    def put_object(self, **request: Any) -> Mapping[str, Any]: ...

    def get_object(self, **request: Any) -> Mapping[str, Any]: ...

    def head_object(self, **request: Any) -> Mapping[str, Any]: ...

    def delete_object(self, **request: Any) -> Mapping[str, Any]: ...

    def list_objects_v2(self, **request: Any) -> Mapping[str, Any]: ...

    def head_bucket(self, **request: Any) -> Mapping[str, Any]: ...

    def create_bucket(self, **request: Any) -> Mapping[str, Any]: ...


@dataclasses.dataclass(frozen=True)
class _Body:
    """The digests of a body that is being written."""

    size_bytes: int
    sha256: str
    md5: bytes

    @classmethod
    def of(cls, data: bytes, content_hash: str | None) -> "_Body":
        sha256 = content_hash or hashlib.sha256(data).hexdigest()
        # MD5 is what a single PUT's ETag and Content-MD5 are made of; it guards nothing here.
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        return cls(len(data), check_content_hash(sha256), md5)

    def is_etag(self, etag: str | None) -> bool:
        return etag == self.md5.hex()

    def is_in(self, found: StoredObject) -> bool:
        same = self.is_etag(found.etag) or self.sha256 == found.user_metadata.get(
            CONTENT_HASH_METADATA
        )
        return same and found.size_bytes == self.size_bytes


class R2StorageClient(ObjectStorage):
    """Objects in buckets of one Cloudflare account.

    Nothing is connected before the first call. One client may be used from many threads. Of the
    process environment and the AWS configuration files only proxies and certificate bundles are
    honoured, never credentials, profiles or endpoints.

    Parameters
    ----------
    config : StorageConfig
        Endpoint and credentials.
    attempts : int, optional
        How often a request is sent in all when the server or the network fails.
    connect_timeout_s, read_timeout_s : float, optional
        How long one attempt waits for a connection, and for the next bytes of an answer.
    """

    def __init__(
        self,
        config: StorageConfig,
        *,
        attempts: int = 4,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 60.0,
    ) -> None:
        self._config = config
        self._transport = Config(
            region_name=config.r2_region,
            signature_version="s3v4",
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
            # R2 has refused the library's default CRC32 trailers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        )
        self._client: _S3 | None = None

    @override
    def __repr__(self) -> str:
        return f"R2StorageClient({self._config.endpoint_url!r}, {self._config.r2_bucket_name!r})"

    @override
    def upload_file(
        self,
        bucket: str,
        key: str,
        data: bytes,
        content_type: str,
        *,
        create_only: bool = False,
        content_hash: str | None = None,
    ) -> str:
        body = _Body.of(data, content_hash)
        condition = {"IfNoneMatch": "*"} if create_only else {}
        with translated(self._attempt("write", bucket, key, writes=True)):
            try:
                answer = self._s3().put_object(
                    Bucket=check_bucket(bucket),
                    Key=check_key(key),
                    Body=data,
                    ContentType=check_media_type(content_type),
                    ContentMD5=b64encode(body.md5).decode(),
                    ChecksumSHA256=b64encode(bytes.fromhex(body.sha256)).decode(),
                    Metadata={CONTENT_HASH_METADATA: body.sha256},
                    **condition,
                )
            except ClientError as error:
                if http_status(error) != _PRECONDITION_FAILED:
                    raise
                self._accept_only_same(bucket, key, body)
                return key
        if not body.is_etag(_etag(answer)):
            self._confirm_written(bucket, key, body)
        return key

    @override
    def download_file(self, bucket: str, key: str) -> bytes:
        with translated(self._attempt("read", bucket, key)):
            answer = self._s3().get_object(Bucket=check_bucket(bucket), Key=check_key(key))
            data: bytes = answer["Body"].read()
        recorded = answer.get("Metadata", {}).get(CONTENT_HASH_METADATA)
        if recorded is not None and hashlib.sha256(data).hexdigest() != recorded:
            raise CorruptionError(
                f"the bytes of {self._where(bucket, key)} are not those of their recorded hash "
                f"{recorded}; they were not handed out: read again, then restore the object",
            )
        return data

    @override
    def download_range(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        check_range(start, stop)
        if start == stop:
            self.get_file_metadata(bucket, key)  # nothing to fetch, but it must be there
            return b""
        with translated(self._attempt("read", bucket, key)):
            try:
                answer = self._s3().get_object(
                    Bucket=check_bucket(bucket),
                    Key=check_key(key),
                    Range=f"bytes={start}-{stop - 1}",
                )
            except ClientError as error:
                if http_status(error) == _RANGE_NOT_SATISFIABLE:  # it starts behind the end
                    return b""
                raise
            if not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
                raise self._unreadable("the range that was asked for", bucket, key)
            data: bytes = answer["Body"].read()
            return data

    @override
    def delete_file(self, bucket: str, key: str) -> bool:
        # S3 answers alike for a deleted and a missing object, so it is looked up first.
        if self.head(bucket, key) is None:
            return False
        with translated(self._attempt("delete", bucket, key, writes=True)):
            self._s3().delete_object(Bucket=bucket, Key=key)
        return True

    @override
    def list_files(self, bucket: str, prefix: str) -> list[str]:
        return [found.key for found in self.list_objects(bucket, prefix)]

    @override
    def list_objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        check_prefix(prefix)
        request: dict[str, str] = {"Bucket": check_bucket(bucket), "Prefix": prefix}
        while True:
            with translated(self._attempt("list", bucket, prefix)):
                page = self._s3().list_objects_v2(**request)
            self._check_page(page, bucket, prefix)
            yield from map(_listed, page.get("Contents", ()))
            if not page["IsTruncated"]:
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    @override
    def get_file_metadata(self, bucket: str, key: str) -> dict[str, Any]:
        found = self.head(bucket, key)
        if found is None:
            raise NotFoundError(
                f"{self._where(bucket, key)} is not there; check the key and the bucket's name"
            )
        return found.as_metadata()

    @override
    def head(self, bucket: str, key: str) -> StoredObject | None:
        with translated(self._attempt("look up", bucket, key)):
            try:
                answer = self._s3().head_object(Bucket=check_bucket(bucket), Key=check_key(key))
            except ClientError as error:
                if http_status(error) == _NOT_FOUND:
                    return None
                raise
        if "ContentLength" not in answer:
            raise self._unreadable("the object's size", bucket, key)
        return StoredObject(
            key,
            answer["ContentLength"],
            media_type=answer.get("ContentType"),
            etag=_etag(answer),
            last_modified=_utc(answer),
            user_metadata=_user_metadata(answer.get("Metadata", {})),
        )

    @override
    def create_bucket(self, bucket: str) -> None:
        with translated(Attempt("make", self._where(bucket), writes=True)):
            if self._has_bucket(bucket):  # a token of one bucket may not make any
                return
            where = {"LocationConstraint": self._config.r2_region}
            try:
                self._s3().create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
            except ClientError as error:
                if error_code(error) not in _OURS_ALREADY:
                    raise

    @override
    def describe(self) -> str:
        return f"R2 at {self._config.endpoint_url}"

    @override
    def table_location(self, bucket: str, name: str) -> TableLocation:
        config = self._config
        options: dict[str, Secret | str] = {
            "AWS_ENDPOINT_URL": config.endpoint_url,
            "AWS_REGION": config.r2_region,
            "AWS_ACCESS_KEY_ID": Secret(config.r2_access_key_id),
            "AWS_SECRET_ACCESS_KEY": config.secret_access_key,
            "AWS_CONDITIONAL_PUT": "etag",
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
        }
        if config.session_token is not None:
            options["AWS_SESSION_TOKEN"] = config.session_token
        if config.endpoint_url.startswith("http:") and is_loopback(config.endpoint_url):
            options["AWS_ALLOW_HTTP"] = "true"
        key = check_key(f"{CATALOG_PREFIX}/{name}")
        return TableLocation(f"s3://{check_bucket(bucket)}/{key}", options)

    def _s3(self) -> _S3:
        with _MAKING_A_CLIENT:  # is not thread-safe; using one is
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def _make_client(self) -> _S3:
        token = self._config.session_token
        client: Any = _session().client(
            "s3",
            endpoint_url=self._config.endpoint_url,
            aws_access_key_id=self._config.r2_access_key_id,
            aws_secret_access_key=self._config.secret_access_key.reveal(),
            aws_session_token=None if token is None else token.reveal(),
            config=self._transport,
        )
        s3: _S3 = client
        return s3

    def _has_bucket(self, bucket: str) -> bool:
        try:
            self._s3().head_bucket(Bucket=check_bucket(bucket))
        except ClientError as error:
            if http_status(error) == _NOT_FOUND:
                return False
            raise
        return True

    def _accept_only_same(self, bucket: str, key: str, body: _Body) -> None:
        found = self.head(bucket, key)
        if found is None or not body.is_in(found):
            raise ConflictError(
                f"{self._where(bucket, key)} is there already with other bytes; nothing was "
                "changed: read it, then decide",
                kind="already_exists",
            )

    def _confirm_written(self, bucket: str, key: str, body: _Body) -> None:
        found = self.head(bucket, key)
        if found is None or found.size_bytes != body.size_bytes:
            raise CorruptionError(
                f"{self._where(bucket, key)} was acknowledged, but is not there as it was sent; "
                "write it again",
                kind="not_written",
            )

    def _check_page(self, page: Mapping[str, Any], bucket: str, prefix: str) -> None:
        """Refuse an answer that is no listing: it would pass for an empty bucket."""
        whole = (
            page.get("Name") == bucket
            and page.get("KeyCount") == len(page.get("Contents", ()))
            and "IsTruncated" in page
            and (not page["IsTruncated"] or "NextContinuationToken" in page)
        )
        if not whole:
            raise self._unreadable("a complete listing", bucket, prefix)

    def _unreadable(self, what: str, bucket: str, key: str) -> StorageUnavailableError:
        return StorageUnavailableError(
            f"the answer about {self._where(bucket, key)} was not {what}; check the endpoint and "
            "any proxy before it",
            kind="unreadable_answer",
        )

    def _attempt(self, doing: str, bucket: str, key: str, *, writes: bool = False) -> Attempt:
        return Attempt(doing, self._where(bucket, key), writes=writes)

    def _where(self, bucket: str, key: str = "") -> str:
        return place(self.describe(), bucket, key)


@functools.cache  # reading the library's description of S3 takes half a second
def _session() -> boto3.Session:
    """Return the session of all clients; no AWS_PROFILE or configuration file can change it."""
    unset = (None, None, None, None)
    no_file = (None, None, os.devnull, None)
    core = botocore.session.Session(
        {"profile": unset, "config_file": no_file, "credentials_file": no_file}
    )
    return boto3.Session(botocore_session=core)


def _listed(entry: Mapping[str, Any]) -> StoredObject:
    return StoredObject(entry["Key"], entry["Size"], etag=_etag(entry), last_modified=_utc(entry))


def _etag(answer: Mapping[str, Any]) -> str | None:
    etag = answer.get("ETag")
    return None if etag is None else str(etag).strip('"')


def _utc(answer: Mapping[str, Any]) -> datetime | None:
    moment: datetime | None = answer.get("LastModified")
    return None if moment is None else moment.astimezone(UTC)


def _user_metadata(raw: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): _decoded(text) for name, text in raw.items()}


def _decoded(text: str) -> str:
    """Return metadata that is not ASCII as it was written (S3 sends it in RFC 2047 words)."""
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError):
        return text
