"""The order of the behaviours around a store, written once.

Outer to inner: audited, quota, spooling, retrying, throttled, logging per try, the store. The last
four are a store across a network (`network_stack`, as `R2StorageClient` is one); a folder needs
logging only (`local_stack`). A session puts the outer three around either (`assemble`). What waited
in the outbox is written down again when it is brought into the store.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from astrid_sdk.storage.audit.trail import AuditTrail
from astrid_sdk.storage.audited import AuditedStorage
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.logged import LoggedStorage
from astrid_sdk.storage.quota import QuotaStorage, quotas_of
from astrid_sdk.storage.retrying import RetryingStorage, RetryPolicy
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.storage.throttled import ThrottledStorage
from astrid_sdk.storage.wrapping import WrapperStorage

LayerT = TypeVar("LayerT", bound=WrapperStorage)


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
    trail: AuditTrail | None = None,
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
    trail : AuditTrail, optional
        Where changes are written down; it ships into `client` itself.

    Raises
    ------
    InvalidInputError
        A quota cannot be read.
    """
    store = client
    if spool_folder is not None:
        audited = None if trail is None else AuditedStorage(client, trail)
        store = SpoolingStorage(store, spool_folder, drained_into=audited)
    if quotas:
        store = QuotaStorage(store, quotas_of(quotas))
    return store if trail is None else AuditedStorage(store, trail)


def spooling_of(storage: ObjectStorage) -> SpoolingStorage | None:
    """Return the layer of `storage` in which writes wait, if it has one."""
    return _layer(storage, SpoolingStorage)


def audited_of(storage: ObjectStorage) -> AuditedStorage | None:
    """Return the layer of `storage` that writes changes down, if it has one."""
    return _layer(storage, AuditedStorage)


def _layer(storage: ObjectStorage, kind: type[LayerT]) -> LayerT | None:
    while isinstance(storage, WrapperStorage):
        if isinstance(storage, kind):
            return storage
        storage = storage.inner
    return None
