"""What an artifact URI means: which run or model, which of its files, and who moves the bytes.

MLflow's URIs (``runs:/``, ``models:/``) are read by MLflow's own functions. What lies in our
store, by whichever URI, is moved by our storage layer; everything else by MLflow's repositories.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.models.artifact_files import ArtifactFiles, MlflowFiles, StoreFiles
from astrid_sdk.models.quiet import mlflow_module
from astrid_sdk.models.tracking import Tracking
from astrid_sdk.models.translating import talking_to
from astrid_sdk.storage.base import CATALOG_PREFIX, ObjectStorage

_MODEL_URIS = "mlflow.store.artifact.utils.models"
SCHEMES = ("runs", "models", "r2", "s3", "file", "mlflow-artifacts")
_SHOWN_SCHEMES = ", ".join(f"{scheme}:/" for scheme in SCHEMES)
_ROOT = re.compile(
    r"(?P<root>.*/(?P<owner>[0-9a-f]{32}|m-[0-9a-f]{32})/artifacts)(?:/(?P<path>.*))?"
)
_MODEL_ID = re.compile(r"models:/(?P<model_id>m-[0-9a-f]{32})(?:/(?P<path>.*))?")

_ANY_MODEL_ID = re.compile(r"/(?P<model_id>m-[0-9a-f]{32})(?:/|$)")


@dataclass(frozen=True, slots=True)
class ArtifactPlace:
    """A file or folder among the files of a run or logged model.

    Attributes
    ----------
    root : str
        The URI of all files of that run or model.
    owner : str
        The run's or model's id; "" where the URI does not tell.
    path : str
        Below `root`; "" is all of it.
    """

    root: str
    owner: str
    path: str

    @property
    def shown(self) -> str:
        """What it is, for sentences."""
        kind = "model" if self.owner.startswith("m-") else "run"
        whose = f"of {kind} {self.owner}" if self.owner else f"at {self.root}"
        return f"{self.path or 'the files'} {whose}"


def model_id_in(uri: str) -> str | None:
    """Return the id of the logged model that a URI of its files names, if it does."""
    found = _ANY_MODEL_ID.search(uri)
    return found["model_id"] if found else None


def store_root(storage: ObjectStorage, bucket: str) -> str:
    """Return the URI of the bucket as other tools open it: an ``s3://`` or a ``file://`` one."""
    location = storage.table_location(bucket, "x").uri.removesuffix(f"/{CATALOG_PREFIX}/x")
    return location if "://" in location else Path(location).as_uri()


class ArtifactPlaces:
    """Finds files by their URIs.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    tracking : Tracking
    """

    def __init__(self, storage: ObjectStorage, bucket: str, tracking: Tracking) -> None:
        self._storage = storage
        self._bucket = bucket
        self._tracking = tracking
        self.store_root = store_root(storage, bucket)

    def find(self, uri: str) -> ArtifactPlace:
        """Return what `uri` means.

        Raises
        ------
        InvalidInputError
            It has none of the `SCHEMES`, or is malformed.
        NotFoundError
            MLflow knows no such run, model, version or alias.
        """
        scheme = urlsplit(uri).scheme
        if scheme == "runs":
            return self._of_run(uri)
        if scheme == "models":
            return self._of_model(uri)
        if scheme not in SCHEMES:
            raise InvalidInputError(
                f"{uri!r} is no artifact URI: give one of {_SHOWN_SCHEMES}{_by_name(uri)}",
                kind="artifact_uri",
            )
        return _plain_place(uri)

    def files(self, place: ArtifactPlace) -> ArtifactFiles:
        """Return the files of the run or model that `place` is in."""
        key = self.key_of(place.root)
        if key is not None:
            return StoreFiles(self._storage, self._bucket, key, place.root)
        name = "mlflow.store.artifact.artifact_repository_registry"
        with talking_to(self._tracking.place):
            repository = mlflow_module(name).get_artifact_repository(
                place.root, tracking_uri=self._tracking.config.tracking_uri
            )
        return MlflowFiles(repository, place.root, self._tracking.place)

    def key_of(self, uri: str) -> str | None:
        """Return the key in our bucket that `uri` names, None where it is elsewhere."""
        if urlsplit(uri).scheme in {"s3", "r2"} and self.store_root.startswith("s3:"):
            parts = urlsplit(uri)
            bucket = parts.netloc.partition("@")[0]  # r2://bucket@account… is MLflow's way
            return parts.path.lstrip("/") if bucket == self._bucket else None
        if urlsplit(uri).scheme in {"", "file"} and self.store_root.startswith("file:"):
            return self._key_of_file(uri)
        return None

    def run(self, run_id: str) -> Any:
        """Return a run.

        Raises
        ------
        NotFoundError
            There is none of that id.
        """
        return self._tracking.ask(lambda client: client.get_run(run_id))

    def _key_of_file(self, uri: str) -> str | None:
        files = mlflow_module("mlflow.utils.file_utils")
        path = Path(files.local_file_uri_to_path(uri))
        folder = Path(files.local_file_uri_to_path(self.store_root))
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else None

    def _of_run(self, uri: str) -> ArtifactPlace:
        repository = mlflow_module("mlflow.store.artifact.runs_artifact_repo")
        with _reading(uri):
            run_id, path = repository.RunsArtifactRepository.parse_runs_uri(uri)
        run = self.run(run_id)
        place = ArtifactPlace(run.info.artifact_uri, run_id, path or "")
        if place.path and not any(True for _ in self.files(place).listed(place.path)):
            return next(self._models_called(run, place), place)
        return place

    def _models_called(self, run: Any, place: ArtifactPlace) -> Iterator[ArtifactPlace]:
        """Yield the logged model of a run that the first part of a path names, as MLflow does."""
        name, _, path = place.path.partition("/")
        for model in self._tracking.logged_models(run.info.experiment_id, name):
            if model.source_run_id == run.info.run_id:
                yield ArtifactPlace(model.artifact_location, model.model_id, path)

    def _of_model(self, uri: str) -> ArtifactPlace:
        if logged := _MODEL_ID.fullmatch(uri):
            model_id, path = logged["model_id"], logged["path"] or ""
            model = self._tracking.ask(lambda client: client.get_logged_model(model_id))
            return ArtifactPlace(model.artifact_location, model_id, path)
        with _reading(uri):
            base, path = _split(uri)
            version = mlflow_module(_MODEL_URIS)._parse_model_uri(base)  # noqa: SLF001
        name, number = version.name, self._number(version, uri)
        source = self._tracking.ask(methodcaller("get_model_version_download_uri", name, number))
        found = self.find(source)
        return ArtifactPlace(found.root, found.owner, "/".join(filter(None, (found.path, path))))

    def _number(self, version: Any, uri: str) -> str:
        """Return the number of the registered version that is meant."""
        if version.version is not None:
            return str(version.version)
        if version.alias is not None:
            ask = methodcaller("get_model_version_by_alias", version.name, version.alias)
            return str(self._tracking.ask(ask).version)
        if version.name is None or version.stage is not None:
            raise InvalidInputError(
                f"{uri} names no version: give models:/<name>/<version> or models:/<name>@<alias>",
                kind="artifact_uri",
            )
        numbers = [int(each.version) for each in self._tracking.model_versions(version.name)]
        if not numbers:
            raise NotFoundError(f"no version of a model {version.name!r} is registered")
        return str(max(numbers))


@contextmanager
def _reading(uri: str) -> Iterator[None]:
    """Say of a URI that MLflow cannot read that it is the URI."""
    try:
        yield
    except mlflow_module("mlflow.exceptions").MlflowException as error:
        said = str(error.message).partition("\n")[0]
        raise InvalidInputError(f"{uri!r} cannot be read: {said}", kind="artifact_uri") from error


def _split(uri: str) -> tuple[str, str]:
    """Return a registered model's URI, and the path in it."""
    name = "mlflow.store.artifact.models_artifact_repo"
    found: tuple[str, str] = mlflow_module(name).ModelsArtifactRepository.split_models_uri(uri)
    return found


def _by_name(text: str) -> str:
    """Return how to ask for a registered model, where `text` may be the name of one."""
    if not text or "/" in text or ":" in text:
        return ""
    return f"; of a registered model 'models:/{text}/1' or 'models:/{text}@champion'"


def _plain_place(uri: str) -> ArtifactPlace:
    """Read a URI of files by MLflow's layout, ``…/<run or model id>/artifacts/…``."""
    if laid_out := _ROOT.fullmatch(uri.rstrip("/")):
        return ArtifactPlace(laid_out["root"], laid_out["owner"], laid_out["path"] or "")
    root, _, path = uri.rstrip("/").rpartition("/")
    return ArtifactPlace(root, "", path)
