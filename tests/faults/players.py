"""Three clients with one vocabulary: ours, and the two that people use, as they come.

The others get short timeouts and quick retries, so that a table of hundreds of cases does not
take an hour; how often they try again, and what they check, is as it comes.
"""

import datetime as dt
import io
import time
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import boto3
import botocore.endpoint
import obstore
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from obstore.exceptions import NotFoundError as ObstoreNotFound
from obstore.store import S3Store
from typing_extensions import override

from astrid_sdk.config import StorageConfig
from astrid_sdk.storage.operations import Put
from astrid_sdk.storage.r2_client import R2StorageClient

MEDIA_TYPE = "application/fits"
PART_BYTES = 5 << 20
IDLE_S = 0.3


class Player(Protocol):
    """What is asked of a client; what it returns is compared with the truth."""

    name: str

    def put(self, key: str, data: bytes) -> None: ...
    def create(self, key: str, data: bytes) -> None: ...
    def replace(self, key: str, data: bytes, etag: str) -> None: ...
    def multipart(self, key: str, data: bytes) -> None: ...
    def put_many(self, contents: Mapping[str, bytes]) -> None: ...
    def get(self, key: str) -> bytes: ...
    def range(self, key: str, start: int, stop: int) -> bytes: ...
    def download(self, key: str, path: Path, content_hash: str) -> bytes: ...
    def head(self, key: str) -> int: ...
    def exists(self, key: str) -> bool: ...
    def list(self, prefix: str) -> list[str]: ...
    def delete(self, key: str) -> bool | None: ...
    def copy(self, source: str, key: str) -> None: ...


class Ours:
    """`R2StorageClient`."""

    name = "astrid"

    def __init__(self, client: R2StorageClient, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def put(self, key: str, data: bytes) -> None:
        self.client.upload_file(self.bucket, key, data, MEDIA_TYPE)

    def create(self, key: str, data: bytes) -> None:
        self.client.upload_file(self.bucket, key, data, MEDIA_TYPE, create_only=True)

    def replace(self, key: str, data: bytes, etag: str) -> None:
        self.client.upload_file(self.bucket, key, data, MEDIA_TYPE, replace_etag=etag)

    def multipart(self, key: str, data: bytes) -> None:
        self.client.upload_source(self.bucket, key, io.BytesIO(data), MEDIA_TYPE)

    def put_many(self, contents: Mapping[str, bytes]) -> None:
        puts = [
            Put(bucket=self.bucket, key=key, data=data, content_type=MEDIA_TYPE)
            for key, data in contents.items()
        ]
        for outcome in list(self.client.perform_many(puts)):
            outcome.value()

    def get(self, key: str) -> bytes:
        return self.client.download_file(self.bucket, key)

    def range(self, key: str, start: int, stop: int) -> bytes:
        return self.client.download_range(self.bucket, key, start, stop)

    def download(self, key: str, path: Path, content_hash: str) -> bytes:
        self.client.download_to(self.bucket, key, path, content_hash=content_hash)
        return path.read_bytes()

    def head(self, key: str) -> int:
        size: int = self.client.get_file_metadata(self.bucket, key)["size_bytes"]
        return size

    def exists(self, key: str) -> bool:
        return self.client.exists(self.bucket, key)

    def list(self, prefix: str) -> list[str]:
        return self.client.list_files(self.bucket, prefix)

    def delete(self, key: str) -> bool | None:
        return self.client.delete_file(self.bucket, key)

    def copy(self, source: str, key: str) -> None:
        self.client.copy_file(self.bucket, source, key)


class Boto3:
    """boto3 as it comes, on loopback with path addressing."""

    name = "boto3"

    def __init__(self, config: StorageConfig) -> None:
        self.bucket = config.r2_bucket_name
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=config.endpoint_url,
            region_name="auto",
            aws_access_key_id=config.r2_access_key_id,
            aws_secret_access_key=config.secret_access_key.reveal(),
            config=Config(
                s3={"addressing_style": "path"}, connect_timeout=IDLE_S, read_timeout=IDLE_S
            ),
        )
        self._transfer = TransferConfig(multipart_threshold=PART_BYTES)

    def put(self, key: str, data: bytes) -> None:
        self._put(key, data)

    def create(self, key: str, data: bytes) -> None:
        self._put(key, data, IfNoneMatch="*")

    def replace(self, key: str, data: bytes, etag: str) -> None:
        self._put(key, data, IfMatch=etag)

    def multipart(self, key: str, data: bytes) -> None:
        self._s3.upload_fileobj(io.BytesIO(data), self.bucket, key, Config=self._transfer)

    def put_many(self, contents: Mapping[str, bytes]) -> None:
        for key, data in contents.items():
            self._put(key, data)

    def get(self, key: str) -> bytes:
        data: bytes = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def range(self, key: str, start: int, stop: int) -> bytes:
        answer = self._s3.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={start}-{stop - 1}")
        data: bytes = answer["Body"].read()
        return data

    def download(self, key: str, path: Path, content_hash: str) -> bytes:  # noqa: ARG002 - unchecked
        self._s3.download_file(self.bucket, key, str(path))
        return path.read_bytes()

    def head(self, key: str) -> int:
        size: int = self._s3.head_object(Bucket=self.bucket, Key=key)["ContentLength"]
        return size

    def exists(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise
        return True

    def list(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def delete(self, key: str) -> bool | None:
        self._s3.delete_object(Bucket=self.bucket, Key=key)
        return None

    def copy(self, source: str, key: str) -> None:
        where = {"Bucket": self.bucket, "Key": source}
        self._s3.copy_object(Bucket=self.bucket, Key=key, CopySource=where)

    def _put(self, key: str, data: bytes, **condition: str) -> None:
        self._s3.put_object(
            Bucket=self.bucket, Key=key, Body=data, ContentType=MEDIA_TYPE, **condition
        )


class Obstore:
    """obstore as it comes, its synchronous calls."""

    name = "obstore"

    def __init__(self, config: StorageConfig) -> None:
        soon = dt.timedelta(milliseconds=2)
        self._store = S3Store(
            config.r2_bucket_name,
            endpoint=config.endpoint_url,
            region="auto",
            access_key_id=config.r2_access_key_id,
            secret_access_key=config.secret_access_key.reveal(),
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": True,
                "connect_timeout": dt.timedelta(seconds=IDLE_S),
                "timeout": dt.timedelta(seconds=2 * IDLE_S),
            },
            retry_config={"backoff": {"init_backoff": soon, "max_backoff": 10 * soon, "base": 2}},
        )

    def put(self, key: str, data: bytes) -> None:
        obstore.put(self._store, key, data, use_multipart=False)

    def create(self, key: str, data: bytes) -> None:
        obstore.put(self._store, key, data, mode="create")

    def replace(self, key: str, data: bytes, etag: str) -> None:
        obstore.put(self._store, key, data, mode={"e_tag": f'"{etag}"', "version": None})

    def multipart(self, key: str, data: bytes) -> None:
        obstore.put(self._store, key, data, use_multipart=True, chunk_size=PART_BYTES)

    def put_many(self, contents: Mapping[str, bytes]) -> None:
        for key, data in contents.items():
            self.put(key, data)

    def get(self, key: str) -> bytes:
        return bytes(obstore.get(self._store, key).bytes())

    def range(self, key: str, start: int, stop: int) -> bytes:
        return bytes(obstore.get_range(self._store, key, start=start, end=stop))

    def download(self, key: str, path: Path, content_hash: str) -> bytes:  # noqa: ARG002 - unchecked
        with path.open("wb") as file:
            for piece in obstore.get(self._store, key).stream():
                file.write(piece)
        return path.read_bytes()

    def head(self, key: str) -> int:
        return obstore.head(self._store, key)["size"]

    def exists(self, key: str) -> bool:
        try:
            obstore.head(self._store, key)
        except ObstoreNotFound:
            return False
        return True

    def list(self, prefix: str) -> list[str]:
        return [found["path"] for page in obstore.list(self._store, prefix) for found in page]

    def delete(self, key: str) -> bool | None:
        obstore.delete(self._store, key)
        return None

    def copy(self, source: str, key: str) -> None:
        obstore.copy(self._store, source, key)


@contextmanager
def impatient_boto3() -> Iterator[None]:
    """Make boto3 wait a hundredth of what it would between its tries."""

    class Clock(types.SimpleNamespace):
        @override
        def __getattribute__(self, name: str) -> Any:
            return getattr(time, name) if name != "sleep" else _brief

    def _brief(seconds: float) -> None:
        time.sleep(seconds / 100)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.endpoint, "time", Clock())
        yield
