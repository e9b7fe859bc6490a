"""Two models side by side: what they were trained on, how they did, how they were made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from astrid_sdk.models.artifact_storage import MLflowArtifactStorage
from astrid_sdk.models.logged_model import Difference, ModelComparison

_KINDS = ("dataset", "metric", "param")


@dataclass(frozen=True, slots=True)
class _Facts:
    """What MLflow knows of one model, by kind."""

    dataset: Mapping[str, Any] = field(default_factory=dict)
    metric: Mapping[str, Any] = field(default_factory=dict)
    param: Mapping[str, Any] = field(default_factory=dict)


def compare(artifacts: MLflowArtifactStorage, a: str, b: str) -> ModelComparison:
    """Return two models side by side; see `Models.compare`."""
    of_a, of_b = _facts(artifacts, a), _facts(artifacts, b)
    rows = [
        Difference(kind, name, getattr(of_a, kind).get(name), getattr(of_b, kind).get(name))
        for kind in _KINDS
        for name in sorted({*getattr(of_a, kind), *getattr(of_b, kind)})
    ]
    return ModelComparison(a, b, rows)


def _facts(artifacts: MLflowArtifactStorage, uri: str) -> _Facts:
    place = artifacts.places.find(uri)
    if not place.owner.startswith("m-"):
        return _of_run(artifacts.places.run(place.owner), {}, {})
    model = artifacts.tracking.ask(lambda client: client.get_logged_model(place.owner))
    metrics = {each.key: each.value for each in model.metrics or ()}
    run = artifacts.places.run(model.source_run_id)
    return _of_run(run, metrics, dict(model.params or {}))


def _of_run(run: Any, metrics: dict[str, Any], params: dict[str, Any]) -> _Facts:
    """Return a run's facts; what is known of the model itself goes before."""
    datasets = {
        each.dataset.name.partition("@")[0]: f"{each.dataset.name} ({each.dataset.digest[:8]})"
        for each in run.inputs.dataset_inputs
    }
    return _Facts(datasets, {**run.data.metrics, **metrics}, {**run.data.params, **params})
