"""What a diff between two versions promises."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from skies import Shot
from stores import WrappedStore

import astrid_sdk
from astrid_sdk.datasets.diff.balance import balance_of
from astrid_sdk.datasets.diff.contents import Change, compare_contents
from astrid_sdk.datasets.diff.fields import fields_of
from astrid_sdk.datasets.diff.matching import match
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.session import AstridSession

files = st.lists(
    st.builds(
        DatasetFile,
        content_hash=st.sampled_from("abcd").map(lambda digit: digit * 64),
        path=st.sampled_from(["1", "2", "3", "4", "5"]),
        tier=st.just("detections"),
        role=st.just("triplet"),
        label=st.sampled_from([None, "real", "bogus"]),
    ),
    unique_by=lambda file: file.path,
)


def file(content: str, path: str, label: str | None = None, ra_deg: float = 10.0) -> DatasetFile:
    return DatasetFile(content * 64, path, "detections", "triplet", label, (), 1, ra_deg, 20.0)


@given(files, files)
def test_every_file_of_both_versions_is_matched_exactly_once(
    before: list[DatasetFile], after: list[DatasetFile]
) -> None:
    found = match(before, after)
    pairs = [*found.unchanged, *found.moved, *found.changed]
    assert sorted([*found.removed, *(old for old, _ in pairs)], key=lambda it: it.path) == sorted(
        before, key=lambda it: it.path
    )
    assert sorted([*found.added, *(new for _, new in pairs)], key=lambda it: it.path) == sorted(
        after, key=lambda it: it.path
    )
    assert all(old.content_hash == new.content_hash for old, new in found.moved)
    assert all(old.path != new.path for old, new in found.moved)
    assert all(old.path == new.path for old, new in (*found.unchanged, *found.changed))
    assert set(found.relabelled) == {pair for pair in pairs if pair[0].label != pair[1].label}


def test_a_content_that_changed_places_with_another_moved() -> None:
    found = match([file("a", "1"), file("b", "2")], [file("b", "1"), file("a", "2")])
    assert [(old.path, new.path) for old, new in found.moved] == [("1", "2"), ("2", "1")]
    assert not found.changed


def test_class_balance_counts_and_shares_the_labelled() -> None:
    before = [file("a", "1", "real"), file("b", "2", "bogus"), file("c", "3")]
    after = [file("a", "1", "real"), file("b", "2", "real")]
    told = {it.label: (it.before, it.after, it.after_share) for it in balance_of(before, after)}
    assert told == {"bogus": (1, 0, 0.0), "real": (1, 2, 1.0), "unlabelled": (1, 0, 0.0)}


def test_positions_near_to_one_another_are_one_field_across_ra_zero() -> None:
    fields = fields_of([(359.9, 0.0), (0.1, 0.0), (180.0, -89.99), (0.0, -89.99)])
    assert [it.count for it in fields] == [2, 2]
    first, second = fields
    assert first.radius_deg == pytest.approx(0.1)
    assert min(first.ra_deg, 360 - first.ra_deg) == pytest.approx(0, abs=1e-9)
    assert second.dec_deg == pytest.approx(-90)


def image(value: float = 1.0, note: str = "", scale: float = 1.0) -> bytes:
    header = fits.Header({"NOTE": note, "FAKESCAL": scale})
    buffer = io.BytesIO()
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.full((8, 8), value, np.float32), header)]
    fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue().replace(b"FAKESCAL", b"BSCALE  ")  # which astropy would take out


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (image(), image(note="a remark that makes the header no longer"), Change.HEADER),
        (image(), image(note="x" * 60) + b"", Change.HEADER),
        (image(), image(2.0), Change.PIXELS),
        (image(), image(scale=2.0), Change.PIXELS),
        (image(), b"no image", Change.BYTES),
        (b"a", b"b", Change.BYTES),
        (b"", b"b", Change.BYTES),
    ],
)
def test_a_change_of_pixels_is_told_from_one_of_the_header(
    astrid: AstridSession, before: bytes, after: bytes, change: Change
) -> None:
    then, now = (
        str(astrid.cas.store_data(data, "application/fits", tier="datasets"))
        for data in (before, after)
    )
    assert compare_contents(astrid.cas, (then, "datasets"), (now, "")) == change


@pytest.fixture
def versions(astrid: AstridSession) -> AstridSession:
    """Two versions that differ in every way."""
    for number, contents in enumerate(
        [
            {"p.fits": image(), "h.fits": image(3.0), "m.fits": image(4.0), "r.fits": image(5.0)},
            {
                "p.fits": image(2.0),
                "h.fits": image(3.0, "again"),
                "sub/m.fits": image(4.0),
                "r.fits": image(5.0),
                "new.fits": image(6.0),
            },
        ]
    ):
        stored = {
            path: str(astrid.cas.store_data(data, "application/fits", tier="datasets", name=path))
            for path, data in contents.items()
        }
        made = [
            DatasetFile(
                stored[path],
                path,
                "datasets",
                "triplet",
                label=("bogus" if number == 0 and path == "r.fits" else "real"),
                ra_deg=150.0 + place / 100,
                dec_deg=2.0,
            )
            for place, path in enumerate(contents)
            if not (number == 1 and path == "gone.fits")
        ]
        astrid.datasets.version("x", made)
    return astrid


def test_a_diff_says_what_changed_in_every_way(versions: AstridSession) -> None:
    diff = versions.datasets.diff("x@v1", "x@v2")
    assert [it.path for it in diff.added] == ["new.fits"]
    assert not diff.removed
    assert [(old.path, new.path) for old, new in diff.moved] == [("m.fits", "sub/m.fits")]
    assert [new.path for _, new in diff.pixels_changed] == ["p.fits"]
    assert [new.path for _, new in diff.header_only] == ["h.fits"]
    assert [(old.label, new.label) for old, new in diff.relabelled] == [("bogus", "real")]
    said = diff.to_text().splitlines()
    assert said[0] == ("x@v1 -> x@v2: 1 added, 1 relabelled, 1 moved, 2 changed; 1 file unchanged")
    assert "  relabelled: 1 bogus -> real" in said
    assert "  changed: 1 header only, 1 pixels changed" in said
    assert any(line.startswith("  sky, added: 1 position at 150.0400 +2.0000") for line in said)
    assert "  class real: 3 -> 5 (75.0% -> 100.0% of the labelled)" in said
    assert versions.datasets.diff("x").to_text() == diff.to_text()


def test_a_diff_backwards_says_what_is_removed(versions: AstridSession) -> None:
    diff = versions.datasets.diff("x@v2", "x@v1")
    assert [it.path for it in diff.removed] == ["new.fits"]
    assert not diff.added


def test_a_diff_goes_out_as_table_json_page_and_picture(versions: AstridSession) -> None:
    diff = versions.datasets.diff("x@v1", "x@v2")
    rows = diff.to_pandas()
    assert sorted(rows["change"]) == [
        "added",
        "header only",
        "moved",
        "pixels changed",
        "relabelled",
    ]
    told = json.loads(json.dumps(diff.to_json()))
    assert (told["before"], told["after"], len(told["files"])) == ("x@v1", "x@v2", 5)
    page = diff._repr_mimebundle_()["text/html"]
    assert "<svg" in page
    assert "new.fits" in page
    ET.fromstring(diff.to_svg())  # noqa: S314 - we made it


def test_what_a_diff_shows_is_escaped(astrid: AstridSession, stamps: list[str]) -> None:
    for label in ("real", "<script>"):
        made = DatasetFile(stamps[0], "<b>.npy", "detections", "stamp", label)
        astrid.datasets.version("x", [made])
    diff = astrid.datasets.diff("x")
    assert "<script>" not in diff._repr_mimebundle_()["text/html"]
    assert "<script>" not in diff.to_svg()
    assert "<b>" not in diff._repr_mimebundle_()["text/html"].replace("<b>x@v1", "")


def test_versions_that_are_the_same_say_so(astrid: AstridSession, stamps: list[str]) -> None:
    astrid.datasets.version("x", stamps)
    diff = astrid.datasets.diff("x", "x")
    assert diff.is_empty
    assert str(diff) == "x@v1 -> x@v1: nothing changed, 3 files unchanged"
    assert diff.to_pandas().empty


def test_a_diff_without_positions_still_has_a_picture(
    astrid: AstridSession, stamps: list[str]
) -> None:
    astrid.datasets.version("x", stamps[:1])
    astrid.datasets.version("x", stamps)
    assert "no position is known" in astrid.datasets.diff("x").to_svg()


def test_contents_are_read_only_for_files_that_changed(
    versions: AstridSession, tmp_path: Path
) -> None:
    watched = WrappedStore(versions.r2)
    with astrid_sdk.AstridSession(watched, versions.bucket, tmp_path / "home") as session:
        diff = session.datasets.diff("x@v1", "x@v2")
        assert len(diff.changed) == 2
        before = len([key for key in watched.read if "/sha256/" in key])
        diff.compare()
        diff.compare()
        read = [key for key in watched.read if "/sha256/" in key]
    assert before == 2  # the manifests
    assert len(set(read)) == before + 4


def test_filters_and_instruments_are_those_the_catalogue_tells(
    astrid: AstridSession, shot_in: Callable[[str], str]
) -> None:
    astrid.datasets.version("x", [shot_in("r")])
    astrid.datasets.version("x", [shot_in("r"), shot_in("g")])
    diff = astrid.datasets.diff("x")
    assert diff.filters == {"added": {"g": 1}, "removed": {}}
    assert "filters, added: 1 g" in str(diff)


@pytest.fixture
def shot_in(astrid: AstridSession, tmp_path: Path) -> Callable[[str], str]:
    def shot(band: str) -> str:
        path = Shot(filter_band=band, size_px=16).write(tmp_path / "night" / f"{band}.fits")
        astrid.ingest(path, progress=False)
        return str(astrid.find(filter_band=band)[0].content_hash)

    return shot
