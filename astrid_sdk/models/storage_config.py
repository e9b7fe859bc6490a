"""Where MLflow keeps runs and their files, how these are laid out, and who may do what."""

from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from typing_extensions import override

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.rights import ModelRights
from astrid_sdk.observe import MASK

_SCHEMES = frozenset({"s3", "r2", "file", "mlflow-artifacts", "gs", "wasbs", "abfss", "hdfs"})


@dataclass(frozen=True, slots=True, repr=False)
class MLflowStorageConfig:
    """How MLflow is set up for one store.

    Parameters
    ----------
    tracking_uri : str
        Where runs and the registry are: ``sqlite:///…``, ``postgresql://…`` or ``https://…``.
        It may hold a password, and is shown without it.
    artifact_root : str
        Where the files of runs and models are: ``s3://bucket/artifacts/mlflow``, the same as
        ``r2://…``, a ``file://`` folder, or ``mlflow-artifacts:/`` where a server passes them on.
    endpoint_url : str, optional
        The S3 endpoint behind ``s3://`` and ``r2://``; None without one.
    experiment_folder : str, optional
        Where the files of an experiment are below `artifact_root`; ``{experiment}`` is its name.
        Below it the layout is MLflow's: ``<run_id>/artifacts/…`` and
        ``models/<model_id>/artifacts/…``.
    model_folder : str, optional
        Where `MLflowArtifactStorage.store_model_artifact` puts models among the files of a run.
    default_experiment : str, optional
        For runs that name none.
    rights : ModelRights, optional
        Who may register, promote and delete.

    Raises
    ------
    InvalidInputError
        One of them cannot be used.
    """

    tracking_uri: str
    artifact_root: str
    endpoint_url: str | None = None
    experiment_folder: str = "{experiment}"
    model_folder: str = "model"
    default_experiment: str = "astrid"
    rights: ModelRights = field(default_factory=ModelRights)

    def __post_init__(self) -> None:
        scheme = urlsplit(self.artifact_root).scheme
        if scheme not in _SCHEMES:
            raise InvalidInputError(
                f"{self.artifact_root!r} is no place for MLflow's files: give a URI that starts "
                "with s3://, r2://, file:// or mlflow-artifacts:/",
                kind="config",
            )
        if not urlsplit(self.tracking_uri).scheme:
            raise InvalidInputError(
                "the tracking URI has no scheme: give one such as sqlite:///runs.db or "
                "https://mlflow.example.org",
                kind="config",
            )
        _check_folder("experiment_folder", self.experiment_folder)
        _check_folder("model_folder", self.model_folder)

    @property
    def is_served(self) -> bool:
        """Whether a tracking server is asked, rather than a database."""
        return urlsplit(self.tracking_uri).scheme in {"http", "https"}

    @property
    def shown_tracking_uri(self) -> str:
        """The tracking URI without what may hold a password: its user and its query."""
        shown = self.tracking_uri.partition("?")[0]
        netloc = urlsplit(shown).netloc
        if "@" not in netloc:
            return shown
        return shown.replace(netloc, f"{MASK}@{netloc.rpartition('@')[2]}", 1)

    def location_of(self, experiment: str) -> str:
        """Return where the files of a new experiment go."""
        folder = self.experiment_folder.replace("{experiment}", _as_folder(experiment))
        return f"{self.artifact_root.rstrip('/')}/{folder}"

    def with_rights(self, rights: ModelRights) -> Self:
        """Return the same set-up with other rights."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return type(self)(**{**fields, "rights": rights})

    @override
    def __repr__(self) -> str:
        return (
            f"MLflowStorageConfig(tracking_uri={self.shown_tracking_uri!r}, "
            f"artifact_root={self.artifact_root!r}, rights={self.rights})"
        )

    @override
    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.shown_tracking_uri != self.tracking_uri:
            raise InvalidInputError(
                "a tracking URI that may hold a password (a user, a query) is not pickled; let the "
                "other process read its own environment",
                kind="secret",
            )
        return object.__reduce_ex__(self, protocol)  # super() does not know a class with slots


def _check_folder(name: str, folder: str) -> None:
    if any(part in {"", ".", ".."} for part in folder.split("/")):
        raise InvalidInputError(
            f"{name} {folder!r} is no relative folder such as 'models/real-bogus'", kind="config"
        )


def _as_folder(experiment: str) -> str:
    """Return an experiment's name as a folder's: what a URI would read otherwise is replaced."""
    kept = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in experiment)
    return kept.strip(".") or "experiment"
