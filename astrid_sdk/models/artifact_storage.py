"""`MLflowArtifactStorage`: files of MLflow runs in our store, each with its recorded SHA-256."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typing_extensions import override

from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.models.artifact_places import ArtifactPlace, ArtifactPlaces
from astrid_sdk.models.storage_config import MLflowStorageConfig
from astrid_sdk.models.tracking import Tracking
from astrid_sdk.models.verified_files import VerifiedFiles
from astrid_sdk.models.writing import files_of, ingested, write_files
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier


class MLflowArtifactStorage:
    """The files of runs and logged models: plain files for MLflow, verified ones for us.

    A file that is stored goes to the tier ``artifacts`` by its hash, as a plain copy to where
    MLflow's UI and clients look for it, and its hash into a list beside it.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    cas : ContentAddressedStorage
    tracking : Tracking
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        cas: ContentAddressedStorage,
        tracking: Tracking,
    ) -> None:
        self._cas = cas
        self.tracking = tracking
        self.places = ArtifactPlaces(storage, bucket, tracking)

    @property
    def config(self) -> MLflowStorageConfig:
        """Where runs and files are, how they are laid out, and who may do what."""
        return self.tracking.config

    def client(self) -> Any:
        """Return an ``mlflow.MlflowClient`` of these runs, for all that MLflow itself can do."""
        return self.tracking.client()

    def create_run(self, experiment: str = "", name: str | None = None) -> str:
        """Begin a run and return its id.

        Parameters
        ----------
        experiment : str, optional
            Made where it is not there; the one for runs that name none by default.
        name : str, optional
            MLflow gives one otherwise.
        """
        experiment_id = self.tracking.experiment_id(experiment or self.config.default_experiment)
        run = self.tracking.ask(lambda client: client.create_run(experiment_id, run_name=name))
        return str(run.info.run_id)

    def store_model_artifact(
        self, model_path: str, run_id: str, *, artifact_path: str | None = None
    ) -> str:
        """Store a file, or a folder with all below it, among the files of a run.

        Parameters
        ----------
        model_path : str
            A file or folder on this machine.
        run_id : str
            The run it belongs to.
        artifact_path : str, optional
            What it is to be called there; its own name in the folder ``model`` by default.

        Returns
        -------
        str
            Its URI, ``runs:/<run_id>/<path>``.

        Raises
        ------
        InvalidInputError
            Nothing is at `model_path`, or it changes while it is read.
        NotFoundError
            There is no such run.
        StorageUnavailableError
            MLflow or the store gave no answer; calling again is safe.
        """
        local = Path(model_path)
        path = artifact_path or f"{self.config.model_folder}/{local.resolve().name}"
        files = files_of(local, path)
        root = ArtifactPlace(self.places.run(run_id).info.artifact_uri, run_id, "")
        records = ingested(f"runs:/{run_id}", Tier.ARTIFACTS)
        write_files(self._cas, self.places.files(root), files, Tier.ARTIFACTS, records)
        return f"runs:/{run_id}/{path}"

    def retrieve_model_artifact(self, artifact_uri: str) -> bytes:
        """Return the bytes of a file, verified where its hash was recorded.

        Parameters
        ----------
        artifact_uri : str
            ``runs:/``, ``models:/`` (name/version, name@alias or m-<id>, then the path), ``r2://``,
            ``s3://``, ``file://`` or ``mlflow-artifacts:/``.

        Raises
        ------
        InvalidInputError
            It is a folder, or no such URI.
        NotFoundError
            It is not there.
        CorruptionError
            The bytes are not those that were stored; the message names both hashes.
        """
        place = self.places.find(artifact_uri)
        files = self.files(place)
        listed = [found.path for found in files.listed(place.path)]
        if listed and listed != [place.path]:
            raise InvalidInputError(
                f"{artifact_uri} is a folder of {len(listed)} files: use "
                "download_model_artifacts(uri, folder)",
                kind="artifact_folder",
            )
        if not listed:
            raise NotFoundError(f"{place.shown} is not there: list_model_artifacts tells what is")
        return files.read(place.path)

    def download_model_artifacts(self, artifact_uri: str, folder: str | Path) -> Path:
        """Write a file, or a folder with all below it, into `folder`; each file verified.

        Returns
        -------
        Path
            The file or folder that was written, of the name it has there.

        Raises
        ------
        NotFoundError, CorruptionError
            As `retrieve_model_artifact`; files before the damaged one are written.
        InvalidInputError
            A name would lead out of `folder`.
        """
        place = self.places.find(artifact_uri)
        files = self.files(place)
        above = place.path.rpartition("/")[0]
        target = Path(folder)
        listed = [found.path for found in files.listed(place.path)]
        if not listed:
            raise NotFoundError(f"{place.shown} is not there: list_model_artifacts tells what is")
        for path in listed:
            local = target / path.removeprefix(above).lstrip("/")
            _require_inside(local, target)
            local.parent.mkdir(parents=True, exist_ok=True)
            files.save(path, local)
        return target / place.path.rpartition("/")[2]

    def list_model_artifacts(self, experiment_id: str) -> list[dict[str, Any]]:
        """Return all files of all runs and logged models of an experiment.

        Parameters
        ----------
        experiment_id : str

        Returns
        -------
        list of dict
            ``run_id``, ``model_id`` (None for files of a run), ``path``, ``uri``, ``size_bytes``,
            ``content_hash`` (None where another tool wrote the file) and ``created_at``.

        Raises
        ------
        NotFoundError
            There is no such experiment.
        """
        self.tracking.experiment(experiment_id)
        return [
            *self._rows(_run_places(self.tracking.runs(experiment_id))),
            *self._rows(_model_places(self.tracking.logged_models(experiment_id))),
        ]

    def verify(self, artifact_uri: str) -> str | None:
        """Read a file and return the hash that was recorded of it, None where nobody recorded one.

        Raises
        ------
        NotFoundError, CorruptionError
            As `retrieve_model_artifact`.
        """
        place = self.places.find(artifact_uri)
        self.retrieve_model_artifact(artifact_uri)
        return self.files(place).hash_of(place.path)

    def files(self, place: ArtifactPlace) -> VerifiedFiles:
        """Return the files of the run or model that `place` is in, with their hashes."""
        return VerifiedFiles(self.places.files(place), place)

    @override
    def __repr__(self) -> str:
        return f"<MLflowArtifactStorage: runs at {self.config.shown_tracking_uri}>"

    def _rows(self, places: Iterator[tuple[str, str | None, str, ArtifactPlace]]) -> Iterator[Any]:
        for run_id, model_id, prefix, place in places:
            files = self.files(place)
            for found in files.listed():
                yield {
                    "run_id": run_id,
                    "model_id": model_id,
                    "path": found.path,
                    "uri": f"{prefix}/{found.path}",
                    "size_bytes": found.size_bytes,
                    "content_hash": files.hash_of(found.path),
                    "created_at": _utc(found.created_at),
                }


def _run_places(runs: Iterator[Any]) -> Iterator[tuple[str, str | None, str, ArtifactPlace]]:
    for run in runs:
        run_id = str(run.info.run_id)
        place = ArtifactPlace(run.info.artifact_uri, run_id, "")
        yield run_id, None, f"runs:/{run_id}", place


def _model_places(models: Iterator[Any]) -> Iterator[tuple[str, str | None, str, ArtifactPlace]]:
    for model in models:
        place = ArtifactPlace(model.artifact_location, model.model_id, "")
        yield model.source_run_id, model.model_id, str(model.artifact_location), place


def _utc(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).isoformat()


def _require_inside(path: Path, folder: Path) -> None:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidInputError(f"{path} would be written outside {folder}", kind="path")
