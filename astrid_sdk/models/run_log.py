"""A log entry into MLflow: run, files, lineage, and last of all the model's state READY.

Each part looks first whether it is done, so that an entry that was stopped anywhere can be carried
out again, and carrying it out twice changes nothing.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from pathlib import Path
from typing import Any

from astrid_sdk.canonical import JsonValue, canonical_json
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.errors import AstridError
from astrid_sdk.models.artifact_places import ArtifactPlace
from astrid_sdk.models.artifact_storage import MLflowArtifactStorage
from astrid_sdk.models.log_entry import ARTIFACTS_FOLDER, MODEL_FOLDER, LogEntry
from astrid_sdk.models.logged_model import LoggedModel
from astrid_sdk.models.model_manifest import ModelManifest, record_model
from astrid_sdk.models.quiet import mlflow_module
from astrid_sdk.models.writing import files_of, ingested, nothing_recorded, write_files
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.parallel import batched
from astrid_sdk.tiers import Tier

LOG_ID = "astrid.log_id"
MODEL_HASH = "astrid.model_hash"
DATASET = "astrid.dataset"
DATASET_HASH = "astrid.dataset_hash"
_AT_ONCE = 100
_DIGEST = 36  # what MLflow takes


class RunLog:
    """Carries log entries out.

    Parameters
    ----------
    artifacts : MLflowArtifactStorage
    cas : ContentAddressedStorage
    derivations : Derivations
    dataset_version : callable
        Returns the dataset version that a name means, such as ``"sn-train@v2"``.
    """

    def __init__(
        self,
        artifacts: MLflowArtifactStorage,
        cas: ContentAddressedStorage,
        derivations: Derivations,
        dataset_version: Callable[[str], DatasetVersion],
    ) -> None:
        self._artifacts = artifacts
        self._tracking = artifacts.tracking
        self._cas = cas
        self._derivations = derivations
        self.dataset_version = dataset_version

    def carry_out(self, entry: LogEntry, folder: Path) -> LoggedModel:
        """Write all of `entry`, whose files are in `folder`.

        Raises
        ------
        StorageUnavailableError
            MLflow or the store is away; what was begun is finished by the next call.
        AstridError
            It cannot be written; what was begun is marked as failed.
        """
        dataset = None if entry.dataset is None else self.dataset_version(entry.dataset)
        run = self._run(entry)
        model = self._model(entry, run)
        try:
            return self._filled(entry, folder, run, model, dataset)
        except AstridError:
            if model.status != "READY":
                self._give_up(entry, run, model)
            raise

    def _filled(
        self, entry: LogEntry, folder: Path, run: Any, model: Any, dataset: DatasetVersion | None
    ) -> LoggedModel:
        manifest = self._write_files(run, model, folder)
        self._record(entry, run, model, manifest, dataset)
        self._say(entry, run, model, manifest, dataset)
        self._finish(entry, run, model)
        return LoggedModel(
            name=entry.name,
            model_id=str(model.model_id),
            run_id=str(run.info.run_id),
            uri=f"models:/{model.model_id}",
            model_hash=manifest.model_hash,
            dataset=entry.dataset,
        )

    def _run(self, entry: LogEntry) -> Any:
        if entry.run_id is not None:
            return self._artifacts.places.run(entry.run_id)
        experiment_id = self._tracking.experiment_id(entry.experiment)
        begun = f"tags.`{LOG_ID}` = '{entry.log_id}'"
        for run in self._tracking.runs(experiment_id, begun):
            return run
        return self._tracking.ask(
            lambda client: client.create_run(
                experiment_id,
                start_time=entry.time_ms,
                tags={LOG_ID: entry.log_id},
                run_name=entry.run_name,
            )
        )

    def _model(self, entry: LogEntry, run: Any) -> Any:
        experiment_id, run_id = run.info.experiment_id, run.info.run_id
        for model in self._tracking.logged_models(experiment_id, name=entry.name):
            if model.source_run_id == run_id and model.tags.get(LOG_ID) == entry.log_id:
                return model
        return self._tracking.ask(
            lambda client: client.create_logged_model(
                experiment_id,
                name=entry.name,
                source_run_id=run_id,
                tags={LOG_ID: entry.log_id},
                params=dict(entry.params),
            )
        )

    def _write_files(self, run: Any, model: Any, folder: Path) -> ModelManifest:
        run_id = str(run.info.run_id)
        extra = folder / ARTIFACTS_FOLDER
        if extra.is_dir():
            files = self._artifacts.places.files(ArtifactPlace(run.info.artifact_uri, run_id, ""))
            records = ingested(f"runs:/{run_id}", Tier.ARTIFACTS)
            write_files(self._cas, files, files_of(extra), Tier.ARTIFACTS, records)
        place = ArtifactPlace(model.artifact_location, model.model_id, "")
        target = self._artifacts.places.files(place)
        given = files_of(folder / MODEL_FOLDER)
        hashes = write_files(self._cas, target, given, Tier.MODELS, nothing_recorded)
        return ModelManifest.of(hashes)

    def _record(
        self,
        entry: LogEntry,
        run: Any,
        model: Any,
        manifest: ModelManifest,
        dataset: DatasetVersion | None,
    ) -> None:
        inputs = {role: list(hashes) for role, hashes in entry.inputs.items()}
        if dataset is not None:
            inputs["dataset"] = [dataset.manifest_hash]
        facts = {
            "run_id": run.info.run_id,
            "model_id": model.model_id,
            "dataset": entry.dataset,
            "metrics": {name: repr(value) for name, _, value in entry.metrics},
        }
        record_model(self._derivations, self._cas, manifest, inputs, name=entry.name, facts=facts)

    def _say(
        self,
        entry: LogEntry,
        run: Any,
        model: Any,
        manifest: ModelManifest,
        dataset: DatasetVersion | None,
    ) -> None:
        """Write parameters, metrics, tags, and MLflow's own links to dataset and model."""
        run_id, model_id = str(run.info.run_id), str(model.model_id)
        tags = {**entry.tags, **_told(manifest, dataset)}
        self._log_batches(run_id, "params", _params(entry.params))
        self._log_batches(run_id, "tags", _tags(tags))
        self._log_metrics(run_id, model_id, entry, dataset)
        self._tracking.ask(lambda client: client.set_logged_model_tags(model_id, tags))
        if dataset is not None:
            given = [self._dataset_input(dataset)]
            self._tracking.ask(lambda client: client.log_inputs(run_id, datasets=given))
        outputs = mlflow_module("mlflow.entities").LoggedModelOutput(model_id, 0)
        known = self._artifacts.places.run(run_id).outputs
        if model_id not in {each.model_id for each in known.model_outputs}:
            self._tracking.ask(lambda client: client.log_outputs(run_id, [outputs]))

    def _log_batches(self, run_id: str, kind: str, values: Sequence[Any]) -> None:
        """Write parameters, tags or metrics, as many at a time as MLflow takes."""
        for some in batched(values, _AT_ONCE):
            self._tracking.ask(methodcaller("log_batch", run_id, **{kind: some}))

    def _log_metrics(
        self, run_id: str, model_id: str, entry: LogEntry, dataset: DatasetVersion | None
    ) -> None:
        metric = mlflow_module("mlflow.entities").Metric
        named = {} if dataset is None else _named(dataset)
        metrics = [
            metric(name, value, entry.time_ms, step, model_id=model_id, **named)
            for name, step, value in entry.metrics
        ]
        self._log_batches(run_id, "metrics", metrics)

    def _dataset_input(self, dataset: DatasetVersion) -> Any:
        """Return the dataset version in MLflow's words: its UI shows name, digest and source."""
        entities = mlflow_module("mlflow.entities")
        named = _named(dataset)
        key = blob_key(dataset.manifest_hash, Tier.DATASETS)
        uri = f"{self._artifacts.places.store_root}/{key}"
        profile: dict[str, JsonValue] = {"version": dataset.name, "files": dataset.files}
        return entities.DatasetInput(
            dataset=entities.Dataset(
                name=named["dataset_name"],
                digest=named["dataset_digest"],
                source_type="s3" if uri.startswith("s3:") else "local",
                source=canonical_json({"uri": uri}).decode(),
                profile=canonical_json(profile).decode(),
            ),
            tags=[
                entities.InputTag("mlflow.data.context", "training"),
                entities.InputTag(DATASET_HASH, dataset.manifest_hash),
            ],
        )

    def _finish(self, entry: LogEntry, run: Any, model: Any) -> None:
        self._tracking.ask(lambda client: client.finalize_logged_model(model.model_id, "READY"))
        if entry.run_id is None:
            self._tracking.ask(lambda client: client.set_terminated(run.info.run_id, "FINISHED"))

    def _give_up(self, entry: LogEntry, run: Any, model: Any) -> None:
        """Leave nothing that looks finished; where MLflow is away it is pending, and found so."""
        with contextlib.suppress(AstridError):
            self._tracking.ask(
                lambda client: client.finalize_logged_model(model.model_id, "FAILED")
            )
            if entry.run_id is None:
                self._tracking.ask(lambda client: client.set_terminated(run.info.run_id, "FAILED"))


def _told(manifest: ModelManifest, dataset: DatasetVersion | None) -> dict[str, str]:
    told = {MODEL_HASH: manifest.model_hash}
    if dataset is not None:
        told |= {DATASET: dataset.name, DATASET_HASH: dataset.manifest_hash}
    return told


def _named(dataset: DatasetVersion) -> dict[str, str]:
    return {"dataset_name": dataset.name, "dataset_digest": dataset.manifest_hash[:_DIGEST]}


def _params(given: Mapping[str, str]) -> list[Any]:
    entity = mlflow_module("mlflow.entities").Param
    return [entity(name, value) for name, value in given.items()]


def _tags(given: Mapping[str, str]) -> list[Any]:
    entity = mlflow_module("mlflow.entities").RunTag
    return [entity(name, value) for name, value in given.items()]
