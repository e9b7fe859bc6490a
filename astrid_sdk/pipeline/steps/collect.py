"""Step ``collect``: the items of one asset and partition -> their manifest."""

from collections.abc import Mapping
from typing import Any

from astrid_sdk.canonical import canonical_json
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.tiers import Tier


def _run(_inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    content = canonical_json(parameters["manifest"])
    return Result([Output("manifest", content, "application/json", ".manifest.json")])


STEP = Step("collect", _run, Tier.ARTIFACTS)
