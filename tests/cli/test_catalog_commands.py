"""What ``astrid find`` and ``astrid catalog`` promise."""

import json
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


def test_find_says_why_nothing_is_found(store: Path) -> None:
    answer = astrid("find", "--store", store, "--instrument", "testcan")
    assert answer.out.splitlines() == [
        "0 found",
        "nothing found: no stored image has instrument 'testcan' (there are: testcam)",
    ]


def test_a_damaged_table_is_named_with_what_to_do(store: Path) -> None:
    assert astrid("find", "--store", store).code == 0
    whole = astrid("catalog", "status", "--store", store, "--json")
    assert (whole.code, json.loads(whole.out)["is_damaged"]) == (0, False)
    for path in (store / BUCKET / "_catalog" / "v2" / "records").glob("*.parquet"):
        path.write_bytes(b"garbage")
    broken = astrid("catalog", "status", "--store", store)
    assert broken.code == 1
    assert broken.out.startswith("records: damaged: could not read the catalogue table records")
    assert "astrid catalog rebuild" in broken.out
    told = json.loads(astrid("catalog", "status", "--store", store, "--json").out)
    assert (told["is_damaged"], told["packs"], told["indexed_packs"]) == (True, 1, 0)
    assert [bool(table["trouble"]) for table in told["tables"]] == [True, False]
    assert astrid("catalog", "rebuild", "--store", store).code == 0
    assert astrid("catalog", "status", "--store", store).code == 0
