"""Astrid: the place where a transient-hunting team keeps its sky.

>>> import astrid_sdk
>>> astrid = astrid_sdk.connect()      # a folder on this machine, or R2 when it is configured
>>> astrid.ingest("nights/")

The names below are loaded when they are first used: importing this package is free.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrid_sdk.catalog.ingest import IngestReport
    from astrid_sdk.catalog.lineage import Lineage
    from astrid_sdk.catalog.search import FoundTable, Query
    from astrid_sdk.config import Secret, StorageConfig
    from astrid_sdk.connecting import connect
    from astrid_sdk.errors import (
        AccessDeniedError,
        AstridError,
        ConflictError,
        CorruptionError,
        InvalidInputError,
        NotFoundError,
        StorageUnavailableError,
    )
    from astrid_sdk.session import AstridSession
    from astrid_sdk.storage.base import ObjectStorage
    from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
    from astrid_sdk.storage.local_client import LocalStorageClient
    from astrid_sdk.storage.r2_client import R2StorageClient
    from astrid_sdk.tiers import Tier

_HOMES = {
    "AccessDeniedError": "errors",
    "AstridError": "errors",
    "AstridSession": "session",
    "ConflictError": "errors",
    "ContentAddressedStorage": "storage.content_addressed_storage",
    "CorruptionError": "errors",
    "FoundTable": "catalog.search",
    "IngestReport": "catalog.ingest",
    "InvalidInputError": "errors",
    "Lineage": "catalog.lineage",
    "LocalStorageClient": "storage.local_client",
    "NotFoundError": "errors",
    "ObjectStorage": "storage.base",
    "Query": "catalog.search",
    "R2StorageClient": "storage.r2_client",
    "Secret": "config",
    "StorageConfig": "config",
    "StorageUnavailableError": "errors",
    "Tier": "tiers",
    "connect": "connecting",
}

__all__ = [
    "AccessDeniedError",
    "AstridError",
    "AstridSession",
    "ConflictError",
    "ContentAddressedStorage",
    "CorruptionError",
    "FoundTable",
    "IngestReport",
    "InvalidInputError",
    "Lineage",
    "LocalStorageClient",
    "NotFoundError",
    "ObjectStorage",
    "Query",
    "R2StorageClient",
    "Secret",
    "StorageConfig",
    "StorageUnavailableError",
    "Tier",
    "connect",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"astrid_sdk has no {name!r}: it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"astrid_sdk.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
