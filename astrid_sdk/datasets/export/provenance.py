"""prov.json: how a version was made, told in the same words whenever it is exported."""

from datetime import timedelta
from typing import Any

from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.datasets.export.subject import ExportSubject

_SAID_LATER = ("astrid:excluded", "astrid:datasetVersion", "astrid:modelVersion")
"""What people say of a content may change, and a later version may have the same manifest."""


def prov_of(graph: LineageGraph, subject: ExportSubject) -> dict[str, Any]:
    """Return the lineage of the version as W3C PROV-JSON, without what is said later."""
    document = graph.to_prov()
    entities: dict[str, dict[str, Any]] = document["entity"]
    told = {
        name: {key: value for key, value in entity.items() if key not in _SAID_LATER}
        for name, entity in entities.items()
    }
    root = f"content:{subject.version.manifest_hash}"
    told[root] |= {
        "astrid:datasetVersion": subject.version.name,
        "prov:type": "astrid:dataset-version",
    }
    return {**document, "entity": told}


def times_of(made: Derivation) -> tuple[str, str]:
    """Return when a derivation started and ended, ISO 8601."""
    start = made.created_at - timedelta(seconds=made.duration_s)
    return start.isoformat(), made.created_at.isoformat()
