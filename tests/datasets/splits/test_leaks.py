"""What an audit of a split finds, whoever made the split."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from datasets.splits.stored import TURN, Survey, stamps, survey, triplet
from stores import Bench, local_store

from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.splits.leaks import LeakageReport
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.cutouts import Triplet

HALVES = {"train": 0.5, "test": 0.5}


@pytest.fixture
def made(tmp_path: Path) -> Survey:
    return survey(Bench(local_store(tmp_path / "store")), frames=4, stars=2)


def kinds(report: LeakageReport) -> dict[str, int]:
    return {kind: count for kind, count in report.counts.items() if count}


def hashes(made: Survey, *paths: str) -> list[str]:
    of_path = {file.path: file.content_hash for file in made.files}
    return [of_path[path] for path in paths]


def test_our_splits_pass(made: Survey) -> None:
    split = made.split(HALVES)
    report = made.splits().leakage_report(split)
    assert report.passed
    assert kinds(report) == {}
    assert str(report).startswith("no leak between the sides (")


def test_frames_on_both_sides_are_named_by_what_they_share_first(made: Survey) -> None:
    train, test = hashes(made, "0/0.fits"), hashes(made, "0/1.fits", "1/1.fits")
    report = made.splits().leakage_report({"train": train, "test": test})
    (leak,) = report.leaks
    assert not report.passed
    assert leak.kind == "ancestor"
    assert "(made by calibrate)" in leak.by  # the raw frame above it is not told again
    assert {leak.sample.content_hash, leak.other_sample.content_hash} == {*train, test[0]}
    assert report.tied == 2
    assert report.sizes == {"train": 1, "test": 2}


def test_the_same_content_on_both_sides_is_told_once(made: Survey) -> None:
    (one,) = hashes(made, "0/0.fits")
    report = made.splits().leakage_report({"train": [one], "test": [one]})
    assert kinds(report) == {"content": 1}


def test_near_places_are_told_with_their_distance(made: Survey) -> None:
    sides = {
        "train": [DatasetFile("a" * 64, "a", "", "", ra_deg=359.9999, dec_deg=0)],
        "test": [DatasetFile("b" * 64, "b", "", "", ra_deg=0.0001, dec_deg=0)],
    }
    report = made.splits().leakage_report(sides, pixels=False)
    assert kinds(report) == {"position": 1}
    assert report.leaks[0].by == "0.72 arcsec apart"
    assert made.splits().leakage_report(sides, pixels=False, radius_arcsec=0.7).passed


def test_augmentation_siblings_are_told_by_their_common_sample(made: Survey) -> None:
    (parent,) = hashes(made, "0/0.fits")
    turned = [
        made.bench.derivations.derive(TURN, {"triplet": [parent]}, {"turns": n}, name=f"turned-{n}")
        .output("triplet")
        .content_hash
        for n in (1, 2)
    ]
    siblings = {"train": turned[:1], "test": turned[1:]}
    report = made.splits().leakage_report(siblings, pixels=False)
    assert kinds(report) == {"augmentation": 1}
    assert report.leaks[0].tie == parent
    parent_and_child = {"train": [parent], "test": turned[:1]}
    assert kinds(made.splits().leakage_report(parent_and_child, pixels=False)) == {
        "augmentation": 1
    }


@pytest.mark.parametrize(
    ("name", "kind", "by"),
    [
        ("header", "pixels", "the same pixels"),
        ("turned", "augmentation", "a turned or mirrored copy"),
        ("mirrored", "augmentation", "a turned or mirrored copy"),
        ("scaled", "augmentation", "a scaled copy"),
    ],
)
def test_copies_are_found_without_any_lineage(made: Survey, name: str, kind: str, by: str) -> None:
    original = made.store(stamps(900), "original.fits")
    planes = triplet(900)
    header = fits.Header([("OBSERVER", "ada")])
    copies = {
        "header": Triplet(planes.science, planes.reference, planes.difference, header),
        "turned": Triplet(*(np.rot90(it).copy() for it in _planes(planes))),
        "mirrored": Triplet(*(it[:, ::-1].copy() for it in _planes(planes))),
        "scaled": Triplet(*(np.asarray(it * 1.1 + 2, np.float32) for it in _planes(planes))),
    }
    copy = made.store(copies[name].to_fits(), f"{name}.fits")
    sides = {"train": [original, *hashes(made, "1/0.fits")], "test": [copy]}
    report = made.splits().leakage_report(sides)
    assert [(leak.kind, leak.by) for leak in report.leaks] == [(kind, by)]
    same_side = {"train": [original, copy], "test": hashes(made, "1/0.fits")}
    assert made.splits().leakage_report(same_side).passed


def _planes(planes: Triplet) -> tuple[np.ndarray, ...]:
    return planes.science, planes.reference, planes.difference


def test_what_could_not_be_looked_at_is_told(made: Survey) -> None:
    text = made.store(b"no image", "notes.txt")
    sides = {"train": [text], "test": hashes(made, "1/0.fits")}
    report = made.splits().leakage_report(sides)
    assert any("1 contents" in note for note in report.notes)
    assert any("no position" in note for note in report.notes)
    assert "pixels were not compared" in made.splits().leakage_report(sides, pixels=False).notes


def test_what_is_allowed_is_listed_and_not_hidden(tmp_path: Path) -> None:
    made = survey(Bench(local_store(tmp_path / "store")), frames=4, stars=2, pattern=True)
    train, test = hashes(made, "0/0.fits"), hashes(made, "1/1.fits")
    sides = {"train": train, "test": test}
    strict = made.splits().leakage_report(sides)
    assert kinds(strict) == {"ancestor": 1}
    assert "(made by pattern)" in strict.leaks[0].by
    report = made.splits().leakage_report(sides, shared_steps=("pattern",))
    assert report.passed
    assert "pattern.frame" in {tie.title for tie in report.allowed}
    assert "allowed: behind several sides may be and are" in str(report)


def test_splits_of_others_come_as_tables_and_files(made: Survey, tmp_path: Path) -> None:
    rows = [(*hashes(made, "0/0.fits"), "train"), (*hashes(made, "0/1.fits"), "test")]
    frame = pd.DataFrame([*rows, ("f" * 64, None)], columns=["content_hash", "split"])
    path = tmp_path / "split.csv"
    frame.to_csv(path, index=False)
    for given in (frame, path, str(path)):
        report = made.splits().leakage_report(given)
        assert kinds(report) == {"ancestor": 1}
        assert report.sizes == {"train": 1, "test": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"train": ["abc"]}, "names no content"),
        (pd.DataFrame({"content_hash": ["f" * 64]}), "needs the columns content_hash and side"),
        ("no-such-file.csv", "cannot read a split"),
        (3, "a split is not a int"),
    ],
)
def test_what_is_no_split_is_refused(made: Survey, given: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        made.splits().leakage_report(given)  # type: ignore[arg-type]


def test_a_report_shows_itself_and_escapes_names(made: Survey) -> None:
    one, two = (
        DatasetFile("a" * 64, f"<b>{side}</b>", "", "", ra_deg=1.0, dec_deg=1.0)
        for side in ("train", "test")
    )
    report = made.splits().leakage_report({"train": [one], "test": [two]}, pixels=False)
    shown = report._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;train" in shown
    assert "<b>train" not in shown
    assert len(report.to_pandas()) == len(report.leaks) == 2
    assert json.loads(json.dumps(report.to_json()))["passed"] is False
    assert repr(report).startswith("<2 leaks between the sides (1 train, 1 test): 1 by content")
