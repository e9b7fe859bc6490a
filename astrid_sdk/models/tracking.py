"""MLflow's tracking store and registry, reached with everything said explicitly."""

import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.models.quiet import mlflow_module
from astrid_sdk.models.storage_config import MLflowStorageConfig
from astrid_sdk.models.translating import talking_to
from astrid_sdk.storage.local_files import locked

_PAGE = 1000
_MODELS_PAGE = 100
_CONNECT_S = 5.0
_DATABASES = (
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
)
_PORTS = {"http": 80, "https": 443}


class Tracking:
    """One tracking store: runs, logged models, registered models.

    Parameters
    ----------
    config : MLflowStorageConfig
    home : Path
        A folder on this machine; what initialises a database there takes turns by its lock.
    """

    def __init__(self, config: MLflowStorageConfig, home: Path) -> None:
        self.config = config
        self._home = home
        self._made: Any = None
        self._lock = threading.Lock()

    @property
    def place(self) -> str:
        """Where it is, for sentences."""
        return self.config.shown_tracking_uri

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """Return what `question` returns of the client; MLflow's errors come out as ours.

        Raises
        ------
        StorageUnavailableError
            Nothing listens at the tracking URI (``kind="mlflow_unreachable"``), or MLflow failed.
        """
        self.require_reachable()
        with talking_to(self.place):
            return question(self.client())

    def client(self) -> Any:
        """Return the client, made at the first call: an ``mlflow.MlflowClient``."""
        with self._lock:
            if self._made is None:
                self._made = self._new_client()
            return self._made

    def require_reachable(self) -> None:
        """Find out in seconds whether a server listens: MLflow itself would try for minutes.

        Raises
        ------
        StorageUnavailableError
            Nothing does.
        """
        if not self.config.is_served:
            return
        parts = urlsplit(self.config.tracking_uri)
        address = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
        try:
            socket.create_connection(address, timeout=_CONNECT_S).close()
        except OSError as error:
            raise StorageUnavailableError(
                f"MLflow at {self.place} is not reachable ({error.strerror or error}): check "
                "ASTRID_MLFLOW_TRACKING_URI and that the server runs, or log with spool=True",
                kind="mlflow_unreachable",
            ) from error

    def experiment_id(self, name: str) -> str:
        """Return the id of the experiment called `name`, made where it is not there."""
        found = self.ask(lambda client: client.get_experiment_by_name(name))
        if found is not None:
            return str(found.experiment_id)
        location = None if self._server_decides else self.config.location_of(name)
        with talking_to(self.place):
            exceptions = mlflow_module("mlflow.exceptions")
            try:
                made = self.client().create_experiment(name, artifact_location=location)
            except exceptions.MlflowException:
                # another writer was first, or it cannot be made: asking again tells which
                found = self.client().get_experiment_by_name(name)
                if found is None:
                    raise
                made = found.experiment_id
        return str(made)

    def runs(self, experiment_id: str, filter_string: str = "") -> Iterator[Any]:
        """Yield the runs of an experiment, all pages, those of deleted runs left out."""
        yield from self._pages(
            lambda client, token: client.search_runs(
                [experiment_id], filter_string, max_results=_PAGE, page_token=token
            )
        )

    def logged_models(self, experiment_id: str, name: str | None = None) -> Iterator[Any]:
        """Yield the logged models of an experiment, all pages; those called `name`, if given."""
        wanted = None if name is None else f"name = '{name}'"
        yield from self._pages(
            lambda client, token: client.search_logged_models(
                [experiment_id], wanted, max_results=_MODELS_PAGE, page_token=token
            )
        )

    def model_versions(self, name: str) -> Iterator[Any]:
        """Yield the registered versions of a model, all pages."""
        yield from self._pages(
            lambda client, token: client.search_model_versions(
                f"name = '{name}'", max_results=_MODELS_PAGE, page_token=token
            )
        )

    def experiment(self, experiment_id: str) -> Any:
        """Return an experiment.

        Raises
        ------
        NotFoundError
            There is none of that id.
        """
        return self.ask(lambda client: client.get_experiment(experiment_id))

    @property
    def _server_decides(self) -> bool:
        """Whether the place of new experiments is the server's to say: it passes files on."""
        return self.config.artifact_root.startswith("mlflow-artifacts:")

    def _pages(self, page: Callable[[Any, str | None], Any]) -> Iterator[Any]:
        token: str | None = None
        while True:
            found = self.ask(partial(_turned, page, token))
            yield from found
            token = found.token
            if not token:
                return

    def _new_client(self) -> Any:
        mlflow = mlflow_module()
        uri = self.config.tracking_uri
        if not self.config.is_served:
            for name in _DATABASES:
                mlflow_module(name)
            self._prepare_database(uri)
        return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    def _prepare_database(self, uri: str) -> None:
        """Make the tables, one process at a time, with our place for the default experiment."""
        self._home.mkdir(parents=True, exist_ok=True)
        stores = mlflow_module("mlflow.tracking._tracking_service.utils")
        with locked(self._home / "mlflow.lock"):
            stores._get_store(uri, self.config.artifact_root)  # noqa: SLF001 - else ./mlruns


def _turned(page: Callable[[Any, str | None], Any], token: str | None, client: Any) -> Any:
    return page(client, token)
