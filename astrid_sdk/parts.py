"""The parts that a session bundles, each made when it is first used."""

import shutil
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from astrid_sdk.assemble import known_steps, newest_detections, triplets_of
from astrid_sdk.catalog.deleting import Deleting
from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.steps.deriving import Deriving
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.config import StorageConfig
from astrid_sdk.datasets.datasets import Datasets
from astrid_sdk.datasets.dvc.client import DVCClient
from astrid_sdk.datasets.labels.labels import Labels
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.models.artifact_storage import MLflowArtifactStorage
from astrid_sdk.models.log_spool import LogSpool
from astrid_sdk.models.models import Models
from astrid_sdk.models.registered_names import RegisteredNames
from astrid_sdk.models.run_log import RunLog
from astrid_sdk.models.serving import ServerStart, server_start
from astrid_sdk.models.setting_up import FOLDER as MLFLOW_FOLDER
from astrid_sdk.models.setting_up import mlflow_config
from astrid_sdk.models.tracking import Tracking
from astrid_sdk.storage.audit.audit import Audit
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import RecordLog
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.stack import audited_of, spooling_of
from astrid_sdk.storage.tombstones import Tombstones
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:
    from astrid_sdk.models.real_bogus.real_bogus import RealBogus
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
    def datasets(self) -> Datasets:
        """Named datasets: versions, what is said of them, tags."""
        return Datasets(
            self._storage,
            self.bucket,
            cas=self.cas,
            catalog=self.catalog,
            derivations=self.derivations,
            lineages=lambda: self.lineages,
            labels=self.labels.current,
        )

    @cached_property
    def dvc(self) -> DVCClient:
        """Folders as dataset versions that stock DVC understands too."""
        return DVCClient(
            self._storage,
            self.bucket,
            cas=self.cas,
            datasets=self.datasets,
            seen=self._seen,
            remote_url=self._config.dvc_remote_url if self._config is not None else "",
        )

    @cached_property
    def labels(self) -> Labels:
        """What people say a cutout shows."""
        return Labels(self.catalog, self._records, self._cut_out)

    @cached_property
    def lineages(self) -> Lineages:
        """What was made from what."""
        return Lineages(self.catalog, self.derivations, self._versions_of)

    @cached_property
    def deriving(self) -> Deriving:
        """People's own functions, run once; and running again what was made."""
        return Deriving(self.catalog, self.derivations, self.cas, known_steps())

    @cached_property
    def mlflow(self) -> MLflowArtifactStorage:
        """Files of MLflow runs, verified; `mlflow.config` says where they and the runs are."""
        config = mlflow_config(self._storage, self.bucket, self.home, self._config)
        tracking = Tracking(config, self.home / MLFLOW_FOLDER)
        return MLflowArtifactStorage(self._storage, self.bucket, self.cas, tracking)

    def mlflow_server(self, host: str, port: int) -> ServerStart:
        """Return how to start MLflow's server and UI on the runs of this store.

        Raises
        ------
        InvalidInputError
            The runs are on a server already.
        """
        home = self.home / MLFLOW_FOLDER
        return server_start(self.mlflow.config, self._config, home, host, port)

    @cached_property
    def models(self) -> Models:
        """Models: logged with what they were trained on, loaded verified, registered, compared."""
        run_log = RunLog(self.mlflow, self.cas, self.derivations, self.datasets.get)
        spool = LogSpool(self.home / MLFLOW_FOLDER / "spool")
        return Models(self.mlflow, self.catalog, run_log, spool, self._registered_names)

    @cached_property
    def real_bogus(self) -> "RealBogus":
        """The model that tells transients from artefacts, and its scores."""
        from astrid_sdk.models.real_bogus.real_bogus import RealBogus  # noqa: PLC0415 - as survey

        return RealBogus(
            self.catalog,
            self.cas,
            self.derivations,
            self.datasets,
            lambda: self.models,
            self._registered_names,
        )

    @cached_property
    def _registered_names(self) -> RegisteredNames:
        return RegisteredNames(self._storage, self.bucket)

    def _versions_of(self, contents: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return which dataset versions and registered models each of `contents` is."""
        names = self._registered_names.versions_of(contents)
        return {**self.datasets.versions_of(contents), **names}

    @cached_property
    def audit(self) -> Audit:
        """Who changed what in the store."""
        return Audit(self._storage, self.bucket, audited_of(self._storage))

    @cached_property
    def _records(self) -> RecordLog:
        return RecordLog(self._storage, self.bucket, self._tombstones)

    @cached_property
    def _tombstones(self) -> Tombstones:
        return Tombstones(self._storage, self.bucket, self._seen)

    @cached_property
    def _deleting(self) -> Deleting:
        return Deleting(self.catalog, self._records, self.lineages.impact)

    def _cut_out(self) -> Mapping[str, str | None]:
        return triplets_of(newest_detections(self.catalog, self.cas, self.derivations))

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
