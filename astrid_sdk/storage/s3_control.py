"""What is set up once on a bucket, and URLs that carry their own permission: boto3's part."""

import functools
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import boto3
import botocore.session
from botocore.config import Config

from astrid_sdk.config import StorageConfig
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.boto_errors import translated
from astrid_sdk.storage.refusals import place
from astrid_sdk.storage.verdicts import Attempt

_LONGEST_S = 7 * 86_400
_MAKING_A_CLIENT = threading.Lock()


class _S3(Protocol):
    """The calls of boto3's S3 client that are used here; boto3 makes them at run time."""

    def generate_presigned_url(
        self,
        method: str,
        Params: Mapping[str, Any],  # noqa: N803 - boto3's names
        ExpiresIn: int,  # noqa: N803
    ) -> str: ...

    def put_bucket_lifecycle_configuration(self, **request: Any) -> Mapping[str, Any]: ...

    def put_bucket_cors(self, **request: Any) -> Mapping[str, Any]: ...

    def close(self) -> None: ...


class S3Control:
    """The control plane of one endpoint. Nothing is connected before the first call.

    Parameters
    ----------
    config : StorageConfig
    store : str
        How messages name the store.
    """

    def __init__(self, config: StorageConfig, store: str) -> None:
        self._config = config
        self._store = store
        self._client: _S3 | None = None

    def presign(self, method: str, bucket: str, expires_s: int, **parameters: str) -> str:
        """Return a URL that stands for one request until it expires.

        Raises
        ------
        InvalidInputError
            `expires_s` is not within 1 s and 7 days.
        """
        if not 1 <= expires_s <= _LONGEST_S:
            raise InvalidInputError(
                f"a URL cannot expire after {expires_s} s; choose 1 to {_LONGEST_S} s",
                kind="expires_s",
            )
        with translated(self._attempt("make a URL for", bucket)):
            named = {"Bucket": bucket, **parameters}
            return self._s3().generate_presigned_url(method, Params=named, ExpiresIn=expires_s)

    def set_lifecycle(
        self, bucket: str, expire_days: Mapping[str, int], abort_uploads_days: int
    ) -> None:
        """Set the rules of the bucket: what expires, by prefix, and when uploads are stale."""
        rules = [
            {
                "ID": "astrid-abort-stale-uploads",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": abort_uploads_days},
            },
            *(
                {
                    "ID": f"astrid-expire-{prefix.strip('/').replace('/', '-') or 'all'}",
                    "Status": "Enabled",
                    "Filter": {"Prefix": prefix},
                    "Expiration": {"Days": days},
                }
                for prefix, days in sorted(expire_days.items())
            ),
        ]
        with translated(self._attempt("set the lifecycle of", bucket, writes=True)):
            self._s3().put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": rules}
            )

    def set_cors(self, bucket: str, origins: Sequence[str]) -> None:
        """Let pages of `origins` use presigned URLs of the bucket."""
        rule = {
            "AllowedOrigins": list(origins),
            "AllowedMethods": ["GET", "HEAD", "PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "Content-Length", "Content-Range"],
            "MaxAgeSeconds": 3600,
        }
        with translated(self._attempt("set the web origins of", bucket, writes=True)):
            self._s3().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})

    def close(self) -> None:
        """Close the connections that are open."""
        with _MAKING_A_CLIENT:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _attempt(self, doing: str, bucket: str, *, writes: bool = False) -> Attempt:
        return Attempt(doing, place(self._store, bucket), writes=writes)

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
            config=Config(
                region_name=self._config.r2_region,
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": 5},
                # R2 has refused the library's default CRC32 trailers.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
            ),
        )
        s3: _S3 = client
        return s3


@functools.cache  # reading the library's description of S3 takes half a second
def _session() -> boto3.Session:
    """Return the session of all clients; no AWS_PROFILE or configuration file can change it."""
    unset = (None, None, None, None)
    no_file = (None, None, os.devnull, None)
    core = botocore.session.Session(
        {"profile": unset, "config_file": no_file, "credentials_file": no_file}
    )
    return boto3.Session(botocore_session=core)
