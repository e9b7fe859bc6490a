"""Where the bytes go: an S3 endpoint, or a folder; buckets of our own, and what was counted."""

import contextlib
import dataclasses
import http.client
import importlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from astrid_sdk.config import StorageConfig, child_environment, is_loopback

_MADE_UP = {
    "ASTRID_R2_ACCOUNT_ID": "benchmark",
    "ASTRID_R2_ACCESS_KEY_ID": "benchmark",
    "ASTRID_R2_SECRET_ACCESS_KEY": "benchmark",
}


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What a server, or our own client, counted: requests, and bytes of bodies."""

    requests: int
    sent_bytes: int
    received_bytes: int


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a contender works.

    Parameters
    ----------
    bucket : str
    endpoint : str or None
        The S3 server; None for a folder.
    folder : Path
        Holds the buckets where there is no endpoint.
    """

    bucket: str
    endpoint: str | None
    folder: Path

    @property
    def is_bare_http(self) -> bool:
        """Whether unsigned requests over a plain socket may be tried."""
        return self.endpoint is not None and is_loopback(self.endpoint)

    @property
    def bucket_folder(self) -> Path:
        """The bucket as a folder, where there is no endpoint."""
        return self.folder / self.bucket

    def config(self) -> StorageConfig:
        """Return how to enter the bucket; on loopback with made-up keys unless some are set."""
        given = child_environment({})
        made_up = _MADE_UP if self.is_bare_http else {}
        where = {
            "ASTRID_R2_BUCKET_NAME": self.bucket,
            "ASTRID_R2_ENDPOINT_URL": self.endpoint or "",
        }
        return StorageConfig.from_environment(made_up | given | where)

    def environment(self) -> dict[str, str]:
        """Return the variables by which a child, whatever it runs, finds the server."""
        if self.endpoint is None:
            return child_environment({})
        config = self.config()
        found = {
            "ASTRID_R2_ACCOUNT_ID": config.r2_account_id,
            "ASTRID_R2_ACCESS_KEY_ID": config.r2_access_key_id,
            "ASTRID_R2_SECRET_ACCESS_KEY": config.secret_access_key.reveal(),
            "AWS_ACCESS_KEY_ID": config.r2_access_key_id,
            "AWS_SECRET_ACCESS_KEY": config.secret_access_key.reveal(),
            "AWS_DEFAULT_REGION": config.r2_region,
            "AWS_REGION": config.r2_region,
            "AWS_ENDPOINT_URL": config.endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",  # R2 knows no other
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "MLFLOW_S3_ENDPOINT_URL": config.endpoint_url,
            "S3_ENDPOINT_URL": config.endpoint_url,
        }
        if config.session_token is not None:
            found["AWS_SESSION_TOKEN"] = config.session_token.reveal()
        return child_environment(found)

    def take_traffic(self) -> Traffic | None:
        """Return what the server counted since this was last asked; None where it does not."""
        answer = self._ask("/_stats")
        if answer is None:
            return None
        try:
            counted: Mapping[str, int] = json.loads(answer)
            # this very question is counted too
            return Traffic(counted["requests"] - 1, counted["bytes_in"], counted["bytes_out"])
        except (ValueError, TypeError, KeyError):
            return None

    def _ask(self, path: str) -> bytes | None:
        if self.endpoint is None or not self.is_bare_http:
            return None
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return body if answer.status == http.HTTPStatus.OK else None

    def _create(self) -> None:
        if self.endpoint is None:
            self.bucket_folder.mkdir(parents=True)
        else:
            with self._s3() as s3:
                s3.create_bucket(
                    Bucket=self.bucket,
                    CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name},
                )

    def _empty(self) -> None:
        """Take away what is in the bucket. The bucket is ours: nobody else knows its name."""
        if self.take_traffic() is not None and self._ask("/_clear") is not None:
            return
        if self.endpoint is None:
            shutil.rmtree(self.bucket_folder)
            return
        with self._s3() as s3:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
                keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
                if keys:
                    s3.delete_objects(Bucket=self.bucket, Delete={"Objects": keys})
            s3.delete_bucket(Bucket=self.bucket)

    def _s3(self) -> Any:
        """boto3 for making and removing buckets: not the client that is measured."""
        config = self.config()
        token = config.session_token
        client = importlib.import_module("boto3").client(
            "s3",
            endpoint_url=config.endpoint_url,
            region_name=config.r2_region,
            aws_access_key_id=config.r2_access_key_id,
            aws_secret_access_key=config.secret_access_key.reveal(),
            aws_session_token=None if token is None else token.reveal(),
        )
        return contextlib.closing(client)


@contextlib.contextmanager
def new_place(endpoint: str | None, folder: Path) -> Iterator[Place]:
    """Make a bucket with a new name; remove it in the end."""
    place = Place(f"astrid-benchmark-{secrets.token_hex(6)}", endpoint, folder)
    place._create()  # noqa: SLF001 - a place is made here only
    try:
        yield place
    finally:
        place._empty()  # noqa: SLF001
