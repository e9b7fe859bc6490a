"""Step ``coadd``: frames of one field, filter and instrument -> a template."""

from collections.abc import Mapping
from typing import Any

from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.pipeline.coadd import coadd
from astrid_sdk.sky.frame import Frame
from astrid_sdk.tiers import Tier


def _run(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    made = coadd([Frame.from_fits(content) for content in inputs.read_all("frame")])
    output = Output("template", made.frame.to_fits(), "application/fits", ".template.fits")
    rejected = [{"index": index, "reason": reason} for index, reason in made.rejected]
    return Result([output], {"frames_used": len(made.used), "rejected": rejected})


STEP = Step(
    "coadd",
    _run,
    Tier.PROCESSED_OBSERVATIONS,
    ("astropy", "numpy", "scipy", "sep"),
)
