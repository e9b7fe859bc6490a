"""A store on Cloudflare R2, or on any server that speaks S3 as R2 does."""

from typing_extensions import override

from astrid_sdk.config import StorageConfig
from astrid_sdk.storage.http_engine import Timeouts
from astrid_sdk.storage.retrying import RetryPolicy
from astrid_sdk.storage.s3_store import S3Storage
from astrid_sdk.storage.stack import network_stack
from astrid_sdk.storage.wrapping import WrapperStorage


class R2StorageClient(WrapperStorage):
    """Objects in buckets of one Cloudflare account.

    Nothing is connected before the first call. One client may be used from many threads. What
    fails for a moment is tried again, at the pace that the server can take, and every try is an
    event (`astrid_sdk.observe`). Nothing of the process environment or of AWS configuration files
    is honoured but the machine's certificates.

    Parameters
    ----------
    config : StorageConfig
        Endpoint, credentials, and the pace (`requests_per_s`, `concurrency`).
    retry : RetryPolicy, optional
        How often and how long an operation is tried.
    timeouts : Timeouts, optional
        How long one try may take.
    """

    def __init__(
        self,
        config: StorageConfig,
        *,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        store = S3Storage(config, timeouts, config.concurrency)
        super().__init__(network_stack(store, retry, config.requests_per_s, config.concurrency))
        self._config = config

    @override
    def __repr__(self) -> str:
        return f"R2StorageClient({self._config.endpoint_url!r}, {self._config.r2_bucket_name!r})"
