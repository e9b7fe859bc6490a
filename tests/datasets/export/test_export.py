"""What an export as a whole promises."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from datasets.export.shelves import HOSTILE_PATHS, NAME, Shelf, triplet

from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.datasets.export.export import export_version
from astrid_sdk.datasets.export.listing import Entry, checksums
from astrid_sdk.datasets.export.subject import FORMATS
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.errors import ConflictError, CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.tiers import Tier

EVERYWHERE = tuple(name for name in FORMATS if name != "hats")

TESTS = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from catalog.lineages import lineages, registry
from stores import Bench
from astrid_sdk.datasets.export.export import export_version
from astrid_sdk.datasets.export.subject import ExportStore, ExportSubject
from astrid_sdk.datasets.information import DatasetInformation
from astrid_sdk.storage.local_client import LocalStorageClient
folder, name = Path(sys.argv[1]), sys.argv[2]
bench = Bench(LocalStorageClient(folder / "store"))
version, manifest = registry(bench).list(name)[0], registry(bench).manifest(name)
subject = ExportSubject(version, manifest, DatasetInformation(name))
store = ExportStore(bench.cas, bench.catalog, lineages(bench).why)
def kill(done, total, name):
    if done == total:
        os.kill(os.getpid(), signal.SIGKILL)
export_version(store, subject, folder / "out", progress=kill)
"""


@pytest.fixture
def sha256sum(require: Callable[[str], NoReturn]) -> Callable[[Path], str]:
    program = shutil.which("sha256sum")
    if program is None:
        require("no sha256sum on this machine")

    def check(folder: Path) -> str:
        command = [program, "-c", "--strict", "MANIFEST.sha256"]
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return "" if answer.returncode == 0 else answer.stdout + answer.stderr

    return check


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_files_are_there_under_their_paths_with_the_bytes_of_the_version(shelf: Shelf) -> None:
    files = shelf.hostile()
    made = shelf.export(files)
    for file in files:
        content = (made.folder / "data" / file.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.content_hash
    assert sorted(
        path.relative_to(made.folder / "data").as_posix()
        for path in made.folder.glob("data/**/*")
        if path.is_file()
    ) == sorted(HOSTILE_PATHS)


def test_plain_sha256sum_checks_all_files_but_the_list_itself(
    shelf: Shelf, sha256sum: Callable[[Path], str]
) -> None:
    made = shelf.export(shelf.hostile(), *EVERYWHERE)
    assert sha256sum(made.folder) == ""
    listed = made.manifest.read_text().splitlines()
    assert len(listed) == len(files_in(made.folder)) - 1 == made.files - 1
    assert made.size_bytes == sum(map(len, files_in(made.folder).values()))
    (made.folder / "README.md").write_text("another")
    assert "README.md: FAILED" in sha256sum(made.folder)


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "\\", "a\rb", "end\r", "a\\nb", " a ", "é*"])
def test_names_with_line_ends_and_backslashes_are_escaped_as_sha256sum_reads_them(
    tmp_path: Path, sha256sum: Callable[[Path], str], name: str
) -> None:
    content = b"of any name"
    (tmp_path / name).write_bytes(content)
    entry = Entry(name, hashlib.sha256(content).hexdigest(), len(content), "text/plain")
    (tmp_path / "MANIFEST.sha256").write_bytes(checksums([entry]).encode())
    assert sha256sum(tmp_path) == ""


def test_the_same_version_gives_the_same_bytes(shelf: Shelf) -> None:
    files = shelf.hostile()
    one = shelf.export(files, *EVERYWHERE, folder="one")
    row = find_one(shelf.bench.catalog, files[0].content_hash)
    say_excluded(shelf.bench.records, row, "the store goes on")
    other = shelf.export(files[::-1], *EVERYWHERE, folder="two")
    assert files_in(one.folder) == files_in(other.folder)


def test_the_manifest_is_the_very_blob_whose_hash_the_version_has(shelf: Shelf) -> None:
    files = shelf.hostile()
    made = shelf.export(files)
    content = (made.folder / "dataset.json").read_bytes()
    version = shelf.subject(files).version
    assert hashlib.sha256(content).hexdigest() == version.manifest_hash
    assert DatasetManifest.from_bytes(content).files == tuple(
        sorted(files, key=lambda file: file.path)
    )


def test_a_folder_with_something_in_it_is_refused_and_left_alone(shelf: Shelf) -> None:
    there = shelf.folder / "out" / "thesis.tex"
    there.parent.mkdir()
    there.write_text("years of work")
    with pytest.raises(InvalidInputError, match="export to a new folder") as refused:
        shelf.export(shelf.hostile())
    assert refused.value.kind == "folder"
    assert files_in(there.parent) == {"thesis.tex": b"years of work"}


def test_an_empty_folder_is_used_and_a_missing_one_made_with_those_above(shelf: Shelf) -> None:
    (shelf.folder / "empty").mkdir()
    assert shelf.export(shelf.hostile(), folder="empty").manifest.is_file()
    assert shelf.export(shelf.hostile(), folder="a/b/c").manifest.is_file()


def test_who_writes_into_the_folder_meanwhile_keeps_what_is_his(shelf: Shelf) -> None:
    target = shelf.folder / "out"

    def meddle(_done: int, _total: int, _name: str) -> None:
        target.mkdir(exist_ok=True)
        (target / "his").touch()

    with pytest.raises(ConflictError, match="somebody wrote there"):
        export_version(shelf.store, shelf.subject(shelf.hostile()), target, progress=meddle)
    assert files_in(target) == {"his": b""}
    assert left_over(shelf) == []


def test_a_failed_export_leaves_nothing(shelf: Shelf) -> None:
    lost = shelf.file("ab" * 32, "lost.fits")
    with pytest.raises(NotFoundError):
        shelf.export([*shelf.hostile(), lost])
    assert not (shelf.folder / "out").exists()
    assert left_over(shelf) == []


def test_a_killed_export_leaves_nothing_under_its_name(shelf: Shelf) -> None:
    version = shelf.subject(shelf.hostile()).version
    command = [sys.executable, "-c", KILLED, str(shelf.folder), version.dataset_id]
    killed = subprocess.run(command, check=False, capture_output=True, cwd=TESTS)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert left_over(shelf) != []
    assert not (shelf.folder / "out").exists()
    assert shelf.export(shelf.hostile()).manifest.is_file()


def test_a_damaged_content_is_not_exported(shelf: Shelf) -> None:
    files = shelf.hostile()
    subject = shelf.subject(files)
    key = blob_key(files[0].content_hash, Tier.DETECTIONS)
    blob = shelf.folder / "store" / "astrid-storage" / key
    blob.write_bytes(blob.read_bytes()[:-1] + b"\1")
    with pytest.raises(CorruptionError, match=files[0].content_hash):
        export_version(shelf.store, subject, shelf.folder / "out", progress=False)
    assert not (shelf.folder / "out").exists()


def test_a_content_with_two_paths_is_written_twice(shelf: Shelf) -> None:
    (content_hash,) = shelf.triplets(1)
    pair = [shelf.file(content_hash, path) for path in ("a/x.fits", "b/x.fits")]
    made = shelf.export(pair)
    one, two = (made.folder / "data" / file.path for file in pair)
    assert one.read_bytes() == two.read_bytes() == triplet(0)
    one.write_bytes(b"")  # they are two files, not two names of one
    assert two.read_bytes() == triplet(0)


def test_files_are_taken_from_the_tiers_that_the_manifest_names(shelf: Shelf) -> None:
    files = [*shelf.hostile(), shelf.data(b"0123456789" * 900_000, "large.bin")]
    made = shelf.export(files)
    assert (made.folder / "data" / "large.bin").stat().st_size == 9_000_000


def test_progress_counts_the_contents(shelf: Shelf) -> None:
    told: list[tuple[int, int]] = []
    files = [*shelf.hostile(), shelf.data(b"x", "x.bin")]
    export_version(
        shelf.store,
        shelf.subject(files),
        shelf.folder / "out",
        progress=lambda done, total, _name: told.append((done, total)),
    )
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (5, 5)


def test_without_the_format_files_no_data_is_written(shelf: Shelf) -> None:
    made = shelf.export(shelf.hostile(), "parquet")
    assert not (made.folder / "data").exists()
    crate = json.loads((made.folder / "ro-crate-metadata.json").read_text())
    assert not [thing for thing in crate["@graph"] if thing["@id"].startswith("data/")]


def test_a_path_that_the_disk_refuses_is_named(shelf: Shelf) -> None:
    (content_hash,) = shelf.triplets(1)
    with pytest.raises(InvalidInputError, match="give the file another path") as refused:
        shelf.export([shelf.file(content_hash, "x" * 300)])
    assert refused.value.kind == "path"
    assert not (shelf.folder / "out").exists()


def test_an_unknown_format_is_refused_with_those_there_are(shelf: Shelf) -> None:
    with pytest.raises(InvalidInputError, match="no format 'csv': choose of files, parquet"):
        shelf.export(shelf.hostile(), "csv")


def test_an_empty_version_can_be_exported(shelf: Shelf, sha256sum: Callable[[Path], str]) -> None:
    made = shelf.export([], "files", "parquet", "fits")
    assert sha256sum(made.folder) == ""
    assert "# sn-train@v1" in (made.folder / "README.md").read_text()


def test_the_manifest_of_another_dataset_is_refused(shelf: Shelf) -> None:
    subject = shelf.subject(shelf.hostile())
    object.__setattr__(subject, "manifest", DatasetManifest("other", ()))
    with pytest.raises(InvalidInputError, match="is not that of sn-train@v1"):
        export_version(shelf.store, subject, shelf.folder / "out")


def test_a_label_that_is_no_text_is_refused(shelf: Shelf) -> None:
    (content_hash,) = shelf.triplets(1)
    with pytest.raises(InvalidInputError, match="no Unicode text"):
        shelf.export([shelf.file(content_hash, "a.fits", label="\ud800")])


def test_the_report_says_what_was_written_and_how_to_check_it(shelf: Shelf) -> None:
    made = shelf.export(shelf.hostile(), "tensors", "files")
    assert (made.version, made.formats) == (f"{NAME}@v1", ("files", "tensors"))
    assert "sha256sum -c MANIFEST.sha256" in repr(made)
    shown = made._repr_mimebundle_()
    assert shown["text/plain"] == repr(made)
    assert "<td>files, tensors</td>" in shown["text/html"]


def left_over(shelf: Shelf) -> list[str]:
    return [path.name for path in shelf.folder.iterdir() if path.name.endswith(".part")]
