"""What ``astrid dataset`` promises."""

import csv
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.terminal import astrid, mistake

import astrid_sdk
from astrid_sdk.cli.dataset import dataset
from astrid_sdk.datasets.manifest import DatasetFile

COMMANDS = [
    *("checkout", "create", "describe", "diff", "export", "leaks", "list", "show", "split", "tag"),
    "version",
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    return tmp_path / "in"


@pytest.fixture
def samples(store: Path) -> Iterator[list[str]]:
    """Forty labelled samples, each far from the others, as version 1 of x."""
    with astrid_sdk.connect(store) as session:
        made = [
            DatasetFile(
                str(session.cas.store_data(b"%d" % n, "text/plain", tier="datasets", name=f"{n}")),
                f"{n}.txt",
                "datasets",
                "sample",
                "real" if n % 2 else "bogus",
                ra_deg=float(n),
                dec_deg=0.0,
            )
            for n in range(40)
        ]
        session.datasets.version("x", made)
        yield [file.content_hash for file in made]


def test_the_commands_are_these() -> None:
    assert sorted(dataset.commands) == COMMANDS


def test_a_dataset_from_a_folder_to_another_folder(
    store: Path, folder: Path, tmp_path: Path
) -> None:
    said = ("--licence", "MIT", "--creator", "Ann", "--detail", "survey=ZTF")
    assert "licence: MIT" in astrid("dataset", "create", "x", *said, "--store", store).out
    told = astrid(
        "dataset", "describe", "x", "--detail", "survey=", "--how", "by hand", "--store", store
    )
    assert "survey" not in told.out
    assert "how: by hand" in told.out
    version = ("dataset", "version", "x", folder, "-m", "first", "--store", store)
    assert astrid(*version).out == "x v1 (1 file): x@v1\n"
    again = astrid(*version[:-3], "again", "--store", store)
    assert again.out == "x v1 (1 file): x@v1\n"
    assert again.err.startswith("astrid: nothing changed since x@v1")
    assert "'again' is not kept" in again.err
    (folder / "b.txt").write_text("b")
    astrid(*version)
    assert "x        v2" in astrid("dataset", "list", "--store", store).out
    assert "x@v1" in astrid("dataset", "list", "x", "--store", store).out
    shown = astrid("dataset", "show", "x@v1", "--store", store).out
    assert "a.txt@" in shown
    assert "licence: MIT" in shown
    told = astrid("dataset", "diff", "x", "--store", store, "--svg", tmp_path / "d.svg")
    assert told.out.startswith("x@v1 -> x@v2: 1 added; 1 file unchanged")
    assert (tmp_path / "d.svg").read_text().startswith("<svg")
    assert astrid("dataset", "tag", "x@v1", "paper", "--store", store).out == "x@paper is v1\n"
    assert "paper" in astrid("dataset", "tag", "x", "--store", store).out
    made = astrid("dataset", "checkout", "x@paper", tmp_path / "out", "--store", store)
    assert "1 fetched" in made.out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]


def test_json_is_complete(store: Path, folder: Path) -> None:
    astrid("dataset", "version", "x", folder, "--store", store)
    shown = json.loads(astrid("dataset", "show", "x", "--json", "--store", store).out)
    assert [file["path"] for file in shown["files"]] == ["a.txt"]
    told = json.loads(astrid("dataset", "diff", "x", "x", "--json", "--store", store).out)
    assert told["unchanged"] == 1


def test_a_split_is_written_audited_and_leaks_are_an_exit_code(
    store: Path, samples: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "split.csv"
    fractions = ("--fraction", "train=0.5", "--fraction", "test=0.5")
    made = astrid("dataset", "split", "x", *fractions, "--csv", path, "--store", store)
    assert made.code == 0, made
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert {row["content_hash"] for row in rows} == set(samples)
    assert astrid("dataset", "leaks", path, "--store", store).code == 0
    with path.open("w") as file:
        file.write("content_hash,side\n")
        file.writelines(f"{samples[0]},{side}\n" for side in ("train", "test"))
    assert astrid("dataset", "leaks", path, "--store", store).code == 1


@pytest.mark.usefixtures("samples")
def test_an_export_is_checked_by_sha256sum(store: Path, tmp_path: Path) -> None:
    made = astrid("dataset", "export", "x", tmp_path / "out", "--store", store)
    assert made.code == 0, made
    listing = made.out.rsplit(maxsplit=1)[1]
    check = ["sha256sum", "-c", "--quiet", listing]
    subprocess.run(check, cwd=tmp_path / "out", check=True, capture_output=True)


@pytest.mark.parametrize(
    "words",
    [
        ["show", "nothing"],
        ["show", "../x"],
        ["checkout", "x@v9", "out"],
        ["diff", "x"],
        ["tag", "x", "v1"],
        ["version", "X"],
        ["create", "x", "--licence", "free!"],
        ["create", "x", "--detail", "survey"],
        ["split", "x", "--fraction", "train"],
        ["split", "x", "--fraction", "train=much"],
        ["leaks", "missing.csv"],
    ],
)
def test_a_mistake_is_one_line(store: Path, folder: Path, words: list[str]) -> None:
    astrid("dataset", "version", "x", folder, "--store", store)
    mistake("dataset", *words, "--store", store)


def test_a_share_without_its_option_is_told_where_it_belongs(store: Path, folder: Path) -> None:
    astrid("dataset", "version", "x", folder, "--store", store)
    line = mistake("dataset", "split", "x", "train=0.7", "test=0.3", "--store", store)
    assert "--fraction train=0.7 --fraction test=0.3" in line


def test_an_empty_store_has_no_datasets(store: Path) -> None:
    with astrid_sdk.connect(store):
        pass
    assert astrid("dataset", "list", "--store", store).out == "no datasets\n"
    assert astrid("dataset", "list", "x", "--store", store).out == "dataset x has no version\n"
