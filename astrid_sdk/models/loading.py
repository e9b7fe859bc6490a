"""Loading a model: verified, and without running what its maker wrote unless we know the maker."""

import contextlib
import tempfile
import weakref
from pathlib import Path
from typing import Any

from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import AccessDeniedError, NotFoundError
from astrid_sdk.models.artifact_files import local_file
from astrid_sdk.models.artifact_storage import MLflowArtifactStorage
from astrid_sdk.models.distrust import MLMODEL, flavours_of, reasons_to_distrust
from astrid_sdk.models.model_manifest import TRAIN_STEP, ModelManifest
from astrid_sdk.models.quiet import mlflow_module, quietly
from astrid_sdk.models.recorded_hashes import FileHash
from astrid_sdk.models.safe_loading import load_safely, untrusted_types
from astrid_sdk.models.writing import files_of
from astrid_sdk.tiers import Tier

_GENERIC = "python_function"
_ADDED = "registered_model_meta"  # MLflow's client adds it to what it fetches


def load(
    artifacts: MLflowArtifactStorage, catalog: Catalog, uri: str, *, allow_pickle: bool
) -> Any:
    """Return the model at `uri`; see `Models.load`."""
    folder = tempfile.TemporaryDirectory(prefix="astrid-model-")
    try:
        path = artifacts.download_model_artifacts(uri, folder.name)
        model = _loaded(path, uri, catalog, allow_pickle=allow_pickle)
    except BaseException:
        folder.cleanup()
        raise
    _keep_as_long_as(model, folder)
    return model


def manifest_of(folder: Path) -> ModelManifest:
    """Return the manifest of the model in a folder."""
    found = {name: path for name, path in files_of(folder).items() if name != _ADDED}
    hashed = {name: local_file(path) for name, path in found.items()}
    return ModelManifest.of(
        FileHash(name, file.content_hash, file.size_bytes) for name, file in hashed.items()
    )


def _loaded(path: Path, uri: str, catalog: Catalog, *, allow_pickle: bool) -> Any:
    if not (path / MLMODEL).is_file():
        raise NotFoundError(
            f"{uri} is no model: there is no file {MLMODEL} in it; fetch it with "
            "astrid.mlflow.download_model_artifacts(uri, folder)",
            kind="model",
        )
    reasons = reasons_to_distrust(path) or _strange_types(path)
    if not reasons:
        return load_safely(path)
    shown = "; ".join(reasons[:3])
    if not allow_pickle:
        raise AccessDeniedError(
            f"loading {uri} would run code that its maker wrote: {shown}. If you trust whoever "
            "logged it, load it with allow_pickle=True",
            kind="pickle",
        )
    _require_known(catalog, manifest_of(path).model_hash, uri, shown)
    return _load_with_code(path)


def _strange_types(path: Path) -> list[str]:
    found = sorted(path.rglob("*.skops"))
    return [f"{each.name} holds {name}" for each in found for name in untrusted_types(each)]


def _require_known(catalog: Catalog, model_hash: str, uri: str, shown: str) -> None:
    """Refuse a model that was not logged into this store: every byte of it counts."""
    refusal = (
        f"{uri} would run code ({shown}), and it is no model that was logged into this store: its "
        f"files have the hash {model_hash[:12]}, which the catalogue does not know. It is not "
        "loaded, also with allow_pickle=True"
    )
    try:
        found = find_one(catalog, model_hash)
    except NotFoundError as error:
        raise AccessDeniedError(refusal, kind="stranger") from error
    if found.tier != Tier.MODELS or found.step != TRAIN_STEP.name:
        raise AccessDeniedError(refusal, kind="stranger")
    if found.excluded:
        raise AccessDeniedError(
            f"{uri} was excluded ({found.excluded}); it is not loaded", kind="excluded"
        )


def _load_with_code(path: Path) -> Any:
    flavours = [name for name in flavours_of(path) if name != _GENERIC]
    pyfunc = mlflow_module("mlflow.pyfunc")
    with quietly():
        if not flavours:
            return pyfunc.load_model(str(path))
        return mlflow_module(f"mlflow.{flavours[0]}").load_model(str(path))


def _keep_as_long_as(model: Any, folder: "tempfile.TemporaryDirectory[str]") -> None:
    """Keep the files while the model lives: some read them when they are first used."""
    with contextlib.suppress(TypeError):  # it cannot be watched: the files go now
        weakref.finalize(model, folder.cleanup)
        return
    folder.cleanup()
