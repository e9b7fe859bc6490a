"""Astrid: the place where a transient-hunting team keeps its sky.

>>> import astrid_sdk
>>> astrid = astrid_sdk.connect()      # a folder on this machine, or R2 when it is configured
>>> astrid.ingest("nights/")

The names below are loaded when they are first used: importing this package is free.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrid_sdk.catalog.deleting import Deletion
    from astrid_sdk.catalog.ingest.report import IngestReport
    from astrid_sdk.catalog.lineage.graph import LineageGraph
    from astrid_sdk.catalog.models.detection import Detection
    from astrid_sdk.catalog.models.difference_image import DifferenceImage
    from astrid_sdk.catalog.models.observation import Observation
    from astrid_sdk.catalog.models.training_sample import TrainingSample
    from astrid_sdk.catalog.pairs.guard import GuardState
    from astrid_sdk.catalog.pairs.known_transients import KnownTransient
    from astrid_sdk.catalog.pairs.search import PairRules
    from astrid_sdk.catalog.pairs.table import Pair, PairTable
    from astrid_sdk.catalog.search.finding import FoundTable, Query
    from astrid_sdk.catalog.steps.derivation import Derivation
    from astrid_sdk.catalog.steps.reproduce import Reproduction
    from astrid_sdk.config import Secret, StorageConfig
    from astrid_sdk.connecting import connect
    from astrid_sdk.datasets.checkout import Checkout
    from astrid_sdk.datasets.datasets import Datasets
    from astrid_sdk.datasets.diff.dataset_diff import DatasetDiff
    from astrid_sdk.datasets.dvc.client import DVCClient
    from astrid_sdk.datasets.export.report import Export
    from astrid_sdk.datasets.information import DatasetInformation
    from astrid_sdk.datasets.labels.label import Label
    from astrid_sdk.datasets.labels.labels import Labels
    from astrid_sdk.datasets.labels.table import LabelTable
    from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
    from astrid_sdk.datasets.splits.leaks import Leak, LeakageReport
    from astrid_sdk.datasets.splits.split import Split
    from astrid_sdk.datasets.versions import DatasetVersion
    from astrid_sdk.errors import (
        AccessDeniedError,
        AstridError,
        ConflictError,
        CorruptionError,
        InvalidInputError,
        NeededError,
        NotFoundError,
        QuotaExceededError,
        RateLimitedError,
        StorageUnavailableError,
    )
    from astrid_sdk.models.artifact_storage import MLflowArtifactStorage
    from astrid_sdk.models.storage_config import MLflowStorageConfig
    from astrid_sdk.session import AstridSession
    from astrid_sdk.storage.base import ObjectStorage
    from astrid_sdk.storage.blobs import ContentHash
    from astrid_sdk.storage.capabilities import Capabilities
    from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
    from astrid_sdk.storage.http_limits import Timeouts
    from astrid_sdk.storage.ledger import Quota
    from astrid_sdk.storage.local_client import LocalStorageClient
    from astrid_sdk.storage.memory_client import MemoryStorageClient
    from astrid_sdk.storage.r2_client import R2StorageClient
    from astrid_sdk.storage.retrying import RetryPolicy
    from astrid_sdk.storage.store_report import StoreReport
    from astrid_sdk.tiers import Tier

_HOMES = {
    "AccessDeniedError": "errors",
    "AstridError": "errors",
    "AstridSession": "session",
    "Capabilities": "storage.capabilities",
    "Checkout": "datasets.checkout",
    "ConflictError": "errors",
    "ContentAddressedStorage": "storage.content_addressed_storage",
    "ContentHash": "storage.blobs",
    "CorruptionError": "errors",
    "DVCClient": "datasets.dvc.client",
    "DatasetDiff": "datasets.diff.dataset_diff",
    "DatasetFile": "datasets.manifest",
    "DatasetInformation": "datasets.information",
    "DatasetManifest": "datasets.manifest",
    "DatasetVersion": "datasets.versions",
    "Datasets": "datasets.datasets",
    "Deletion": "catalog.deleting",
    "Derivation": "catalog.steps.derivation",
    "Detection": "catalog.models.detection",
    "DifferenceImage": "catalog.models.difference_image",
    "Export": "datasets.export.report",
    "FoundTable": "catalog.search.finding",
    "GuardState": "catalog.pairs.guard",
    "IngestReport": "catalog.ingest.report",
    "InvalidInputError": "errors",
    "KnownTransient": "catalog.pairs.known_transients",
    "Label": "datasets.labels.label",
    "LabelTable": "datasets.labels.table",
    "Labels": "datasets.labels.labels",
    "Leak": "datasets.splits.leaks",
    "LeakageReport": "datasets.splits.leaks",
    "LineageGraph": "catalog.lineage.graph",
    "LocalStorageClient": "storage.local_client",
    "MLflowArtifactStorage": "models.artifact_storage",
    "MLflowStorageConfig": "models.storage_config",
    "MemoryStorageClient": "storage.memory_client",
    "NeededError": "errors",
    "NotFoundError": "errors",
    "ObjectStorage": "storage.base",
    "Observation": "catalog.models.observation",
    "Pair": "catalog.pairs.table",
    "PairRules": "catalog.pairs.search",
    "PairTable": "catalog.pairs.table",
    "Query": "catalog.search.finding",
    "Quota": "storage.ledger",
    "QuotaExceededError": "errors",
    "R2StorageClient": "storage.r2_client",
    "RateLimitedError": "errors",
    "Reproduction": "catalog.steps.reproduce",
    "RetryPolicy": "storage.retrying",
    "Secret": "config",
    "Split": "datasets.splits.split",
    "StorageConfig": "config",
    "StorageUnavailableError": "errors",
    "StoreReport": "storage.store_report",
    "Tier": "tiers",
    "Timeouts": "storage.http_limits",
    "TrainingSample": "catalog.models.training_sample",
    "connect": "connecting",
}

__all__ = [
    "AccessDeniedError",
    "AstridError",
    "AstridSession",
    "Capabilities",
    "Checkout",
    "ConflictError",
    "ContentAddressedStorage",
    "ContentHash",
    "CorruptionError",
    "DVCClient",
    "DatasetDiff",
    "DatasetFile",
    "DatasetInformation",
    "DatasetManifest",
    "DatasetVersion",
    "Datasets",
    "Deletion",
    "Derivation",
    "Detection",
    "DifferenceImage",
    "Export",
    "FoundTable",
    "GuardState",
    "IngestReport",
    "InvalidInputError",
    "KnownTransient",
    "Label",
    "LabelTable",
    "Labels",
    "Leak",
    "LeakageReport",
    "LineageGraph",
    "LocalStorageClient",
    "MLflowArtifactStorage",
    "MLflowStorageConfig",
    "MemoryStorageClient",
    "NeededError",
    "NotFoundError",
    "ObjectStorage",
    "Observation",
    "Pair",
    "PairRules",
    "PairTable",
    "Query",
    "Quota",
    "QuotaExceededError",
    "R2StorageClient",
    "RateLimitedError",
    "Reproduction",
    "RetryPolicy",
    "Secret",
    "Split",
    "StorageConfig",
    "StorageUnavailableError",
    "StoreReport",
    "Tier",
    "Timeouts",
    "TrainingSample",
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
