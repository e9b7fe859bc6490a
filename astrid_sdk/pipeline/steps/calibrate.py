"""Step ``calibrate``: a raw image (and its detector's pattern) -> a frame."""

from collections.abc import Mapping
from typing import Any

from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.pipeline.calibrate import calibrate
from astrid_sdk.sky.fits_files import read_image
from astrid_sdk.sky.frame import Frame
from astrid_sdk.tiers import Tier


def _run(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    raw = read_image(inputs.read("raw"), parameters["hdu_index"])
    pattern = inputs.read_optional("pattern")
    frame = calibrate(raw, None if pattern is None else Frame.from_fits(pattern))
    output = Output("frame", frame.to_fits(), "application/fits", ".processed.fits")
    return Result([output], _facts(frame))


def _facts(frame: Frame) -> dict[str, Any]:
    cards = {"SKYLEVEL": "sky_adu", "SKYRMS": "sky_rms_adu", "FWHMPX": "fwhm_px"}
    told = {name: float(frame.header[card]) for card, name in cards.items() if card in frame.header}
    return {**told, "good_fraction": round(float(frame.good.mean()), 4)}


STEP = Step(
    "calibrate",
    _run,
    Tier.PROCESSED_OBSERVATIONS,
    ("astropy", "astroscrappy", "numpy", "scipy", "sep"),
)
