"""Step ``subtract``: a science frame and a template -> a difference image."""

from collections.abc import Mapping
from typing import Any

from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.pipeline.subtract import subtract
from astrid_sdk.sky.frame import Frame
from astrid_sdk.tiers import Tier


def _run(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    science = Frame.from_fits(inputs.read("science"))
    made = subtract(science, Frame.from_fits(inputs.read("reference")))
    output = Output("difference", made.to_fits(), "application/fits", ".difference.fits")
    return Result([output], {"megapixels": round(made.megapixels, 6)})


STEP = Step(
    "subtract",
    _run,
    Tier.DIFFERENCE_IMAGES,
    ("astropy", "numpy", "scipy", "sep"),
)
