"""What upkeep of the catalogue promises: answers stay, whatever happens to the tables."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, TableFeatures, write_deltalake
from exposures import NOON, answers, commit, derived, exclusion, found, image, tag
from servers import MotoServer, R2Simulator
from stores import BUCKET, Bench, at_once, local_store

from astrid_sdk.catalog.index_table import IndexTable
from astrid_sdk.catalog.rows import Layout
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.config import StorageConfig, child_environment
from astrid_sdk.errors import InvalidInputError, StorageUnavailableError
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.r2_client import R2StorageClient

WRITES = """
import sys
from pathlib import Path
from exposures import image
from stores import Bench, local_store
bench = Bench(local_store(Path(sys.argv[1])))
first = int(sys.argv[2])
for number in range(first, first + 5):
    bench.records.append([image(number, float(number))])
    assert number in {int(h[:8], 16) for h in bench.catalog.contents()["content_hash"].to_pylist()}
    if number % 2:
        bench.catalog.compact()
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def fill(bench: Bench, bucket: str = BUCKET) -> None:
    """Store something of every kind, in several packs and commits."""
    record, made = derived(50, 1)
    bench.records.append([image(1), image(2, 359.9, 0.0), image(3, 0.0, 89.0)])
    bench.catalog.refresh()
    bench.records.append(
        [record, exclusion(image(2), "trailed", 60), tag(image(3), "reference", 9)]
    )
    commit(bench, made, bucket)
    bench.catalog.refresh()
    _, refused = derived(51, 2, "coadd")
    commit(bench, replace(refused, outputs=(), refusal="no stars"), bucket)
    bench.records.append([replace(image(1), name="again.fits", origin="file:///again")])
    bench.catalog.derivations()


def tables(tmp_path: Path) -> Path:
    return tmp_path / "store" / BUCKET / "_catalog"


def again(tmp_path: Path) -> Bench:
    """Return a new session on the same store."""
    return Bench(local_store(tmp_path / "store"))


def test_putting_tables_in_order_changes_no_answer(bench: Bench, tmp_path: Path) -> None:
    fill(bench)
    before = answers(bench)
    status = bench.catalog.compact()
    assert answers(bench) == answers(again(tmp_path)) == before
    assert [table.files for table in status.tables] == [1, 1]
    assert status.packs == status.indexed_packs == 3
    assert bench.catalog.compact() == replace(status, tables=bench.catalog.status().tables)


def test_an_open_session_goes_on_when_another_deletes_the_old_files(
    bench: Bench, tmp_path: Path
) -> None:
    fill(bench)
    opened = again(tmp_path)
    assert found(opened, night="2024-04-05") == [1, 3, 50]
    bench.catalog.compact(keep_days=0.0)
    assert len(list((tables(tmp_path) / "v2" / "records").glob("*.parquet"))) == 1
    assert found(opened, ra_deg=0.0, dec_deg=89.0, radius_deg=0.1, purpose="reference") == [3]
    assert answers(opened) == answers(bench)


def test_an_answer_that_lost_its_files_finds_them_again(bench: Bench, tmp_path: Path) -> None:
    fill(bench)
    table = find(again(tmp_path).catalog, Query(include_excluded=True))
    expected = find(bench.catalog, Query(include_excluded=True)).to_arrow()
    bench.records.append([image(0, 5.0, 5.0)])
    bench.catalog.compact(keep_days=0.0)
    assert table.to_arrow().equals(expected)
    assert [row.content_hash for row in table] == expected["content_hash"].to_pylist()


def test_every_table_is_made_again_from_packs_and_objects_alone(
    bench: Bench, tmp_path: Path
) -> None:
    fill(bench)
    before = answers(bench)
    for path in (tables(tmp_path) / "v2").rglob("*.json"):
        path.write_bytes(b"garbage")
    assert answers_or_error(again(tmp_path)) != []
    status = again(tmp_path).catalog.rebuild()
    assert [table.rows for table in status.tables] == [7, 2]
    assert answers(again(tmp_path)) == before
    assert answers(bench) == before


def test_without_the_whole_catalogue_the_answers_are_the_same(bench: Bench, tmp_path: Path) -> None:
    fill(bench)
    before = answers(bench)
    shutil.rmtree(tables(tmp_path))
    assert answers(again(tmp_path)) == before
    shutil.rmtree(tables(tmp_path))
    assert answers(bench) == before  # a session that was open


def answers_or_error(bench: Bench) -> object:
    try:
        return answers(bench)
    except StorageUnavailableError as error:
        return error.kind if "astrid catalog rebuild" in error.message else error


DAMAGES: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "garbled": lambda path: path.write_bytes(b"\x00garbage\xff" * 20),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("table", ["records", "derivations"])
def test_any_damaged_file_gives_the_right_answer_or_a_clear_error(
    tmp_path: Path, damage: str, table: str
) -> None:
    whole = Bench(local_store(tmp_path / "store"))
    fill(whole)
    expected = answers(whole)
    files = [path for path in (tables(tmp_path) / "v2" / table).rglob("*") if path.is_file()]
    assert len(files) >= 4
    for number, path in enumerate(files):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            shutil.copytree(tmp_path / "store", Path(folder) / "store")
            DAMAGES[damage](Path(folder) / "store" / path.relative_to(tmp_path / "store"))
            said = answers_or_error(again(Path(folder)))
            assert said in (expected, "catalog"), (number, path.name)
            again(Path(folder)).catalog.rebuild()
            assert answers(again(Path(folder))) == expected


def test_tables_of_a_later_release_are_refused_by_name(bench: Bench, tmp_path: Path) -> None:
    fill(bench)
    log = DeltaTable(str(tables(tmp_path) / "v2" / "records"))
    log.alter.set_table_description("astrid-sdk catalogue, format 3")
    with pytest.raises(InvalidInputError, match="upgrade astrid-sdk") as caught:
        answers(again(tmp_path))
    assert caught.value.kind == "format_version"
    with pytest.raises(InvalidInputError, match="upgrade astrid-sdk"):
        again(tmp_path).catalog.rebuild()


def test_tables_that_another_program_made_unreadable_are_made_anew(
    bench: Bench, tmp_path: Path
) -> None:
    fill(bench)
    expected = answers(bench)
    log = DeltaTable(str(tables(tmp_path) / "v2" / "records"))
    assert log.protocol().min_reader_version == 1
    log.alter.add_feature(TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)
    with pytest.raises(StorageUnavailableError, match="astrid catalog rebuild"):
        answers(again(tmp_path))
    again(tmp_path).catalog.rebuild()
    assert answers(again(tmp_path)) == expected


def test_tables_of_an_earlier_release_are_left_alone_and_made_anew(
    bench: Bench, tmp_path: Path
) -> None:
    old = tables(tmp_path) / "records"
    write_deltalake(str(old), pa.table({"pack": ["x"], "colour": ["blue"]}))
    fill(bench)
    assert found(bench, night="2024-04-05") == [1, 3, 50]
    assert DeltaTable(str(old)).version() == 0


def test_a_table_whose_format_is_older_is_indexed_again(bench: Bench, tmp_path: Path) -> None:
    fill(bench)
    before = answers(bench)
    log = DeltaTable(str(tables(tmp_path) / "v2" / "records"))
    log.alter.set_table_description("astrid-sdk catalogue, format 1")
    assert answers(again(tmp_path)) == before
    description = DeltaTable(log.table_uri).metadata().description
    assert description == "astrid-sdk catalogue, format 2"


def test_two_that_found_an_old_table_leave_each_other_their_rows(
    bench: Bench, tmp_path: Path
) -> None:
    layout = Layout("numbers", pa.schema([pa.field("code", pa.int64())]))
    old, one, other = (IndexTable(bench.storage, BUCKET, layout) for _ in range(3))
    old.add(pa.table({"code": [0]}))
    log = DeltaTable(str(tables(tmp_path) / "v2" / "numbers"))
    log.alter.set_table_description("astrid-sdk catalogue, format 1")
    assert [len(table.read().column("code")) for table in (one, other)] == [0, 0]
    one.add(pa.table({"code": [1]}))
    other.add(pa.table({"code": [2]}))
    assert sorted(one.read().column("code").to_pylist()) == [1, 2]


def test_a_summary_of_an_older_parser_is_shown_as_it_was(bench: Bench) -> None:
    old = {"parser_version": 1, "hdu_index": 0, "role": "image", "ra_deg": 10.0, "dec_deg": 1.0}
    strange = {"parser_version": 99, "ra_deg": "ten", "hdu_index": [], "night": 5}
    bench.records.append(
        [replace(image(1), summaries=[old]), replace(image(2), summaries=[strange])]
    )
    first, second = find(bench.catalog, Query())
    assert (first.ra_deg, first.night, first.observation_id) == (10.0, None, None)
    assert (second.ra_deg, second.hdu_index, second.night) == (None, None, None)
    assert second.summary == strange
    assert found(bench, ra_deg=10.0, dec_deg=1.0, radius_deg=0.1) == [1]
    bench.catalog.rebuild()
    assert [row.summary["parser_version"] for row in find(bench.catalog, Query())] == [1, 99]


def test_processes_that_write_and_put_in_order_at_once_lose_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    root = Path(__file__).parents[2]
    environment = child_environment({"PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"})
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITES, str(tmp_path / "store"), str(first)], env=environment
        )
        for first in (100, 200, 300)
    ]
    for number in range(5):
        bench.records.append([image(number)])
        assert number in found(bench)
    for process in running:
        assert process.wait(timeout=300) == 0
    expected = {*range(5), *range(100, 105), *range(200, 205), *range(300, 305)}
    assert set(found(bench)) == set(found(again(tmp_path))) == expected
    bench.catalog.compact()
    assert set(found(again(tmp_path))) == expected


def test_a_store_without_tables_keeps_them_beside_itself() -> None:
    store = MemoryStorageClient()
    store.create_bucket(BUCKET)
    bench = Bench(store)
    fill(bench)
    assert answers(Bench(store)) == answers(bench) != []
    bench.catalog.compact()
    bench.catalog.rebuild()
    assert answers(Bench(store)) == answers(bench)
    assert store.list_files(BUCKET, "_catalog/") == []


def test_a_pack_that_is_deleted_is_forgotten_by_a_rebuild(bench: Bench) -> None:
    bench.records.append([image(1)])
    (pack,) = bench.records.append([image(2)])
    assert found(bench) == [1, 2]
    bench.storage.delete_file(BUCKET, pack)
    bench.catalog.rebuild()
    assert found(bench) == [1]
    (first,) = bench.records.packs()
    bench.storage.delete_file(BUCKET, first)
    bench.catalog.rebuild()
    assert found(bench) == []


def test_more_packs_than_a_page_are_all_indexed(bench: Bench, tmp_path: Path) -> None:
    template = tmp_path / "store" / BUCKET / "_records"
    for number in range(1_005):
        (pack,) = bench.records.append([replace(image(number), created_at=NOON)])
        if number == 0:
            assert (template / pack.removeprefix("_records/")).exists()
    assert len(bench.records.packs()) == 1_005
    assert bench.catalog.contents().num_rows == 1_005


def use_over_s3(config: StorageConfig) -> None:
    with_bucket = config.r2_bucket_name
    client = R2StorageClient(config)
    try:
        client.create_bucket(with_bucket)
        bench = Bench(client, bucket=with_bucket)
        fill(bench, with_bucket)
        before = answers(bench)
        sessions = [Bench(client, bucket=with_bucket) for _ in range(3)]
        pairs = enumerate(sessions, 60)
        at_once([functools.partial(put_and_find, session, number) for number, session in pairs])
        assert set(found(bench)) == {1, 3, 50, 60, 61, 62}
        bench.catalog.compact(keep_days=0.0)
        everything = answers(Bench(client, bucket=with_bucket))
        assert [row for row in everything if row in before] == list(before)
        for key in client.list_files(with_bucket, "_catalog/"):
            client.delete_file(with_bucket, key)
        assert answers(Bench(client, bucket=with_bucket)) == everything
        garbled = [key for key in client.list_files(with_bucket, "_catalog/") if "/00000" in key]
        client.upload_file(with_bucket, garbled[0], b"garbage", "application/json")
        Bench(client, bucket=with_bucket).catalog.rebuild()
        assert answers(Bench(client, bucket=with_bucket)) == everything
    finally:
        client.close()


def put_and_find(bench: Bench, number: int) -> None:
    bench.records.append([image(number, float(number))])
    assert number in found(bench)


def test_on_an_s3_server_the_catalogue_keeps_the_same_promises(moto_server: MotoServer) -> None:
    use_over_s3(moto_server.config("catalogue-on-moto"))


@pytest.mark.simulator
def test_on_cloudflares_simulator_the_catalogue_keeps_the_same_promises(
    r2_simulator: R2Simulator,
) -> None:
    use_over_s3(r2_simulator.config(r2_simulator.buckets[3]))
