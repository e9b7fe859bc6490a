"""Step ``detect``: a difference image -> detections, their triplets and a contact sheet."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Row, Table

from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.pipeline.detect import detect
from astrid_sdk.pipeline.detection_files import MEDIA_TYPE, SUFFIX, detections_table, write_table
from astrid_sdk.pipeline.detections import best_first
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.sky.cutouts import Triplet
from astrid_sdk.sky.frame import Frame
from astrid_sdk.sky.preview import contact_sheet_png
from astrid_sdk.tiers import Tier

_MAX_TRIPLETS = 200
_SHEET_TRIPLETS = 12


def _run(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    difference = Difference.from_fits(inputs.read("difference"))
    science = Frame.from_fits(inputs.read("science"))
    found = detect(difference)
    table = detections_table(found)
    rows = _best_first(table)
    triplets = [_triplet(science, difference, row) for row in rows]
    stored = Output("detections", write_table(table), MEDIA_TYPE, SUFFIX)
    sheet = Output("contact_sheet", _sheet(triplets), "image/png", ".triplets.png")
    outputs = [stored, sheet, *_triplet_outputs(rows, triplets)]
    return Result(outputs, _facts(table, len(triplets)))


def _best_first(table: Table) -> list[Row]:
    """Return what to cut out."""
    order = best_first(*(np.asarray(table[name]) for name in ("flags", "is_negative", "snr")))
    return [table[place] for place in order[:_MAX_TRIPLETS]]


def _triplet(science: Frame, difference: Difference, row: Row) -> Triplet:
    header = fits.Header()
    for card, name in (("RA_DEG", "ra_deg"), ("DEC_DEG", "dec_deg"), ("SNR", "snr")):
        if np.isfinite(row[name]):
            header[card] = float(row[name])
    header["FLAGS"] = int(row["flags"])
    header["ISNEG"] = bool(row["is_negative"])
    return Triplet.around(
        science.data,
        difference.reference,
        difference.data,
        x=row["x"],
        y=row["y"],
        header=header,
    )


def _triplet_outputs(rows: Sequence[Row], triplets: Sequence[Triplet]) -> Iterator[Output]:
    for number, (row, triplet) in enumerate(zip(rows, triplets, strict=True), 1):
        position = (float(row["ra_deg"]), float(row["dec_deg"]))
        yield Output(
            f"triplet-{number:03d}",
            triplet.to_fits(),
            "application/fits",
            f".triplet-{number:03d}.fits",
            position if np.isfinite(position).all() else None,
        )


def _sheet(triplets: Sequence[Triplet]) -> bytes:
    shown = [
        (triplet.science, triplet.reference, triplet.difference, f"SNR {triplet.header['SNR']:.1f}")
        for triplet in triplets[:_SHEET_TRIPLETS]
    ]
    return contact_sheet_png(shown)


def _facts(table: Table, triplets: int) -> dict[str, Any]:
    unflagged = table["flags"] == 0
    negative = np.asarray(table["is_negative"], dtype=bool)
    return {
        "rows": len(table),
        "positive_unflagged": int((unflagged & ~negative).sum()),
        "negative_unflagged": int((unflagged & negative).sum()),
        "flagged": int((~unflagged).sum()),
        "cut_out": triplets,
    }


STEP = Step(
    "detect", _run, Tier.DETECTIONS, ("astropy", "numpy", "pillow", "pyarrow", "scipy", "sep")
)
