"""What the catalogue's tables promise: an index that can be lost, shared and late."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from stores import BUCKET, Bench, WrappedStore, at_once

from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.config import child_environment
from astrid_sdk.errors import (
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

NOON = datetime(2024, 4, 5, 12, tzinfo=UTC)
MEDIA = "application/fits"

STORES_ONE = """
import sys
from pathlib import Path
from stores import Bench, local_store
bench = Bench(local_store(Path(sys.argv[1])))
print(bench.cas.store_data(b"from elsewhere", "text/plain", name="elsewhere.txt"))
"""
INDEXES = """
import sys
from pathlib import Path
from stores import Bench, local_store
print(Bench(local_store(Path(sys.argv[1]))).catalog.contents().num_rows)
"""


def record(number: int, **changes: object) -> Record:
    made = Record(
        kind=RecordKind.INGEST,
        content_hash=f"{number:064x}"[::-1],
        tier=Tier.RAW_OBSERVATIONS,
        size_bytes=number,
        media_type=MEDIA,
        name=f"frame-{number}.fits",
        origin=f"file:///frame-{number}.fits",
        created_at=NOON + timedelta(seconds=number),
        author="ada",
        summaries=({"hdu_index": 0, "night": "2024-04-05", "ra_deg": float(number)},),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def names(bench: Bench) -> list[str]:
    return sorted(bench.catalog.contents()["name"].to_pylist())


def catalog_folder(tmp_path: Path) -> Path:
    return tmp_path / "store" / BUCKET / "_catalog" / "v2"


def delta(tmp_path: Path, table: str) -> DeltaTable:
    return DeltaTable(str(catalog_folder(tmp_path) / table))


def process(code: str, folder: Path) -> "subprocess.Popen[bytes]":
    root = Path(__file__).parents[2]
    environment = child_environment({"PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"})
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)


def test_an_empty_store_has_an_empty_catalogue(bench: Bench, tmp_path: Path) -> None:
    assert bench.catalog.records().num_rows == 0
    assert bench.catalog.derivations() == []
    assert not catalog_folder(tmp_path).exists()


def test_a_deleted_catalogue_is_built_again_with_the_same_answers(
    bench: Bench, store: LocalStorageClient, tmp_path: Path
) -> None:
    for number in range(5):
        bench.records.append([record(number)])
        bench.catalog.refresh()
    before = bench.catalog.records(), bench.catalog.contents()
    shutil.rmtree(catalog_folder(tmp_path))
    again = Bench(store).catalog
    assert again.records().equals(before[0])
    assert again.contents().equals(before[1])
    assert delta(tmp_path, "records").to_pyarrow_table().num_rows == 5


def test_a_catalogue_deleted_under_an_open_session_loses_nothing(
    bench: Bench, store: LocalStorageClient, tmp_path: Path
) -> None:
    bench.records.append([record(1)])
    bench.catalog.refresh()
    shutil.rmtree(catalog_folder(tmp_path))
    bench.records.append([record(2)])
    assert names(bench) == names(Bench(store)) == ["frame-1.fits", "frame-2.fits"]


def test_a_table_of_another_release_is_replaced(
    bench: Bench, store: LocalStorageClient, tmp_path: Path
) -> None:
    location = store.table_location(BUCKET, "v2/records")
    write_deltalake(location.uri, pa.table({"pack": ["x"], "colour": ["blue"]}))
    bench.records.append([record(1)])
    assert names(bench) == names(Bench(store)) == ["frame-1.fits"]
    assert delta(tmp_path, "records").to_pyarrow_table().num_rows == 1


def test_packs_that_arrive_late_are_found(bench: Bench, store: LocalStorageClient) -> None:
    bench.records.append([record(1)])
    assert names(bench) == ["frame-1.fits"]
    other = Bench(store)
    other.records.append([record(2, created_at=NOON - timedelta(days=300))])
    assert names(bench) == ["frame-1.fits", "frame-2.fits"]


def test_what_another_process_stored_is_found(bench: Bench, tmp_path: Path) -> None:
    assert names(bench) == []
    with process(STORES_ONE, tmp_path / "store") as other:
        output, _ = other.communicate(timeout=120)
    assert bench.catalog.resolve(output.decode().strip()[:8]) == output.decode().strip()
    assert names(bench) == ["elsewhere.txt"]


def test_processes_that_index_at_once_answer_each_content_once(
    bench: Bench, store: LocalStorageClient, tmp_path: Path
) -> None:
    bench.records.append([record(number) for number in range(20)])
    running = [process(INDEXES, tmp_path / "store") for _ in range(2)]
    for other in running:
        output, _ = other.communicate(timeout=120)
        assert (other.returncode, output.strip()) == (0, b"20")
    assert len(names(Bench(store))) == 20


def test_sessions_that_create_the_tables_at_once_all_succeed(
    bench: Bench, store: LocalStorageClient
) -> None:
    bench.records.append([record(number) for number in range(20)])
    sessions = [Bench(store) for _ in range(4)]
    tables = at_once([session.catalog.contents for session in sessions])
    assert [table.num_rows for table in tables] == [20] * 4
    assert Bench(store).catalog.records().num_rows == 20


def test_one_session_may_be_used_from_many_threads(bench: Bench) -> None:
    bench.records.append([record(number) for number in range(20)])
    tables = at_once([bench.catalog.contents] * 4)
    assert [table.num_rows for table in tables] == [20] * 4


def test_the_same_event_told_twice_is_one_row_the_earliest(bench: Bench) -> None:
    bench.records.append([record(1, created_at=NOON + timedelta(days=1), author="bob")])
    bench.records.append([record(1)])
    (row,) = bench.catalog.records().to_pylist()
    assert (row["author"], row["created_at"]) == ("ada", NOON + timedelta(seconds=1))


def test_a_pack_is_read_and_the_table_opened_only_when_there_is_something_new(
    store: LocalStorageClient,
) -> None:
    watched = WrappedStore(store)
    bench = Bench(watched)
    bench.records.append([record(1)])
    first = bench.catalog.contents()
    watched.read.clear()
    assert bench.catalog.contents() is first
    assert watched.read == []


def test_a_new_session_reads_the_table_and_no_pack(store: LocalStorageClient) -> None:
    bench = Bench(store)
    bench.records.append([record(1)])
    bench.catalog.refresh()
    watched = WrappedStore(store)
    assert names(Bench(watched)) == ["frame-1.fits"]
    assert watched.read == []


def test_many_commits_do_not_leave_many_files_to_read(
    bench: Bench, store: LocalStorageClient, tmp_path: Path
) -> None:
    for number in range(30):
        bench.records.append([record(number)])
        bench.catalog.refresh()
    assert len(delta(tmp_path, "records").file_uris()) <= 26
    assert Bench(store).catalog.contents().equals(bench.catalog.contents())


def test_a_corrupted_pack_is_named_and_never_passed_over(bench: Bench, tmp_path: Path) -> None:
    (pack,) = bench.records.append([record(1)])
    (tmp_path / "store" / BUCKET / pack).write_bytes(b"{}\n")
    with pytest.raises(CorruptionError, match=pack):
        bench.catalog.contents()


def test_a_damaged_table_says_that_it_can_be_deleted(
    bench: Bench, store: LocalStorageClient, tmp_path: Path
) -> None:
    bench.records.append([record(1)])
    bench.catalog.refresh()
    for path in (catalog_folder(tmp_path) / "records").glob("*.parquet"):
        path.write_bytes(b"not parquet")
    with pytest.raises(StorageUnavailableError, match="astrid catalog rebuild"):
        Bench(store).catalog.contents()
    shutil.rmtree(catalog_folder(tmp_path) / "records")
    assert names(Bench(store)) == ["frame-1.fits"]


def test_a_prefix_of_eight_digits_names_a_content(bench: Bench) -> None:
    bench.records.append([record(1), record(2)])
    full = record(1).content_hash
    for said in (full, full[:8], full[:8].upper(), f"frame@1.fits@{full[:8]}", f" {full[:12]} "):
        assert bench.catalog.resolve(said) == full


def test_a_prefix_must_be_long_enough_and_unique(bench: Bench) -> None:
    twins = [record(number, content_hash="12345678" + f"{number:056x}") for number in (1, 2)]
    bench.records.append(twins)
    with pytest.raises(InvalidInputError, match="at least 8"):
        bench.catalog.resolve("1234567")
    with pytest.raises(InvalidInputError, match="2 hashes"):
        bench.catalog.resolve("12345678")
    with pytest.raises(NotFoundError, match=r"abcdefab'$"):
        bench.catalog.resolve("abcdefab")
    with pytest.raises(NotFoundError, match="astrid find --name"):
        bench.catalog.resolve("frame-1.fits")


@pytest.mark.parametrize("said", [None, 12345678, b"12345678", ["12345678"]])
def test_what_is_no_text_names_no_content(bench: Bench, said: Any) -> None:
    lineages = Lineages(bench.catalog, bench.derivations)
    for ask in (bench.catalog.resolve, partial(find_one, bench.catalog), lineages.why):
        with pytest.raises(InvalidInputError, match="a content is named by its hash, not by"):
            ask(said)


def test_a_prefix_is_no_pattern(bench: Bench) -> None:
    bench.records.append([record(1)])
    for said in ("%%%%%%%%", "........", "[0-9a-f]*"):
        with pytest.raises(NotFoundError):
            bench.catalog.resolve(said)
