"""What the Dagster UI shows of the real/bogus model and of its scores."""

from typing import Any

import dagster as dg

from astrid_sdk.models.real_bogus.registering import Registration
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.work import Materialised
from astrid_sdk.session import AstridSession
from dagster_defs.metadata import Numbers, materialize_result


def model_result(
    session: AstridSession, made: Materialised, registered: Registration
) -> dg.MaterializeResult[Manifest]:
    """Return what the model's asset hands to Dagster: numbers of the held-out side, then the rest.

    The data version is the model's hash: the same model is no news, whatever it took to make it.
    """
    result = materialize_result(session, made, numbers=_numbers(made.manifest))
    known = {name: text for name, text in _texts(made.manifest, registered).items() if text}
    result = result._replace(metadata={**(result.metadata or {}), **known})
    if not made.manifest.items:
        return result
    version = dg.DataVersion(made.manifest.items[0].content_hash)
    return result._replace(data_version=version)


def score_numbers(manifest: Manifest) -> Numbers:
    """Return how many detections of a night were scored, and how many are likely real."""
    names = ("scored", "likely_real", "in_training")
    return {name: sum(int(item.details.get(name, 0)) for item in manifest.items) for name in names}


def _numbers(manifest: Manifest) -> Numbers:
    return {
        name: value
        for item in manifest.items
        for name, value in item.details.items()
        if isinstance(value, int | float)
    }


def _texts(manifest: Manifest, registered: Registration) -> dict[str, Any]:
    items = manifest.items
    return {
        "model_hash": items[0].content_hash if items else "",
        "dataset": str(items[0].details["dataset"]) if items else "",
        "registered": registered.name,
        "run_id": registered.run_id,
        "not_registered": registered.reason if items else "",
    }
