"""Small simulated fields, far from each other, searched and labelled from what was injected."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.simulate import DEFAULT_EPOCHS, SurveyParameters, write_survey
from astrid_sdk.pipeline.truth import FALSE_RADIUS_PX, FOUND_RADIUS_PX, TrueSource, read_truth
from astrid_sdk.session import AstridSession

AUTHOR = "simulation"
_REFERENCES, _APART_DEG = 2, 3.0


def write_field(folder: Path, number: int, *, side_px: int = 320, nights: int = 2) -> None:
    """Write references and science frames of one field, and the truth about them."""
    later = timedelta(minutes=20 * number)  # one camera takes one field after the other
    epochs = [
        replace(epoch, start_utc=(datetime.fromisoformat(epoch.start_utc) + later).isoformat())
        for epoch in (*DEFAULT_EPOCHS[:_REFERENCES], *DEFAULT_EPOCHS[3 : 3 + nights])
    ]
    parameters = SurveyParameters(
        seed=1000 + number,
        shape=(side_px, side_px),
        epochs=tuple(epochs),
        object_name=f"FIELD{number:03d}",
        ra_deg=150.0 + number * _APART_DEG,
        stars=round(700 * (side_px / 1024) ** 2),
        galaxies=round(320 * (side_px / 1024) ** 2),
        variable_stars=1,
        lasting_transients=3,
        transients_per_night=12,
        hot_pixels=40,
        cosmic_rays_per_megapixel_s=1.5,
    )
    write_survey(parameters, folder)


def search(astrid: AstridSession, folders: Sequence[Path]) -> dict[str, Manifest]:
    """Ingest the fields in `folders` and return the detections of each night."""
    for folder in folders:
        astrid.ingest(folder / "reference", purpose="reference", progress=False)
        astrid.ingest(folder / "science", progress=False)
    survey = astrid.survey
    nights = survey.nights()
    raw = {night: survey.raw_observations(night).manifest for night in nights}
    calibration = survey.calibration_frames(raw.values()).manifest
    processed = {
        night: survey.processed_observations(raw[night], calibration).manifest for night in nights
    }
    references = survey.reference_images(processed.values()).manifest
    differences = {
        night: survey.difference_images(processed[night], references).manifest for night in nights
    }
    return {night: survey.detections(differences[night]).manifest for night in nights}


def labels_of(astrid: AstridSession, truth: Sequence[TrueSource]) -> dict[str, str]:
    """Return the label of each triplet of a brightening that the truth tells apart.

    What lies within 2.5 px of an injected source is real, what lies beyond 4 px of all is bogus,
    as `pipeline.truth` scores; the truth lists brightenings only.
    """
    frame = astrid.detections().frame
    frame = frame[frame["triplet_hash"].notna() & ~frame["is_negative"].astype(bool)]
    labels = {}
    for row in frame.to_dict("records"):
        name = Path(str(row["science_file"])).name
        here = [(it.x - row["x"], it.y - row["y"]) for it in truth if it.science_file == name]
        nearest = min(np.hypot(*np.array(here).T)) if here else np.inf
        if nearest <= FOUND_RADIUS_PX:
            labels[str(row["triplet_hash"])] = "real"
        elif nearest > FALSE_RADIUS_PX:
            labels[str(row["triplet_hash"])] = "bogus"
    return labels


def label(astrid: AstridSession, folders: Sequence[Path]) -> dict[str, str]:
    """Record what the truth of `folders` says of each triplet, and return it."""
    truth = [source for folder in folders for source in read_truth(folder / "truth.csv")]
    labels = labels_of(astrid, truth)
    astrid.labels.add_many(labels, author=AUTHOR)
    return labels
