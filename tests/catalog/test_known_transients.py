"""What lists of known transients promise."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from astrid_sdk.catalog.pairs.known_transients import KnownTransient, read_transients, transients_of
from astrid_sdk.errors import InvalidInputError

NOON = datetime(2024, 4, 5, 12, tzinfo=UTC)
NOVA = KnownTransient("SN 2024abc", 150.0, -2.0, NOON)
ROW = {"name": "SN 2024abc", "ra_deg": 150.0, "dec_deg": -2.0, "first_light": NOON}


@pytest.mark.parametrize(
    "source",
    [
        [NOVA],
        [ROW],
        (ROW,),
        pd.DataFrame([ROW]),
        pa.Table.from_pylist([ROW]),
        KnownTransient.to_arrow([NOVA]),
        Table({**{k: [v] for k, v in ROW.items()}, "first_light": [60405.5]}),
        [{**ROW, "first_light": 60405.5}],
        [{**ROW, "first_light": "60405.5"}],
        [{**ROW, "first_light": "2024-04-05 12:00:00"}],
        [{**ROW, "first_light": "2024-04-05T05:00:00-07:00"}],
        [{"objname": "SN 2024abc", "RA": "150.0", "Declination": "-2", "DiscoveryDate": NOON}],
        [{"Name": "SN 2024abc", "ra": 150, "dec": -2, "first_light_mjd": 60405.5}],
    ],
)
def test_a_list_is_taken_in_the_forms_that_people_have_it_in(source: Any) -> None:
    assert transients_of(source) == (NOVA,)


@pytest.mark.parametrize("unknown", [None, "", "NaN", float("nan"), pd.NaT])
def test_an_unknown_first_light_stays_unknown(unknown: Any) -> None:
    (known,) = transients_of([{**ROW, "first_light": unknown}])
    assert known.first_light is None


def test_a_row_may_lack_the_first_light_that_others_have() -> None:
    bare = {name: value for name, value in ROW.items() if name != "first_light"}
    assert [known.first_light for known in transients_of([ROW, bare])] == [NOON, None]


@pytest.mark.parametrize(
    ("away", "given", "said"),
    [
        ("first_light", {"firstlight": NOON}, r"is it firstlight\? call that first_light"),
        ("first_light", {"Discovery Date": NOON}, r"is it Discovery Date\? call that first_light"),
        ("first_light", {}, r"there are name, ra_deg, dec_deg; add first_light, None where"),
        ("first_light", {"last_light": NOON}, r"add first_light, None where it is not known"),
        ("ra_deg", {"ra_degs": 150.0}, r"no column ra_deg: .*is it ra_degs\? call that ra_deg"),
        ("dec_deg", {"mood": 1.0}, r"no column dec_deg: there are .*, mood; add dec_deg$"),
        ("name", {"names": "a"}, r"no column name: .*is it names\? call that name"),
    ],
)
@pytest.mark.parametrize("form", [lambda row: [row], lambda row: pd.DataFrame([row])])
def test_a_table_without_a_column_is_refused_with_the_nearest_there_is(
    away: str, given: dict[str, Any], said: str, form: Callable[[dict[str, Any]], Any]
) -> None:
    row = {name: value for name, value in ROW.items() if name != away} | given
    with pytest.raises(InvalidInputError, match=said) as refused:
        transients_of(form(row))
    assert refused.value.kind == "known_transients"


def test_a_list_is_read_from_csv_and_parquet() -> None:
    text = "\ufeffname,ra,declination,discoverydate\nSN 2024abc,150.0,-2.0,2024-04-05 12:00:00\n"
    assert read_transients(text.encode()) == (NOVA,)
    file = io.BytesIO()
    pq.write_table(KnownTransient.to_arrow([NOVA]), file)
    assert read_transients(file.getvalue()) == (NOVA,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ra_deg": "10:00:00"}, r"row 2 .*10:00:00.*: give name, ra_deg and dec_deg in degrees"),
        ({"dec_deg": 91}, r"row 2 .*KnownTransient.dec_deg cannot be 91.0"),
        ({"first_light": "last week"}, r"row 2 .*last week"),
        ({"first_light": 2460406.0}, r"row 2 .*2460406.0 is no MJD"),
        ({"name": ""}, r"row 2 .*KnownTransient.name cannot be ''"),
        ({"last_light": "2024-04-01"}, r"row 2 .*gone at .* before its first light"),
        ({"ra_deg": None}, r"row 2 "),
    ],
)
def test_a_row_that_cannot_be_used_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        transients_of([ROW, {**ROW, **changes}])


@pytest.mark.parametrize("source", ["sn.csv", b"PAR", 5, [5], [{"name": "SN 2024abc"}]])
def test_what_is_no_list_is_refused(source: Any) -> None:
    with pytest.raises(InvalidInputError, match="known transients"):
        transients_of(source)


def test_a_file_that_is_no_table_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="neither CSV text nor Parquet"):
        read_transients(b"\xff\xfe\x00")
