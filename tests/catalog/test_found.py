"""What the table of an answer promises: lazy, paged, and the same in every form."""

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.table import Table
from astropy.time import Time
from exposures import NOON, hash_of, image, number_of
from stores import Bench, WrappedStore, local_store

from astrid_sdk.catalog.search.finding import COLUMNS, FoundTable, Query, find
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.records import Record


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def put(bench: Bench, *records: Record) -> None:
    bench.records.append(records)


def numbers(table: FoundTable) -> list[int]:
    return [number_of(row.content_hash) for row in table]


def test_a_search_shows_itself_with_names_as_they_are(bench: Bench) -> None:
    put(bench, replace(image(1), name="<b>&.fits"))
    table = find(bench.catalog, Query())
    shown = table._repr_mimebundle_()
    assert "<b>&.fits@00000001" in shown["text/plain"]
    assert "&lt;b&gt;&amp;.fits@00000001" in shown["text/html"]
    assert "<b>&" not in shown["text/html"]


def test_a_long_answer_shows_its_first_rows_and_says_how_many_there_are(bench: Bench) -> None:
    put(bench, *(image(number) for number in range(30)))
    shown = find(bench.catalog, Query())._repr_mimebundle_()
    assert "30" in shown["text/plain"]
    assert "and 10 more" in shown["text/html"]
    assert shown["text/plain"].splitlines()[-1] == "… and 10 more: .to_pandas()"
    assert "more" not in repr(find(bench.catalog, Query(limit=20)))


def test_an_empty_answer_shows_itself_too(bench: Bench) -> None:
    table = find(bench.catalog, Query())
    assert len(table) == 0
    assert "<0 found>" in repr(table)
    assert list(table.to_pandas().columns) == list(COLUMNS)


def test_rows_are_taken_by_number_and_by_slice(bench: Bench) -> None:
    put(bench, *(image(number) for number in range(2_500)))
    table = find(bench.catalog, Query())
    assert len(table) == 2_500
    assert numbers(table) == list(range(2_500))  # several pages
    assert (table[7].content_hash, table[-1].content_hash) == (hash_of(7), hash_of(2_499))
    assert numbers(table[10:20:5]) == [10, 15]
    assert numbers(table[3:0:-1]) == [3, 2, 1]
    assert numbers(table[5:][:2]) == [5, 6]
    assert len(table[9:2]) == 0
    with pytest.raises(IndexError):
        table[2_500]


def test_a_part_says_of_how_many_it_is(bench: Bench) -> None:
    put(bench, *(image(number) for number in range(5)))
    table = find(bench.catalog, Query(limit=2, offset=1))
    assert (len(table), table.total) == (2, 5)
    assert "2 of 5 found" in repr(table)
    assert numbers(table[1:]) == [2]
    assert table.to_arrow().num_rows == 2


def test_an_astropy_table_has_units_and_says_what_a_column_means(bench: Bench) -> None:
    put(bench, image(1, exposure_time_s=30.0), image(2))
    table = find(bench.catalog, Query()).to_table()
    assert table["ra_deg"].unit == units.deg
    assert table["exposure_time_s"].unit == units.s
    assert table["exposure_time_s"].mask.tolist() == [False, True]
    assert all(table[name].info.description for name in table.colnames)
    assert np.allclose(table["dec_deg"], 2.0)
    assert "summary" not in table.colnames


def test_times_are_times_in_every_form(bench: Bench) -> None:
    put(bench, image(1), image(2, observation_time="2024-04-05T16:30:00.25+02:00"))
    put(bench, image(3, observation_time=None))
    table = find(bench.catalog, Query())
    expected = [NOON + timedelta(hours=1), NOON + timedelta(hours=2, minutes=30, seconds=0.25)]
    assert [row.observation_time for row in table] == [*expected, None]
    assert {row.observation_time.utcoffset() for row in table if row.observation_time} == {
        timedelta(0)
    }
    assert Time([row.observation_time for row in table[:2]]).scale == "utc"
    frame = table.to_pandas()
    assert list(frame["observation_time"][:2]) == expected
    assert str(frame["created_at"].dt.tz) == str(frame["observation_time"].dt.tz) == "UTC"
    told = table.to_arrow(["observation_time", "observed_at", "created_at"])
    assert {str(kind) for kind in told.schema.types} == {"timestamp[us, tz=UTC]"}
    sky = table.to_table()
    assert sky["observation_time"].mask.tolist() == [False, False, True]
    assert sky["observation_time"].isot[1] == "2024-04-05T14:30:00.250000"
    assert sky["created_at"].to_datetime(UTC)[0] == table[0].created_at
    assert "2024-04-05 14:30:00" in repr(table)


def test_an_astropy_table_can_be_written_and_read(bench: Bench, tmp_path: Path) -> None:
    put(bench, image(1), image(2, observation_time=None))
    found = find(bench.catalog, Query())
    table = found.to_table()
    table.write(tmp_path / "found.ecsv")
    again = Table.read(tmp_path / "found.ecsv")
    assert again["observation_time"].mjd[0] == table["observation_time"].mjd[0]
    found.to_table(iso_times=True).write(tmp_path / "found.xml", format="votable")
    text = Table.read(tmp_path / "found.xml", format="votable")
    assert text["observation_time"][0] == "2024-04-05T13:00:00.000000"
    assert text["observation_time"][1] == ""


def test_the_values_of_a_column_are_told_once_each(bench: Bench) -> None:
    put(bench, image(1), image(2, filter_band="g"), image(3, filter_band=None), image(4))
    assert find(bench.catalog, Query()).values_of("filter_band") == ["g", "r"]


def test_an_empty_astropy_table_has_the_same_columns(bench: Bench) -> None:
    assert find(bench.catalog, Query()).to_table().colnames == [
        n for n in COLUMNS if n != "summary"
    ]


def test_other_columns_of_the_records_are_there_on_request(bench: Bench) -> None:
    put(bench, image(1, 10.0, 0.0))
    table = find(bench.catalog, Query())
    asked = table.to_arrow(["footprint_deg", "purpose", "author"])
    (row,) = asked.to_pylist()
    assert row["footprint_deg"][:2] == [9.75, -0.25]
    assert (row["purpose"], row["author"]) == ("science", "ada")
    assert table.columns == COLUMNS
    with pytest.raises(InvalidInputError, match="no column 'colour'"):
        table.to_arrow(["colour"])


def test_counting_a_search_reads_no_pack_again(tmp_path: Path) -> None:
    watched = WrappedStore(local_store(tmp_path / "store"))
    bench = Bench(watched)
    put(bench, *(image(number) for number in range(3)))
    assert len(find(bench.catalog, Query())) == 3
    watched.read.clear()
    assert len(find(bench.catalog, Query(night="2024-04-05"))) == 3
    assert watched.read == []


def test_an_answer_stays_as_it_was_when_more_is_stored(bench: Bench) -> None:
    put(bench, image(1))
    table = find(bench.catalog, Query())
    put(bench, replace(image(2), name="later.fits"))
    assert len(find(bench.catalog, Query())) == 2
    assert numbers(table) == [1]
