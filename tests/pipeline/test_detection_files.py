"""What the detections file and the table over many of them promise."""

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from astrid_sdk.pipeline.detection_files import read_table, write_table
from astrid_sdk.pipeline.detection_table import DetectionTable
from astrid_sdk.pipeline.detections import DETECTION_COLUMNS


def table(rows: int) -> Table:
    """Return detections of which each value is its row's number, except the flags."""
    made = Table()
    for column in DETECTION_COLUMNS:
        integer = column.name == "flags"
        kind = bool if column.name.startswith("is_") else int if integer else float
        made[column.name] = np.arange(rows).astype(kind)
        made[column.name].unit = column.unit
    return made


def shown(rows: int) -> DetectionTable:
    frame = table(rows).to_pandas()
    frame.insert(0, "science_file", [f"{row}.fits" for row in range(rows)])
    frame.insert(0, "night", "2024-04-05")
    return DetectionTable(frame)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_detections_come_back_with_their_units_also_when_there_are_none(rows: int) -> None:
    again = read_table(write_table(table(rows)))
    assert again.colnames == [column.name for column in DETECTION_COLUMNS]
    assert len(again) == rows
    assert again["ra_deg"].unit == "deg"
    for name in again.colnames:
        assert again[name].dtype == table(rows)[name].dtype
        assert np.array_equal(again[name], table(rows)[name])


@pytest.mark.parametrize("rows", [0, 3])
def test_the_same_detections_are_the_same_bytes(rows: int) -> None:
    assert write_table(table(rows)) == write_table(table(rows))


def test_frames_are_chosen_and_none_chosen_is_an_empty_table_with_its_columns() -> None:
    chosen = shown(3).only({("2024-04-05", "1.fits")})
    assert list(chosen.to_pandas()["science_file"]) == ["1.fits"]
    for nothing in (shown(3).only(set()), shown(0).only({("2024-04-05", "1.fits")})):
        assert len(nothing) == 0
        assert "<0 detections>" in repr(nothing)


def test_regions_are_written_in_the_sky_where_it_is_known_else_in_counted_pixels(
    tmp_path: Path,
) -> None:
    found = shown(2)
    found.frame.loc[1, "ra_deg"] = np.nan
    lines = found.to_ds9(tmp_path / "out.reg").read_text().splitlines()
    assert lines[1].startswith('icrs;circle(0.000000,0.000000,3")')
    assert lines[2].startswith("image;circle(2.00,2.00,6)")
