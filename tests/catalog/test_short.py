"""What a single value promises to show: one short line that names it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from exposures import image
from pair_skies import NOVA, paired, seen
from stores import Bench, local_store

from astrid_sdk.catalog.models.detection import Detection
from astrid_sdk.catalog.models.difference_image import DifferenceImage
from astrid_sdk.catalog.models.observation import Observation, ObservationFile
from astrid_sdk.catalog.models.training_sample import TrainingSample
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.catalog.short import called, line
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef
from astrid_sdk.tiers import Tier

A, B, C = (letter * 64 for letter in "abc")
SEEN = Observation("e1", (ObservationFile("image", A, name="a.fits"),))
FOUND = Detection("d" * 32, A, 1.0, 2.0, 5.04, is_negative=False)
MADE = DifferenceImage(A, B, C, A, name="a.diff.fits", filter_band="r", night="2024-04-05")
TAUGHT = TrainingSample(A, "real", "ada")
OUTPUT = OutputRef("difference", B, 1, "application/fits", "a.fits", Tier.DIFFERENCE_IMAGES)
DONE = Derivation(
    C, "subtract", "1", {}, {}, (OUTPUT,), created_at=datetime(2024, 1, 1, tzinfo=UTC)
)
LONG = "x" * 500


def test_a_row_that_was_found_names_its_content(tmp_path: Path) -> None:
    bench = Bench(local_store(tmp_path / "store"))
    bench.records.append([image(1, filter_band="r")])
    (row,) = find(bench.catalog, Query())
    named = "night/Frame-1.fits@00000001"
    assert repr(row) == str(row) == f"<{named} raw-observations image r 2024-04-05>"
    unknown = replace(row, role=None, filter_band=None, night=None)
    assert repr(unknown) == f"<{named} raw-observations>"


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (DONE, "a.fits@bbbbbbbb (difference)"),
        (replace(DONE, reused=True), "a.fits@bbbbbbbb (difference), reused"),
        (replace(DONE, outputs=()), "no outputs"),
        (
            replace(DONE, outputs=(), refusal="trailed: take it again", reused=True),
            "refused: trailed: take it again, reused",
        ),
        (
            replace(DONE, outputs=(OUTPUT,) * 5),
            "a.fits@bbbbbbbb (difference), a.fits@bbbbbbbb (difference) and 3 more",
        ),
    ],
)
def test_a_derivation_says_what_it_made_or_why_nothing(made: Derivation, shown: str) -> None:
    assert repr(made) == f"<derivation subtract cccccccc: {shown}>"


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (SEEN, "<observation a.fits@aaaaaaaa>"),
        (
            replace(SEEN, object_name="M31", filter_band="r", ra_deg=10.0, dec_deg=41.25),
            "<observation a.fits@aaaaaaaa M31 r at 10.00000 +41.25000>",
        ),
        (FOUND, "<detection dddddddd at x=1.00, y=2.00, snr 5.0, source of aaaaaaaa>"),
        (
            replace(FOUND, ra_deg=1.0, dec_deg=-2.0),
            "<detection dddddddd at 1.00000 -2.00000, snr 5.0, source of aaaaaaaa>",
        ),
        (MADE, "<difference a.diff.fits@aaaaaaaa r 2024-04-05 of bbbbbbbb - cccccccc>"),
        (TAUGHT, "<sample aaaaaaaa: real, says ada>"),
    ],
)
def test_a_model_is_one_line(model: object, shown: str) -> None:
    assert repr(model) == str(model) == shown


def test_a_pair_names_both_frames_and_what_the_guard_says() -> None:
    frames = [seen(1, 0), seen(2, 10)]
    (pair,) = paired(frames)
    names = "frame-2.fits@00000000 - frame-1.fits@00000000"
    told = "r, 10.00 days, overlap 1.00"
    assert repr(pair) == f"<pair {names}, {told}, not checked>"
    (pair,) = paired(frames, [replace(NOVA, first_light=None)])
    assert repr(pair) == f"<pair {names}, {told}, contaminated>"


def test_no_line_is_longer_than_120_characters_whatever_the_names() -> None:
    files = (ObservationFile("image", A, name=LONG),)
    frames = [seen(1, 0, object_name=LONG), seen(2, 10)]
    (pair,) = paired([replace(frame, files=files) for frame in frames])
    models = [
        replace(SEEN, files=files, object_name=LONG, instrument=LONG),
        replace(FOUND, detection_id=LONG, snr=1e300),
        replace(MADE, name=LONG, night=LONG),
        replace(TAUGHT, label=LONG),
        pair,
    ]
    for shown in map(repr, models):
        assert len(shown) <= 120
        assert shown.endswith(">")


def test_a_name_with_line_breaks_stays_on_one_line() -> None:
    assert line("a\nb\x1b[31m") == "<a b [31m>"


def test_a_long_name_keeps_both_ends_and_its_hash() -> None:
    assert called("begin" + LONG + ".fits", A, 12) == "begin…x.fits@aaaaaaaa"
