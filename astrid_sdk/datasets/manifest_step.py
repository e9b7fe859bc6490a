"""The step that makes a dataset's manifest: what ties a version to its files in the lineage."""

import json
from collections.abc import Mapping
from typing import Any

from astrid_sdk.canonical import canonical_json
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.tiers import Tier

MANIFEST = "manifest"
MEDIA_TYPE = "application/json"


def _write_manifest(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    """Return the manifest that people wrote, after looking that it lists the inputs.

    It is named by its hash: as a parameter in full it would stand in the derivation once more.
    """
    if MANIFEST in parameters:  # as releases before manifests of format 2 wrote it
        return _made(canonical_json(parameters[MANIFEST]))
    content = inputs.content(parameters["manifest_hash"], Tier.DATASETS)
    listed = {file["content_hash"] for file in json.loads(content)["files"]}
    if sorted(listed) != list(inputs.hashes.get("files", ())):
        raise InvalidInputError("the manifest lists other files than the inputs: version it again")
    return _made(content)


def hashes_of(manifest: DatasetManifest) -> list[str]:
    """Return the contents that a manifest lists, each once, sorted: the step's inputs."""
    return sorted({file.content_hash for file in manifest.files})


def _made(content: bytes) -> Result:
    return Result([Output(MANIFEST, content, MEDIA_TYPE, ".dataset.json")])


MANIFEST_STEP = Step("dataset_manifest", _write_manifest, Tier.DATASETS)
