"""Models from files that hold numbers and no code, and into such files.

A loader reads one file with a parser that runs nothing. It never asks the model what may be
trusted: MLflow takes skops' list of trusted types from the model itself, which whoever made the
model wrote.
"""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.distrust import flavours_of
from astrid_sdk.models.quiet import mlflow_module, quietly

TRUSTED = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types of scikit-learn that only hold arrays, beyond those that skops knows."""

_SKOPS = "skops"
_TREES = {"xgboost": "mlflow.xgboost", "lightgbm": "mlflow.lightgbm", "onnx": "mlflow.onnx"}


def save_model(model: Any, folder: Path, *, allow_pickle: bool, **options: Any) -> None:
    """Write a model into `folder` as one of MLflow's, in a format that holds no code.

    Parameters
    ----------
    model : object
        A scikit-learn estimator, or a model of XGBoost, LightGBM or ONNX.
    folder : Path
        Not there yet.
    allow_pickle : bool
        Write a scikit-learn estimator as a pickle where it has no other form.
    **options
        As MLflow's ``save_model`` takes them: ``signature``, ``input_example``, ``metadata``.

    Raises
    ------
    InvalidInputError
        It has no such form, or is another kind of model.
    """
    kind = type(model).__module__.partition(".")[0]
    mlflow_module("mlflow.pyfunc")  # warns while it is imported, which MLflow does late
    with quietly():
        if kind in _TREES:
            mlflow_module(_TREES[kind]).save_model(model, str(folder), **options)
        elif _is_estimator(model):
            _save_estimator(model, folder, allow_pickle=allow_pickle, **options)
        else:
            raise InvalidInputError(
                f"no model of type {type(model).__name__} can be written here, with pickles or "
                "without: give one of scikit-learn, XGBoost, LightGBM or ONNX, or save it with its "
                "flavour (mlflow.<flavour>.save_model) and log that folder",
                kind="model",
            )


def load_safely(folder: Path) -> Any:
    """Return the model in `folder`, read by a parser that runs nothing.

    Raises
    ------
    InvalidInputError
        There is no such parser for it (``kind="flavour"``), or it holds types that could run code
        (``kind="pickle"``).
    """
    flavours = flavours_of(folder)
    for name, load in _LOADERS.items():
        if name in flavours:
            return load(folder, flavours[name])
    told = ", ".join(flavours) or "none"
    raise InvalidInputError(
        f"no loader here reads this model's flavours ({told}) safely: fetch it with "
        "astrid.mlflow.download_model_artifacts(uri, folder) and load it with its own library",
        kind="flavour",
    )


def untrusted_types(path: Path) -> list[str]:
    """Return the types in a skops file that nobody here vouches for.

    Raises
    ------
    InvalidInputError
        It is no skops file.
    """
    try:
        found: list[str] = mlflow_module("skops.io").get_untrusted_types(file=path)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{path.name} is no skops file", kind="model") from error
    return sorted(set(found) - set(TRUSTED))


def _is_estimator(model: Any) -> bool:
    return hasattr(model, "get_params") and hasattr(model, "fit")


def _save_estimator(model: Any, folder: Path, *, allow_pickle: bool, **options: Any) -> None:
    skops = mlflow_module("skops.io")
    strange = sorted(set(skops.get_untrusted_types(data=skops.dumps(model))) - set(TRUSTED))
    if strange and not allow_pickle:
        raise InvalidInputError(
            f"this {type(model).__name__} holds {', '.join(strange)}, which only a pickle can "
            "bring back: log it with allow_pickle=True, and load it so",
            kind="pickle",
        )
    form = (
        {"serialization_format": "cloudpickle"}
        if strange
        else {
            "serialization_format": _SKOPS,
            "skops_trusted_types": list(TRUSTED),
        }
    )
    requirements = [_pinned("scikit-learn"), _pinned("cloudpickle" if strange else _SKOPS)]
    sklearn = mlflow_module("mlflow.sklearn")
    options = {"pip_requirements": requirements, **form, **options}
    sklearn.save_model(model, str(folder), **options)


def _pinned(name: str) -> str:
    return f"{name}=={mlflow_module('importlib.metadata').version(name)}"


def _load_estimator(folder: Path, said: Mapping[str, Any]) -> Any:
    path = _inside(folder, said.get("pickled_model"))
    if said.get("serialization_format") != _SKOPS:
        raise InvalidInputError(f"{path.name} is a pickle", kind="pickle")
    if strange := untrusted_types(path):
        raise InvalidInputError(
            f"{path.name} holds {', '.join(strange)}, which could run code", kind="pickle"
        )
    return mlflow_module("skops.io").load(path, trusted=list(TRUSTED))


def _load_booster(folder: Path, said: Mapping[str, Any]) -> Any:
    return _library("xgboost").Booster(model_file=str(_inside(folder, said.get("data"))))


def _load_trees(folder: Path, said: Mapping[str, Any]) -> Any:
    return _library("lightgbm").Booster(model_file=str(_inside(folder, said.get("data"))))


def _load_graph(folder: Path, said: Mapping[str, Any]) -> Any:
    return _library("onnx").load(str(_inside(folder, said.get("data"))))


_LOADERS: dict[str, Callable[[Path, Mapping[str, Any]], Any]] = {
    "sklearn": _load_estimator,
    "xgboost": _load_booster,
    "lightgbm": _load_trees,
    "onnx": _load_graph,
}


def _library(name: str) -> Any:
    try:
        return mlflow_module(name)
    except ModuleNotFoundError as error:
        raise InvalidInputError(f"this model needs {name}: install it", kind="flavour") from error


def _inside(folder: Path, name: Any) -> Path:
    """Return the file that a model file names, if it is one below `folder`."""
    path = (folder / str(name)).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise InvalidInputError(f"the model file names {name!r}, which is not there", kind="model")
    return path
