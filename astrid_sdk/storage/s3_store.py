"""An S3 endpoint as a store: one try of each operation, no patience."""

import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from astrid_sdk import observe
from astrid_sdk.config import Secret, StorageConfig, is_loopback
from astrid_sdk.storage.base import (
    CATALOG_PREFIX,
    MOST_BYTES_UNDER_WAY,
    ObjectStorage,
    TableLocation,
)
from astrid_sdk.storage.capabilities import Capabilities
from astrid_sdk.storage.http_engine import HttpEngine, Plan, Timeouts
from astrid_sdk.storage.keys import check_bucket, check_key
from astrid_sdk.storage.operations import Operation, Outcome, weight_of
from astrid_sdk.storage.s3_plans import S3Plans
from astrid_sdk.storage.s3_requests import S3Requests
from astrid_sdk.storage.s3_sameness import EtagKind

if TYPE_CHECKING:
    from astrid_sdk.storage.s3_control import S3Control

ResultT = TypeVar("ResultT")

_CAPABILITIES = Capabilities(
    keeps_media_type=True,
    keeps_user_metadata=True,
    keys_may_continue=True,
    is_durable=True,
    has_tables=True,
    presigns=True,
    has_lifecycle=True,
    has_cors=True,
)
_LARGE_BYTES = 1 << 20
_MOST_LARGE = 4
"""How many large bodies are under way at a time: more only share the same wire."""


class S3Storage(ObjectStorage):
    """Objects behind one S3 endpoint, over connections of our own.

    Every operation is tried once; see `R2StorageClient` for what people use.

    Parameters
    ----------
    config : StorageConfig
    timeouts : Timeouts, optional
    concurrency : int, optional
        Connections that `perform_many` uses at most.
    """

    def __init__(
        self, config: StorageConfig, timeouts: Timeouts | None = None, concurrency: int = 32
    ) -> None:
        self._config = config
        self.most_at_once = concurrency
        self._engine = HttpEngine(
            config.endpoint_url, timeouts or Timeouts(), _trust(config.endpoint_url)
        )
        self._plans = S3Plans(S3Requests(config), self.describe(), EtagKind())

    @cached_property
    def _control(self) -> "S3Control":
        from astrid_sdk.storage.s3_control import S3Control  # noqa: PLC0415 - it imports boto3

        return S3Control(self._config, self.describe())

    @override
    def __repr__(self) -> str:
        return f"S3Storage({self._config.endpoint_url!r}, {self._config.r2_bucket_name!r})"

    @property
    @override
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        plans = [(operation, self._plans.plan(operation), 0)]
        (done,) = self._engine.run(plans, most=1, most_weight=1)
        observe.last_request_id.set(done.request_id)
        if done.error is not None:
            raise done.error
        result: ResultT = done.result
        return result

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        done_plans = self._engine.run(
            self._drawn(operations), most=self.most_at_once, most_weight=MOST_BYTES_UNDER_WAY
        )
        for done in done_plans:
            yield Outcome(done.tag, done.result, done.error, done.request_id)

    def _drawn(
        self, operations: Iterable[Operation[ResultT]]
    ) -> Iterator[tuple[Operation[ResultT], Plan[Any], int]]:
        share = MOST_BYTES_UNDER_WAY // _MOST_LARGE
        for operation in operations:
            weight = weight_of(operation)
            weight = max(weight, share) if weight > _LARGE_BYTES else weight
            yield operation, self._plans.plan(operation), weight

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

    @override
    def presign_get(self, bucket: str, key: str, *, expires_s: int = 3600) -> str:
        return self._control.presign(
            "get_object", check_bucket(bucket), expires_s, Key=check_key(key)
        )

    @override
    def presign_put(
        self, bucket: str, key: str, *, content_type: str, expires_s: int = 3600
    ) -> str:
        return self._control.presign(
            "put_object",
            check_bucket(bucket),
            expires_s,
            Key=check_key(key),
            ContentType=content_type,
        )

    @override
    def set_lifecycle(
        self, bucket: str, *, expire_days: Mapping[str, int], abort_uploads_days: int = 7
    ) -> None:
        self._control.set_lifecycle(check_bucket(bucket), expire_days, abort_uploads_days)

    @override
    def set_cors(self, bucket: str, origins: Sequence[str]) -> None:
        self._control.set_cors(check_bucket(bucket), origins)

    @override
    def close(self) -> None:
        self._engine.close()
        if "_control" in vars(self):
            self._control.close()


def _trust(endpoint_url: str) -> ssl.SSLContext | None:
    """Return whom to trust: the machine's certificates, else those that botocore brings."""
    if not endpoint_url.startswith("https:"):
        return None
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and ssl.get_default_verify_paths().capath is None:
        from botocore.httpsession import where  # noqa: PLC0415 - where the system has none

        context.load_verify_locations(where())
    return context
