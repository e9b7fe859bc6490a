"""Step ``build_pattern``: raw frames of one detector -> its fixed pattern."""

from collections.abc import Mapping
from typing import Any

from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.pipeline.calibrate import build_pattern
from astrid_sdk.sky.fits_files import read_image
from astrid_sdk.tiers import Tier


def _run(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    contents = zip(inputs.read_all("raw"), parameters["hdu_indices"], strict=True)
    pattern = build_pattern([read_image(content, index) for content, index in contents])
    facts = {"bad_pixels": int((~pattern.good).sum()), "frames": len(inputs.hashes["raw"])}
    return Result(
        [Output("pattern", pattern.to_fits(), "application/fits", ".pattern.fits")], facts
    )


STEP = Step("build_pattern", _run, Tier.PROCESSED_OBSERVATIONS, ("numpy", "scipy", "sep"))
