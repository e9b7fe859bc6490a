"""What `session.datasets.version` promises of everything that a dataset can be made of."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from skies import Shot
from stores import at_once

import astrid_sdk
from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.models.training_sample import TrainingSample
from astrid_sdk.config import child_environment
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.versions import DatasetVersion, VersionName
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.session import AstridSession

VERSION = """
import sys, astrid_sdk
with astrid_sdk.connect(sys.argv[1]) as astrid:
    for number in range(5):
        data = f"{sys.argv[2]} {number}".encode()
        made = astrid.cas.store_data(data, "text/plain", tier="datasets", name="a")
        print(astrid.datasets.version("sn-train", {"a.txt": made}).number)
"""
KINDS: dict[str, Callable[[AstridSession, list[str]], Any]] = {
    "the rows of a search": lambda astrid, _: astrid.find(tier="detections"),
    "some rows": lambda astrid, _: list(astrid.find(tier="detections")),
    "content hashes": lambda _, stamps: stamps,
    "prefixes of hashes": lambda _, stamps: [stamp[:12] for stamp in stamps],
    "paths with hashes": lambda _, stamps: {f"{n}.npy": it for n, it in enumerate(stamps)},
    "files": lambda _, stamps: [
        DatasetFile(it, f"{n}.npy", "detections", "stamp") for n, it in enumerate(stamps)
    ],
    "samples": lambda _, stamps: [TrainingSample(it, "real", "me") for it in stamps],
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_version_is_made_of_lineage_names_it_from_the_raw_frame(
    astrid: AstridSession, raw: str, stamps: list[str], kind: str
) -> None:
    made = astrid.datasets.version("sn-train", KINDS[kind](astrid, stamps), message=kind)
    assert (made.name, made.files, made.message) == ("sn-train@v1", 3, kind)
    assert astrid.impact(raw).dataset_versions() == ["sn-train v1"]
    files = astrid.datasets.manifest(made).files
    assert {file.content_hash for file in files} == set(stamps)
    assert {file.tier for file in files} == {"detections"}
    assert {file.sources for file in files} == {(raw,)}
    assert made.size_bytes == sum(len(astrid.cas.retrieve_data(stamp)) for stamp in stamps)


def test_what_a_caller_says_of_a_file_stays(
    astrid: AstridSession, raw: str, stamps: list[str]
) -> None:
    said = DatasetFile(
        stamps[0], "a.npy", "detections", "cutout", "real", (raw,), 7, ra_deg=1.0, dec_deg=2.0
    )
    astrid.datasets.version("sn-train", [said])
    assert astrid.datasets.manifest("sn-train").files == (said,)


def test_a_source_that_lineage_does_not_know_is_linked_by_the_version(
    astrid: AstridSession, raw: str
) -> None:
    bare = astrid.cas.store_data(b"from elsewhere", "text/plain", tier="detections", name="x")
    file = DatasetFile(bare, "x.txt", "detections", "file", sources=(raw,))
    astrid.datasets.version("sn-train", [file])
    assert astrid.impact(raw).dataset_versions() == ["sn-train v1"]


def test_the_files_of_a_folder_are_stored_under_their_paths(
    astrid: AstridSession, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "in", {"a.txt": b"a", "sub/b é.txt": b"b"})
    made = astrid.datasets.version("sn-train", folder)
    files = astrid.datasets.manifest(made).files
    assert [(it.path, it.tier, it.size_bytes) for it in files] == [
        ("a.txt", "datasets", 1),
        ("sub/b é.txt", "datasets", 1),
    ]
    assert astrid.cas.retrieve_data(sha256_hex(b"b"), tier="datasets") == b"b"
    assert astrid.impact(sha256_hex(b"a")).dataset_versions() == ["sn-train v1"]


def test_fits_files_of_a_folder_tell_where_they_are(astrid: AstridSession, tmp_path: Path) -> None:
    Shot(size_px=16, ra_deg=150.0, dec_deg=2.0).write(tmp_path / "in" / "a.fits")
    (tmp_path / "in" / "broken.fits").write_bytes(b"no image")
    astrid.datasets.version("sn-train", tmp_path / "in")
    shot, broken = astrid.datasets.manifest("sn-train").files
    assert shot.ra_deg == pytest.approx(150.0, abs=0.01)
    assert shot.dec_deg == pytest.approx(2.0, abs=0.01)
    assert (broken.path, broken.ra_deg) == ("broken.fits", None)
    assert astrid.find(tier="datasets", filter_band="r")[0].content_hash == shot.content_hash


def test_a_folder_that_is_versioned_again_records_only_what_is_new(
    astrid: AstridSession, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "in", {"a.txt": b"a", "same.txt": b"a"})
    astrid.datasets.version("sn-train", folder)
    folder_of(folder, {"c.txt": b"c"})
    astrid.datasets.version("sn-train", folder)
    told = [row for row in astrid.catalog.records().to_pylist() if row["kind"] == "ingest"]
    assert sorted(row["name"] for row in told) == ["a.txt", "c.txt"]


def test_a_folder_that_brings_back_stamps_keeps_their_lineage(
    astrid: AstridSession, raw: str, stamps: list[str], tmp_path: Path
) -> None:
    astrid.cas.retrieve_files([(stamps[0], "a.npy")], tmp_path / "in")
    made = astrid.datasets.version("sn-train", tmp_path / "in")
    (file,) = astrid.datasets.manifest(made).files
    assert (file.path, file.sources) == ("a.npy", (raw,))
    assert astrid.impact(raw).dataset_versions() == ["sn-train v1"]


def test_without_files_the_first_version_is_every_labelled_triplet(astrid: AstridSession) -> None:
    with pytest.raises(InvalidInputError, match="no triplet of the store is labelled"):
        astrid.datasets.version("sn-train")
    step = astrid.step(triplets, tier="detections")
    seed = astrid.cas.store_data(b"seed", "text/plain", name="seed")
    made = step({"seed": seed}).outputs
    first, second, other = (output.content_hash for output in made)
    astrid.labels.add(first, "real")
    astrid.labels.add(second, "bogus")
    astrid.labels.add(other, "real")
    version = astrid.datasets.version("sn-train")
    files = astrid.datasets.manifest(version).files
    assert {it.content_hash: it.label for it in files} == {first: "real", second: "bogus"}
    assert {it.role for it in files} == {"triplet"}


def test_without_files_a_version_has_the_files_before_as_people_label_them_now(
    astrid: AstridSession, stamps: list[str]
) -> None:
    first = astrid.datasets.version("sn-train", stamps)
    assert astrid.datasets.version("sn-train") == first
    astrid.labels.add(stamps[1], "real")
    second = astrid.datasets.version("sn-train", message="labelled")
    labels = {it.content_hash: it.label for it in astrid.datasets.manifest(second).files}
    assert labels == {stamps[0]: None, stamps[1]: "real", stamps[2]: None}
    astrid.exclude(stamps[0], "trailed")
    third = astrid.datasets.version("sn-train")
    assert (third.number, third.files) == (3, 2)
    assert third.parents == ("sn-train@v2",)


def test_a_content_that_is_not_stored_is_in_no_version(
    astrid: AstridSession, stamps: list[str]
) -> None:
    with pytest.raises(NotFoundError, match="1 of 2 contents are not stored") as caught:
        astrid.datasets.version("sn-train", [stamps[0], "ab" * 32])
    assert caught.value.kind == "not_stored"
    assert list(astrid.datasets.list("sn-train")) == []


@pytest.mark.parametrize("given", [3, [3], {"a": 3}, [None]])
def test_what_is_no_content_is_refused(astrid: AstridSession, given: Any) -> None:
    with pytest.raises(InvalidInputError, match="a dataset is not made of"):
        astrid.datasets.version("sn-train", given)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a\\b", "", "a\nb"])
def test_a_hostile_path_is_refused(astrid: AstridSession, stamps: list[str], path: str) -> None:
    with pytest.raises(InvalidInputError, match="no path in a dataset"):
        astrid.datasets.version("sn-train", {path: stamps[0]})


def test_a_folder_that_is_not_there_or_empty_is_refused(
    astrid: AstridSession, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="is no folder"):
        astrid.datasets.version("sn-train", tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="nothing to version"):
        astrid.datasets.version("sn-train", tmp_path / "empty")


def test_nothing_is_no_version(astrid: AstridSession, stamps: list[str]) -> None:
    nothing: tuple[Any, ...] = ([], {}, astrid.find(name="zzz*"))
    for given in nothing:
        with pytest.raises(InvalidInputError, match="nothing to version") as caught:
            astrid.datasets.version("sn-train", given)
        assert caught.value.kind == "no_files"
    astrid.datasets.version("sn-train", stamps[:1])
    astrid.exclude(stamps[0], "trailed")
    with pytest.raises(InvalidInputError, match="every file of the newest version of sn-train"):
        astrid.datasets.version("sn-train")
    assert len(astrid.datasets.list("sn-train")) == 1


def test_that_nothing_changed_is_said_with_the_message_that_is_not_kept(
    astrid: AstridSession, stamps: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    first = astrid.datasets.version("sn-train", stamps, message="first")
    assert astrid.datasets.version("sn-train", stamps) == first
    assert not caplog.records
    assert astrid.datasets.version("sn-train", stamps, message="labelled") == first
    assert "nothing changed since sn-train@v1" in caplog.text
    assert "'labelled' is not kept" in caplog.text


def test_a_version_shows_itself_in_one_line(astrid: AstridSession, stamps: list[str]) -> None:
    made = astrid.datasets.version("sn-train", stamps[:1], message="long\nwords " * 20)
    shown = repr(made)
    assert shown.startswith("<sn-train v1: 1 file, ")
    assert shown.endswith(f" …', {made.created_at:%Y-%m-%d %H:%M}>")
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("dataset_id", [None, 3])
def test_what_is_no_text_is_no_dataset_id(astrid: AstridSession, dataset_id: Any) -> None:
    with pytest.raises(InvalidInputError, match="is not a dataset id"):
        astrid.datasets.version(dataset_id, [])


def test_a_name_that_breaks_off_after_its_at_is_no_version(astrid: AstridSession) -> None:
    with pytest.raises(InvalidInputError, match="'sn-train' for the newest, or 'sn-train@v1'"):
        astrid.datasets.get("sn-train@")


def test_who_asks_for_an_unknown_dataset_hears_which_there_are(
    astrid: AstridSession, stamps: list[str]
) -> None:
    for number in range(11):
        astrid.datasets.version(f"sn-{number:02}", stamps[:1])
    with pytest.raises(NotFoundError, match=r"those that have: sn-00, .*, sn-09 and 1 more$"):
        astrid.datasets.get("nope")


def test_contents_of_one_name_are_told_apart_and_hostile_names_give_no_path(
    astrid: AstridSession,
) -> None:
    names = ["n/a.fits", "n/a.fits", "../../etc/passwd", "b.fits"]
    made = [
        str(astrid.cas.store_data(b"%d" % number, "application/fits", name=name))
        for number, name in enumerate(names)
    ]
    astrid.datasets.version("sn-train", made)
    paths = {it.content_hash: it.path for it in astrid.datasets.manifest("sn-train").files}
    assert [paths[content_hash] for content_hash in made] == [
        f"n/a@{made[0][:8]}.fits",
        f"n/a@{made[1][:8]}.fits",
        made[2],
        "b.fits",
    ]


def test_a_version_is_found_by_number_tag_and_as_the_newest(
    astrid: AstridSession, stamps: list[str]
) -> None:
    first = astrid.datasets.version("sn-train", stamps[:1])
    second = astrid.datasets.version("sn-train", stamps[:2])
    astrid.datasets.tag(first, "paper")
    names = {"sn-train": second, "sn-train@v1": first, "sn-train v2": second}
    for name, version in {**names, "sn-train@paper": first, "sn-train@2": second}.items():
        assert astrid.datasets.get(name) == version
    assert astrid.datasets.get(VersionName("sn-train", 1)) == first
    assert len(astrid.datasets.manifest("sn-train@paper").files) == 1
    assert len(astrid.datasets.manifest("sn-train", 2).files) == 2
    for name in ("sn-train@v3", "other", "sn-train@nothing"):
        with pytest.raises(NotFoundError):
            astrid.datasets.get(name)


def test_parents_are_versions_that_there_are_and_keep_their_number(
    astrid: AstridSession, stamps: list[str]
) -> None:
    astrid.datasets.tag(astrid.datasets.version("sn-all", stamps), "paper")
    made = astrid.datasets.version("sn-train", stamps[:1], parents=["sn-all@paper"])
    assert made.parents == ("sn-all@v1",)
    with pytest.raises(NotFoundError):
        astrid.datasets.version("sn-train", stamps[:2], parents=["sn-all@v7"])


def test_datasets_and_versions_are_shown_as_tables(
    astrid: AstridSession, stamps: list[str]
) -> None:
    astrid.datasets.create("empty", description="<b>nothing</b> yet")
    astrid.datasets.version("sn-train", stamps, message="<i>first</i>")
    assert [it.dataset_id for it in astrid.datasets.list()] == ["empty", "sn-train"]
    shown = astrid.datasets._repr_mimebundle_()
    assert "2 datasets" in shown["text/plain"]
    assert "&lt;b&gt;nothing" in shown["text/html"]
    versions = astrid.datasets.list("sn-train")
    assert "&lt;i&gt;first" in versions._repr_mimebundle_()["text/html"]
    assert versions.to_pandas()["version"].tolist() == ["sn-train@v1"]
    assert astrid.datasets.list().to_pandas()["newest"].tolist()[1] == 1
    assert list(versions[:1]) == list(versions)
    assert repr(astrid.datasets.list("none")) == "<0 versions>"


def test_versions_of_several_processes_leave_no_gap(astrid: AstridSession, tmp_path: Path) -> None:
    def process(name: str) -> list[int]:
        command = [sys.executable, "-c", VERSION, str(tmp_path / "store"), name]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=child_environment({})
        )
        return [int(number) for number in done.stdout.split()]

    told = at_once([lambda name=name: process(name) for name in "ab"])  # type: ignore[misc]
    assert sorted(number for numbers in told for number in numbers) == list(range(1, 11))
    versions = astrid.datasets.list("sn-train")
    assert [version.number for version in versions] == list(range(1, 11))
    assert len({version.manifest_hash for version in versions}) == 10


def test_sessions_at_once_that_version_the_same_files_make_one_version(
    astrid: AstridSession, stamps: list[str], tmp_path: Path
) -> None:
    def version() -> DatasetVersion:
        with astrid_sdk.connect(tmp_path / "store") as session:
            return session.datasets.version("sn-train", stamps)

    made = at_once([version, version, version])
    assert made == [*astrid.datasets.list("sn-train")] * 3


def folder_of(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def triplets(inputs: Any) -> dict[str, Any]:
    seed = inputs.read("seed")
    return {"triplet-001": seed + b"1", "triplet-002": seed + b"2", "detections": seed + b"3"}
