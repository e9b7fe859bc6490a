"""The parts that a session bundles, each made when it is first used."""

import shutil
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from astrid_sdk.assemble import known_steps
from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.steps.deriving import Deriving
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.config import StorageConfig
from astrid_sdk.datasets.registry import DatasetRegistry
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import RecordLog
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.stack import spooling_of
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:
    from astrid_sdk.pipeline.survey import Survey

PROBE = f"{Tier.TEMP.value}/can-write"


class SessionParts:
    """A store, and the layers on top of it.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    home : Path
        Folder on this machine for what is no part of the store: Dagster's run history, pictures.
    config : StorageConfig, optional
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        home: Path,
        *,
        config: StorageConfig | None = None,
    ) -> None:
        self._storage = storage
        self._config = config
        self._remove_home: Callable[[], object] | None = None
        self.bucket = bucket
        self.home = home.absolute()
        self._seen = SeenContents(self.home / "seen.sqlite")

    def prepare(self) -> None:
        """Make sure that the bucket is there and can be written.

        Raises
        ------
        AccessDeniedError, StorageUnavailableError
            The store cannot be used; the message says what to do.
        """
        try:
            self._storage.list_files(self.bucket, PROBE)
        except NotFoundError:
            self._storage.create_bucket(self.bucket)
        self._storage.upload_file(self.bucket, PROBE, b"", "application/octet-stream")
        self._storage.delete_file(self.bucket, PROBE)

    @property
    def r2(self) -> ObjectStorage:
        """The storage client: bytes by bucket and key, whichever store it is."""
        return self._storage

    @cached_property
    def cas(self) -> ContentAddressedStorage:
        """Bytes by content hash.

        Raises
        ------
        InvalidInputError
            The configuration switches content addressing off.
        """
        if self._config is not None and not self._config.content_addressing_enabled:
            raise InvalidInputError(
                "content addressing is switched off in the configuration: set "
                "ASTRID_CONTENT_ADDRESSING_ENABLED=true, or work by key with .r2"
            )
        deduplicate = self._config is None or self._config.deduplication_enabled
        return ContentAddressedStorage(
            self._storage,
            self.bucket,
            records=self._records,
            deduplicate=deduplicate,
            seen=self._seen,
        )

    @cached_property
    def derivations(self) -> Derivations:
        """Computations that were done, by key."""
        return Derivations(self._storage, self.bucket, self.cas, self._records)

    @cached_property
    def catalog(self) -> Catalog:
        """The index over what is stored."""
        return Catalog(self._storage, self.bucket, self._records, self.derivations)

    @cached_property
    def survey(self) -> "Survey":
        """The chain from raw frames to detections."""
        from astrid_sdk.pipeline.survey import Survey  # noqa: PLC0415 - scipy takes seconds

        return Survey(self.catalog, self.derivations)

    @cached_property
    def datasets(self) -> DatasetRegistry:
        """Named dataset versions."""
        return DatasetRegistry(self._storage, self.bucket, self.cas, self.derivations)

    @cached_property
    def lineages(self) -> Lineages:
        """What was made from what."""
        return Lineages(self.catalog, self.derivations, self.datasets.versions_of)

    @cached_property
    def deriving(self) -> Deriving:
        """People's own functions, run once; and running again what was made."""
        return Deriving(self.catalog, self.derivations, self.cas, known_steps())

    @cached_property
    def _records(self) -> RecordLog:
        return RecordLog(self._storage, self.bucket)

    @property
    def pending(self) -> int:
        """How many writes wait on this machine for the store to be back."""
        spooling = spooling_of(self._storage)
        return 0 if spooling is None else spooling.pending

    def sync(self, *, retry_refused: bool = False) -> int:
        """Bring what waits here into the store; return how many: see `SpoolingStorage.sync`."""
        spooling = spooling_of(self._storage)
        return 0 if spooling is None else spooling.sync(retry_refused=retry_refused)

    def close(self) -> None:
        """Give back what the session holds; a private folder is removed."""
        self._storage.close()
        self._seen.close()
        if self._remove_home is not None:
            self._remove_home()

    def make_private(self) -> None:
        """Remove the home folder on `close`, at the latest when the session is forgotten."""
        self._remove_home = weakref.finalize(self, shutil.rmtree, self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
