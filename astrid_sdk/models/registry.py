"""MLflow's registry: names, versions and aliases of models, with whole files behind each."""

from typing import Any

from astrid_sdk.errors import AstridError, ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.models.artifact_places import ArtifactPlace, model_id_in
from astrid_sdk.models.artifact_storage import MLflowArtifactStorage
from astrid_sdk.models.logged_model import ModelVersion
from astrid_sdk.models.run_log import MODEL_HASH


class ModelRegistry:
    """The registered models of one tracking store.

    Parameters
    ----------
    artifacts : MLflowArtifactStorage
    """

    def __init__(self, artifacts: MLflowArtifactStorage) -> None:
        self._artifacts = artifacts
        self._tracking = artifacts.tracking

    def register(self, name: str, uri: str) -> ModelVersion:
        """Make the model at `uri` the next version of `name`; see `Models.register`."""
        self._tracking.config.rights.require("register", f"the model {name}")
        place = self._artifacts.places.find(uri)
        model = self._ready(place)
        self._require_whole(place, uri)
        run_id = place.owner if model is None else model.source_run_id
        tags = {} if model is None else _hash_tag(model)
        source = "/".join(filter(None, (place.root, place.path)))
        is_new = self._made_name(name)
        try:
            made = self._tracking.ask(
                lambda client: client.create_model_version(
                    name,
                    source,
                    run_id=run_id or None,
                    tags=tags,
                    model_id=None if model is None else model.model_id,
                )
            )
        except AstridError:
            if is_new:  # a name without a version would stay
                self._tracking.ask(lambda client: client.delete_registered_model(name))
            raise
        return self.version(name, int(made.version))

    def promote(self, name: str, version: int, alias: str) -> ModelVersion:
        """Let `alias` mean a version; see `Models.promote`."""
        self._tracking.config.rights.require("promote", f"the model {name}")
        found = self._version(name, version)
        if found.status != "READY":
            raise ConflictError(
                f"{name} v{version} is {found.status}, not READY: it cannot be promoted",
                kind="not_ready",
            )
        self._tracking.ask(
            lambda client: client.set_registered_model_alias(name, alias, str(version))
        )
        return self.version(name, version)

    def delete(self, name: str, version: int) -> None:
        """Delete a version; see `Models.delete`."""
        self._tracking.config.rights.require("delete", f"the model {name}")
        aliases = self.version(name, version).aliases
        if aliases:
            raise ConflictError(
                f"{name} v{version} is {', '.join(aliases)}: promote another version to that first",
                kind="promoted",
            )
        self._tracking.ask(lambda client: client.delete_model_version(name, str(version)))

    def version(self, name: str, version: int) -> ModelVersion:
        """Return a version.

        Raises
        ------
        NotFoundError
            There is none.
        """
        found = self._version(name, version)
        return ModelVersion(
            name=name,
            version=int(found.version),
            model_id=found.model_id or model_id_in(found.source),
            run_id=found.run_id or None,
            model_hash=found.tags.get(MODEL_HASH),
            aliases=tuple(found.aliases),
        )

    def versions(self, name: str) -> list[ModelVersion]:
        """Return the versions of `name`, the first one first; empty when there are none."""
        found = self._tracking.model_versions(name)
        return sorted(
            (self.version(name, int(each.version)) for each in found),
            key=lambda each: each.version,
        )

    def _version(self, name: str, version: int) -> Any:
        return self._tracking.ask(lambda client: client.get_model_version(name, str(version)))

    def _ready(self, place: ArtifactPlace) -> Any:
        """Return the logged model that a place is, or None for files of a run."""
        if not place.owner.startswith("m-"):
            return None
        model = self._tracking.ask(lambda client: client.get_logged_model(place.owner))
        if model.status != "READY":
            raise ConflictError(
                f"the model {place.owner} is {model.status}: it was not logged to its end, and is "
                "not registered",
                kind="not_ready",
            )
        return model

    def _require_whole(self, place: ArtifactPlace, uri: str) -> None:
        """Refuse to register what is not there with all files that were recorded."""
        files = self._artifacts.files(place)
        found = {each.path for each in files.listed(place.path)}
        if not found:
            raise NotFoundError(f"nothing is at {uri}: there is no model to register")
        missing = sorted(path for path in files.recorded_below(place.path) if path not in found)
        if missing:
            raise InvalidInputError(
                f"{uri} lacks {', '.join(missing)}, which was stored with it: restore it, then "
                "register",
                kind="incomplete",
            )

    def _made_name(self, name: str) -> bool:
        """Make the name where it is not there; return whether that was done."""
        try:
            self._tracking.ask(lambda client: client.create_registered_model(name))
        except ConflictError:
            return False
        return True


def _hash_tag(model: Any) -> dict[str, str]:
    told = model.tags.get(MODEL_HASH)
    return {MODEL_HASH: told} if told else {}
