"""`Models`: models logged, loaded, registered, promoted and compared."""

import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.versions import DatasetVersion, VersionName
from astrid_sdk.errors import InvalidInputError, StorageUnavailableError
from astrid_sdk.models import comparing, loading
from astrid_sdk.models.artifact_storage import MLflowArtifactStorage
from astrid_sdk.models.distrust import reasons_to_distrust
from astrid_sdk.models.log_entry import (
    ARTIFACTS_FOLDER,
    MODEL_FOLDER,
    LogEntry,
    metrics_of,
    texts_of,
)
from astrid_sdk.models.log_spool import LogSpool
from astrid_sdk.models.logged_model import (
    AnyModel,
    LoggedModel,
    ModelComparison,
    ModelVersion,
    uri_of,
)
from astrid_sdk.models.registered_names import RegisteredNames
from astrid_sdk.models.registry import ModelRegistry
from astrid_sdk.models.run_log import RunLog
from astrid_sdk.models.safe_loading import save_model
from astrid_sdk.models.writing import files_of


class Models:
    """The models of one store. Made by a session, as `astrid.models`.

    Parameters
    ----------
    artifacts : MLflowArtifactStorage
    catalog : Catalog
    run_log : RunLog
    spool : LogSpool
    names : RegisteredNames
        Where lineage finds what was registered.
    """

    def __init__(
        self,
        artifacts: MLflowArtifactStorage,
        catalog: Catalog,
        run_log: RunLog,
        spool: LogSpool,
        names: RegisteredNames,
    ) -> None:
        self._artifacts = artifacts
        self._catalog = catalog
        self._run_log = run_log
        self._spool = spool
        self._names = names
        self._registry = ModelRegistry(artifacts)

    def log(  # noqa: PLR0913 - what a run can say, all by keyword
        self,
        model: Any,
        name: str,
        *,
        run_id: str | None = None,
        experiment: str = "",
        run_name: str | None = None,
        dataset: str | DatasetVersion | None = None,
        inputs: Mapping[str, Sequence[str]] | None = None,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float | Sequence[float]] | None = None,
        tags: Mapping[str, str] | None = None,
        artifacts: Mapping[str, str | Path] | None = None,
        allow_pickle: bool = False,
        spool: bool = False,
        **options: Any,
    ) -> LoggedModel:
        """Log a model with what it was trained on, and how it did.

        Parameters
        ----------
        model : object, str or Path
            A scikit-learn estimator (also XGBoost, LightGBM, ONNX), written without pickles; or
            the folder of a model that MLflow's ``save_model`` wrote.
        name : str
            Of the logged model; MLflow takes no ``/ : . % " '`` in it.
        run_id : str, optional
            The run that made it; a new one in `experiment` by default, which is ended.
        experiment, run_name : str, optional
            For a new run.
        dataset : str or DatasetVersion, optional
            The version it was trained on, such as ``"sn-train@v2"``.
        inputs : mapping of str to sequence of str, optional
            What else it was made from: role, such as ``"split"``, to content hashes.
        params, metrics, tags : mapping, optional
            A metric that is a sequence has one value per step.
        artifacts : mapping of str to str or Path, optional
            Files for the run: what each is called there, and where it is here.
        allow_pickle : bool, optional
            Take a model that only pickles can bring back.
        spool : bool, optional
            While MLflow or the store is away, keep all of it on this machine for `replay`.
        **options
            ``signature``, ``input_example`` and ``metadata`` of MLflow's ``save_model``.

        Raises
        ------
        InvalidInputError
            It cannot be written without pickles, or a value cannot be used.
        NotFoundError
            There is no such run or dataset version.
        StorageUnavailableError
            MLflow or the store is away, and `spool` is False. Nothing is half registered.
        """
        entry = LogEntry(
            log_id=uuid.uuid4().hex,
            name=name,
            experiment=experiment or self._artifacts.config.default_experiment,
            run_id=run_id,
            run_name=run_name,
            dataset=self._dataset_name(dataset, spool=spool),
            inputs={role: tuple(hashes) for role, hashes in (inputs or {}).items()},
            params=texts_of(params or {}),
            tags=dict(tags or {}),
            metrics=metrics_of(metrics or {}),
            time_ms=time.time_ns() // 1_000_000,
        )
        with tempfile.TemporaryDirectory(prefix="astrid-log-") as made:
            folder = Path(made)
            _write_model(model, folder / MODEL_FOLDER, allow_pickle=allow_pickle, **options)
            _gather(artifacts or {}, folder / ARTIFACTS_FOLDER)
            return self._carried_out(entry, folder, spool=spool)

    def load(self, uri: AnyModel, *, allow_pickle: bool = False) -> Any:
        """Return the model at `uri`, each file verified before anything is read from it.

        Parameters
        ----------
        uri : str, LoggedModel or ModelVersion
            ``models:/<name>/<version>``, ``models:/<name>@<alias>``, ``models:/m-<id>``, or a
            folder of a run; or what `log` or `register` returned.
        allow_pickle : bool, optional
            Load a model that runs code, if all its files are those of a model that was logged
            into this store. A stranger's is refused.

        Raises
        ------
        AccessDeniedError
            It would run code: ``kind="pickle"`` without `allow_pickle`, ``"stranger"`` where the
            catalogue does not know it, ``"excluded"`` where somebody excluded it.
        CorruptionError
            A file is not as it was stored.
        NotFoundError
            There is no such model.
        """
        found = uri_of(uri)
        return loading.load(self._artifacts, self._catalog, found, allow_pickle=allow_pickle)

    def register(self, name: str, uri: AnyModel) -> ModelVersion:
        """Make the model at `uri`, as `load` takes it, the next version of `name`.

        Raises
        ------
        AccessDeniedError
            You may not.
        ConflictError
            It was not logged to its end (``kind="not_ready"``).
        NotFoundError, InvalidInputError
            It is not there, or not with all its files. Nothing is registered then.
        """
        made = self._registry.register(name, uri_of(uri))
        if made.model_hash:
            self._names.record(made.model_hash, name, made.version)
        return made

    def promote(self, name: str, version: int, alias: str) -> ModelVersion:
        """Let ``models:/<name>@<alias>`` mean this version from now on.

        Raises
        ------
        AccessDeniedError
            You may not.
        NotFoundError
            There is no such version.
        """
        return self._registry.promote(name, version, alias)

    def delete(self, name: str, version: int) -> None:
        """Take a version out of the registry; its files and its lineage stay.

        Raises
        ------
        AccessDeniedError
            You may not.
        ConflictError
            An alias means it (``kind="promoted"``).
        NotFoundError
            There is no such version.
        """
        self._registry.delete(name, version)

    def versions(self, name: str) -> list[ModelVersion]:
        """Return the registered versions of `name`, the first one first."""
        return self._registry.versions(name)

    def compare(self, a: AnyModel, b: AnyModel) -> ModelComparison:
        """Return datasets, metrics and parameters of two models side by side.

        Parameters
        ----------
        a, b : str, LoggedModel or ModelVersion
            As `load` takes them.

        Raises
        ------
        NotFoundError
            One of them is not there.
        """
        return comparing.compare(self._artifacts, uri_of(a), uri_of(b))

    @property
    def waiting(self) -> int:
        """How many logs wait on this machine."""
        return len(self._spool.entries())

    def replay(self) -> int:
        """Log what waits on this machine, in order, each once; return how many.

        Raises
        ------
        StorageUnavailableError
            MLflow or the store is still away; what waits is kept.
        ConflictError
            ``kind="refused"``: all others are logged, but some cannot be.
        """
        return self._spool.replay(self._run_log.carry_out)

    @override
    def __repr__(self) -> str:
        waiting = f", {self.waiting} logs wait" if self.waiting else ""
        return f"<Models at {self._artifacts.config.shown_tracking_uri}{waiting}>"

    def _carried_out(self, entry: LogEntry, folder: Path, *, spool: bool) -> LoggedModel:
        try:
            if spool and self.waiting:
                self.replay()  # what was logged before comes before
            return self._run_log.carry_out(entry, folder)
        except StorageUnavailableError:
            if not spool:
                raise
        self._spool.add(entry, folder)
        return LoggedModel(
            name=entry.name,
            model_id="",
            run_id=entry.run_id or "",
            uri="",
            model_hash=loading.manifest_of(folder / MODEL_FOLDER).model_hash,
            dataset=entry.dataset,
            is_spooled=True,
        )

    def _dataset_name(self, dataset: str | DatasetVersion | None, *, spool: bool) -> str | None:
        """Return the dataset version by its number, so that it means the same later."""
        if dataset is None:
            return None
        if isinstance(dataset, DatasetVersion):
            return dataset.name
        try:
            return self._run_log.dataset_version(dataset).name
        except StorageUnavailableError:
            if not spool or VersionName.parse(dataset).number is None:
                raise
            return dataset


def _write_model(model: Any, folder: Path, *, allow_pickle: bool, **options: Any) -> None:
    """Write a model's files into `folder`, in a form that can be loaded here again."""
    if not isinstance(model, str | Path):
        save_model(model, folder, allow_pickle=allow_pickle, **options)
    else:
        if not Path(model).is_dir():
            raise InvalidInputError(f"{model} is no folder of a model", kind="model")
        _gather(files_of(Path(model)), folder)
    reasons = reasons_to_distrust(folder)
    if reasons and not allow_pickle:
        raise InvalidInputError(
            f"this model runs code when it is loaded ({reasons[0]}): log it with "
            "allow_pickle=True if you made it, and load it so",
            kind="pickle",
        )


def _gather(files: Mapping[str, str | Path], folder: Path) -> None:
    for name, source in files.items():
        for path, local in files_of(Path(source), name).items():
            target = folder / path
            if not target.resolve().is_relative_to(folder.resolve()):
                raise InvalidInputError(f"{name!r} leads out of the run's files", kind="path")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(local, target)
