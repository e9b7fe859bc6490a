"""What ``astrid find`` and ``astrid catalog`` promise."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cli.terminal import astrid, mistake
from exposures import exclusion, image
from stores import BUCKET, Bench, local_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    bench = Bench(local_store(folder))
    cards = {"AIRMASS": 1.2, "OBSERVER": "Smith", "GAIN": 2.0}
    bench.records.append(
        [
            image(1, 0.0, 0.0, header=cards, object_name="M101", survey="ztf"),
            replace(image(2, 10.0, 10.0, filter_band="g"), name="other.fits"),
            image(3, 200.0, -40.0),
            exclusion(image(3), "trailed", 50),
        ]
    )
    return folder


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--filter", "r"], ["Frame-1"]),
        (["--filter", "r", "--filter", "g"], ["Frame-1", "other"]),
        (["--include-excluded"], ["Frame-1", "Frame-3", "other"]),
        (["--box", "359", "1", "-1", "1"], ["Frame-1"]),
        (["--polygon", "9,9 11,9 11,11 9,11"], ["other"]),
        (["--cone", "10", "10", "0.1"], ["other"]),
        (["--header", "AIRMASS=1..1.5"], ["Frame-1"]),
        (["--header", "AIRMASS=..1.5", "--header", "gain=2"], ["Frame-1"]),
        (["--header", "OBSERVER=smi*"], ["Frame-1"]),
        (["--header", "AIRMASS=2.."], []),
        (["--object", "m1*", "--survey", "ztf"], ["Frame-1"]),
        (["--as-of", "2024-04-05T12:00:03", "--role", "image"], ["Frame-1", "Frame-3", "other"]),
        (["--step", "subtract"], []),
    ],
)
def test_find_lists_what_meets_the_options(store: Path, words: list[str], names: list[str]) -> None:
    answer = astrid("find", "--store", store, *words)
    assert answer.code == 0, answer
    assert [name for name in ("Frame-1", "Frame-3", "other") if name in answer.out] == names
    assert f"{len(names)} found" in answer.out


def test_find_names_what_cannot_be_understood(store: Path) -> None:
    assert "KEY=VALUE" in mistake("find", "--store", store, "--header", "AIRMASS")
    assert "--polygon takes" in mistake("find", "--store", store, "--polygon", "1 2")
    assert "is not a time" in mistake("find", "--store", store, "--as-of", "then")


def test_the_catalogue_is_looked_at_put_in_order_and_made_again(store: Path) -> None:
    before = astrid("catalog", "status", "--store", store)
    assert "1 record packs, 1 not indexed yet" in before.out
    ordered = astrid("catalog", "compact", "--store", store, "--keep-days", "0")
    assert ordered.out.splitlines()[0].startswith("records: 4 rows in 1 files")
    shutil.rmtree(store / BUCKET / "_catalog" / "v2" / "records" / "_delta_log")
    again = astrid("catalog", "rebuild", "--store", store)
    assert (again.code, again.out.splitlines()[0]) == (0, ordered.out.splitlines()[0])
    assert "2 found" in astrid("find", "--store", store).out
