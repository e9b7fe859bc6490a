"""What the chain made, as domain models: the same hashes that the lineage tells."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skies import Shot

import astrid_sdk
from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.models.detection import Detection
from astrid_sdk.catalog.models.difference_image import DifferenceImage
from astrid_sdk.catalog.models.training_sample import TrainingSample
from astrid_sdk.catalog.steps.step import Inputs
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.detection_table import DetectionTable
from astrid_sdk.pipeline.detections import best_first
from astrid_sdk.pipeline.difference_models import _STEP
from astrid_sdk.pipeline.steps import subtract
from astrid_sdk.pipeline.training_models import training_samples
from astrid_sdk.session import AstridSession
from astrid_sdk.sky.cutouts import Triplet
from astrid_sdk.tiers import Tier

NIGHT, REFERENCE_NIGHT = "2024-04-06", "2024-03-01"
NOVAE = {"one.fits": (140.3, 97.6, 9000.0), "other.fits": (60.2, 180.7, 12000.0)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AstridSession]:
    folder = tmp_path_factory.mktemp("sky")
    with astrid_sdk.connect("memory://") as astrid:
        _take_in(astrid, folder)
        _run_chain(astrid)
        yield astrid


def _take_in(astrid: AstridSession, folder: Path) -> None:
    for number in range(3):
        shot = Shot(night=REFERENCE_NIGHT, noise_seed=number)
        shot.write(folder / "references" / f"ref-{number}.fits")
    for number, (name, nova) in enumerate(NOVAE.items(), 11):
        shot = Shot(night=NIGHT, noise_seed=number, transient=nova)
        shot.write(folder / "science" / name)
    astrid.ingest(folder / "references", purpose="reference", progress=False)
    astrid.ingest(folder / "science", progress=False)


def _run_chain(astrid: AstridSession) -> None:
    survey = astrid.survey
    raw = [survey.raw_observations(night).manifest for night in (REFERENCE_NIGHT, NIGHT)]
    patterns = survey.calibration_frames(raw).manifest
    processed = [survey.processed_observations(night, patterns).manifest for night in raw]
    templates = survey.reference_images(processed).manifest
    survey.detections(survey.difference_images(processed[1], templates).manifest)


@pytest.fixture(scope="module")
def table(made: AstridSession) -> DetectionTable:
    return made.detections(NIGHT)


def used(graph: LineageGraph, target: str) -> dict[str, str]:
    """Return what a content was made from, by role."""
    return {edge.role: edge.source for edge in graph.onward(target)}


def raw_hash(astrid: AstridSession, name: str) -> str:
    (found,) = astrid.find(tier=Tier.RAW_OBSERVATIONS, name=name)
    return found.content_hash


def test_a_detection_names_the_difference_and_the_frame_that_its_lineage_names(
    made: AstridSession, table: DetectionTable
) -> None:
    science = {image.content_hash: image.science_hash for image in made.difference_images()}
    rows = table.frame.to_dict("records")
    assert len(rows) >= len(NOVAE)
    for found, row in zip(table.models(), rows, strict=True):
        told = used(made.why(row["detections_hash"]), row["detections_hash"])
        assert found.difference_hash == told["difference"]
        assert row["science_hash"] == science[found.difference_hash] == told["science"]


def test_detections_hold_what_the_table_holds_and_go_to_arrow_and_back(
    table: DetectionTable,
) -> None:
    models = table.models()
    assert Detection.from_arrow(Detection.to_arrow(models)) == models
    assert len({found.detection_id for found in models}) == len(models)
    shared = [field.name for field in fields(Detection) if field.name in table.frame.columns]
    for found, row in zip(models, table.frame.to_dict("records"), strict=True):
        for name in shared:
            value = getattr(found, name)
            assert value == row[name] or (value is None and np.isnan(row[name]))


def test_what_is_unknown_is_none_and_the_exposure_is_told(table: DetectionTable) -> None:
    found = table.models()[0]
    assert (found.magnitude, found.psf_flux_njy) == (None, None)  # the sky has no zero point
    assert (found.confidence_score, found.human_label) == (None, None)
    assert found.filter_band == "r"
    # 22:00 UTC and half of a minute, 37 leap seconds ahead
    assert found.midpoint_mjd_tai == pytest.approx(60406 + 22 / 24 + 67 / 86400, abs=1e-6)


def test_columns_that_people_add_to_the_table_reach_the_models(table: DetectionTable) -> None:
    labelled = DetectionTable(table.frame.assign(human_label="real"))
    assert {found.human_label for found in labelled.models()} == {"real"}
    assert DetectionTable(table.frame.iloc[:0]).models() == []


def test_no_detections_are_no_models(made: AstridSession) -> None:
    assert made.detections("1999-01-01").models() == []


def test_a_table_that_does_not_say_what_was_searched_has_no_models(table: DetectionTable) -> None:
    with pytest.raises(InvalidInputError, match="detections without difference_hash have no name"):
        DetectionTable(table.frame.drop(columns="difference_hash")).models()
    with pytest.raises(InvalidInputError, match=r"Detection.difference_hash cannot be None"):
        DetectionTable(table.frame.assign(difference_hash=None)).models()


def test_difference_images_name_the_two_frames_that_their_lineage_names(
    made: AstridSession,
) -> None:
    images = made.difference_images()
    assert [image.name for image in images] == [f"{name}.difference.fits" for name in NOVAE]
    assert DifferenceImage.from_arrow(DifferenceImage.to_arrow(images)) == images
    for image in images:
        told = made.why(image.content_hash)
        frames = {"science": image.science_hash, "reference": image.reference_hash}
        assert used(told, image.content_hash) == frames
        assert told.root.derivation_key == image.derivation_key


def test_a_difference_image_tells_of_its_science_exposure_and_a_template_is_no_exposure(
    made: AstridSession,
) -> None:
    searched = made.observations(tier=Tier.RAW_OBSERVATIONS, name="one.fits")[0]
    image = made.difference_images()[0]
    assert image.science_observation_id == searched.observation_id
    assert image.reference_observation_id is None
    for name in ("filter_band", "night", "ra_deg", "dec_deg", "observation_time"):
        assert getattr(image, name) == getattr(searched, name)
    assert image.midpoint_mjd_tai == searched.midpoint_mjd_tai
    assert 0 < (image.statistic("megapixels") or 0) <= 256**2 / 1e6


def test_difference_images_are_found_by_conditions_as_all_else(made: AstridSession) -> None:
    (image,) = made.difference_images(name="other*", night=NIGHT, filter_band="r")
    assert image.name == "other.fits.difference.fits"
    assert made.difference_images(night=REFERENCE_NIGHT) == []
    assert made.difference_images(step="detect") == []  # made of no reference
    with pytest.raises(InvalidInputError, match="knows no condition nights"):
        made.difference_images(nights=NIGHT)


def test_a_single_exposure_that_was_subtracted_is_named(made: AstridSession) -> None:
    frames = {name: raw_hash(made, name) for name in ("one.fits", "ref-0.fits")}

    def minus(inputs: Inputs) -> bytes:
        return inputs.read("science") + inputs.read("reference")

    step = made.step(minus, tier=Tier.DIFFERENCE_IMAGES)
    step({"science": frames["one.fits"], "reference": frames["ref-0.fits"]})
    (image,) = made.difference_images(step="minus")
    assert [image.science_hash, image.reference_hash] == [*frames.values()]
    before = made.observations(tier=Tier.RAW_OBSERVATIONS, name="ref-0.fits")[0]
    assert image.reference_observation_id == before.observation_id


def test_a_row_names_the_triplet_that_was_cut_out_around_it(
    made: AstridSession, table: DetectionTable
) -> None:
    assert table.frame["triplet_hash"].notna().all()
    for row in table.frame.to_dict("records"):
        content = made.cas.retrieve_data(row["triplet_hash"], tier=Tier.DETECTIONS)
        header = Triplet.from_fits(content).header
        assert (header["X"], header["Y"]) == pytest.approx((row["x"], row["y"]), abs=1e-9)


def test_samples_are_labelled_triplets_with_the_raw_frame_that_they_show(
    made: AstridSession, table: DetectionTable
) -> None:
    ids = [found.detection_id for found in table.models()]
    labels = dict.fromkeys(ids[1:], "bogus") | {ids[0]: "real"}
    samples = made.training_samples(labels, "ada", NIGHT)
    assert TrainingSample.from_arrow(TrainingSample.to_arrow(samples)) == samples
    assert [sample.detection_id for sample in samples] == ids
    for sample, row in zip(samples, table.frame.to_dict("records"), strict=True):
        assert sample.content_hash == row["triplet_hash"]
        assert sample.source_hashes == (raw_hash(made, row["science_file"]),)
        assert sample.label == labels[str(sample.detection_id)]
        assert (sample.ra_deg, sample.dec_deg) == (row["ra_deg"], row["dec_deg"])
        assert sample.source_hashes[0] in made.why(sample.content_hash).nodes


def test_a_label_of_nothing_or_of_what_was_not_cut_out_is_refused(
    made: AstridSession, table: DetectionTable
) -> None:
    with pytest.raises(InvalidInputError, match="the label of nobody is of no detection"):
        made.training_samples({"nobody": "real"}, "ada")
    weakest = table.models()[-1].detection_id
    uncut = DetectionTable(table.frame.assign(triplet_hash=None))
    with pytest.raises(InvalidInputError, match=f"detection {weakest} was not cut out"):
        training_samples(uncut, {weakest: "real"}, "ada", made.why)
    assert training_samples(uncut, {}, "ada", made.why) == []


def test_detections_are_cut_out_unflagged_first_then_positive_then_by_strength() -> None:
    rows = pd.DataFrame(
        {
            "flags": [2, 0, 0, 0, 0],
            "is_negative": [False, True, False, False, False],
            "snr": [90.0, -50.0, 8.0, 12.0, 8.0],
        }
    )
    order = best_first(*(rows[name].to_numpy() for name in rows))
    assert order.tolist() == [3, 2, 4, 1, 0]


def test_the_step_that_is_asked_for_is_the_one_of_the_chain() -> None:
    assert subtract.STEP.name == _STEP
