"""The order of the behaviours around a store, written once.

Outer to inner: quota, spooling, retrying, throttled, logging per try, the store. The inner three
are part of a store across a network (`network_stack`, as `R2StorageClient` is one); a folder
needs logging only (`local_stack`). A session puts the outer two around either (`assemble`).
"""

from collections.abc import Mapping
from pathlib import Path

from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.logged import LoggedStorage
from astrid_sdk.storage.quota import QuotaStorage, quotas_of
from astrid_sdk.storage.retrying import RetryingStorage, RetryPolicy
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.storage.throttled import ThrottledStorage
from astrid_sdk.storage.wrapping import WrapperStorage


def network_stack(
    store: ObjectStorage,
    retry: RetryPolicy | None = None,
    requests_per_s: float | None = None,
    concurrency: int = 32,
) -> ObjectStorage:
    """Return `store` as one across a network is used: patient, at a pace, each try an event."""
    paced = ThrottledStorage(LoggedStorage(store), requests_per_s, concurrency)
    return RetryingStorage(paced, retry)


def local_stack(store: ObjectStorage) -> ObjectStorage:
    """Return `store` as one on this machine is used: it answers at once or not at all."""
    return LoggedStorage(store)


def assemble(
    client: ObjectStorage,
    *,
    quotas: Mapping[str, str] | None = None,
    spool_folder: Path | None = None,
) -> ObjectStorage:
    """Return `client` with what a session adds.

    Parameters
    ----------
    client : ObjectStorage
        A `network_stack` or a `local_stack`.
    quotas : Mapping[str, str], optional
        What tiers may hold; see `quotas_of`.
    spool_folder : Path, optional
        Where reads and writes find shelter while the store is away; None for a store that
        cannot be.

    Raises
    ------
    InvalidInputError
        A quota cannot be read.
    """
    store = client
    if spool_folder is not None:
        store = SpoolingStorage(store, spool_folder)
    if quotas:
        store = QuotaStorage(store, quotas_of(quotas))
    return store


def spooling_of(storage: ObjectStorage) -> SpoolingStorage | None:
    """Return the layer of `storage` in which writes wait, if it has one."""
    while isinstance(storage, WrapperStorage):
        if isinstance(storage, SpoolingStorage):
            return storage
        storage = storage.inner
    return None
