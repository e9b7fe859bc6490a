"""What the tables of an export promise."""

import json
import warnings
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import Table
from datasets.export.shelves import HOSTILE_LABELS, HOSTILE_PATHS, Shelf
from exposures import hash_of

from astrid_sdk.datasets.manifest import DatasetFile


@pytest.fixture
def files(shelf: Shelf) -> list[DatasetFile]:
    return sorted(shelf.hostile(), key=lambda file: file.path)


def test_samples_have_a_row_per_file_and_come_back_as_they_were(
    shelf: Shelf, files: list[DatasetFile]
) -> None:
    sides = {file.path: ("train", "test")[k % 2] for k, file in enumerate(files)}
    made = shelf.export(files, "parquet", sides=sides)
    rows = pq.read_table(made.folder / "samples.parquet").to_pylist()
    assert [row["path"] for row in rows] == sorted(HOSTILE_PATHS)
    for row, file in zip(rows, files, strict=True):
        for name in ("content_hash", "role", "label", "tier", "ra_deg", "dec_deg"):
            assert row[name] == getattr(file, name)
        assert row["side"] == sides[file.path]
        assert row["sources"] == [shelf.raw]
    assert {row["label"] for row in rows} == set(HOSTILE_LABELS)


def test_what_the_manifest_does_not_say_is_taken_from_the_catalogue(
    shelf: Shelf, files: list[DatasetFile]
) -> None:
    made = shelf.export(files, "parquet")
    row = pq.read_table(made.folder / "samples.parquet").to_pylist()[0]
    assert row["size_bytes"] == len(shelf.bench.cas.retrieve_data(files[0].content_hash))
    assert row["media_type"] == "application/fits"
    assert (row["filter_band"], row["instrument"]) == ("r", "testcam")
    assert row["night"] == "2024-04-05"
    assert row["observation_time"] == datetime(2024, 4, 5, 22, tzinfo=UTC)


def test_of_two_exposures_no_filter_is_told_and_what_is_unknown_is_null(shelf: Shelf) -> None:
    (content_hash,) = shelf.triplets(1)
    file = shelf.data(b"?", "x.bin", sources=(shelf.raw, hash_of(1)))
    lost = shelf.file(content_hash, "y.fits", sources=(hash_of(2),), label=None)
    made = shelf.export([file, lost], "parquet")
    rows = pq.read_table(made.folder / "samples.parquet").to_pylist()
    assert [rows[0][name] for name in ("filter_band", "ra_deg", "side")] == [None] * 3
    assert rows[1]["label"] is None


def test_fields_say_unit_and_ucd_and_the_schema_says_which_version(
    shelf: Shelf, files: list[DatasetFile]
) -> None:
    made = shelf.export(files, "parquet")
    schema = pq.read_schema(made.folder / "samples.parquet")
    assert schema.field("ra_deg").metadata[b"unit"] == b"deg"
    assert schema.field("ra_deg").metadata[b"ucd"] == b"pos.eq.ra;meta.main"
    assert schema.field("size_bytes").metadata[b"unit"] == b"byte"
    assert schema.field("exposure_time_s").metadata[b"unit"] == b"s"
    assert all(b"description" in field.metadata for field in schema)
    said = schema.metadata
    assert (said[b"astrid.dataset_id"], said[b"astrid.version"]) == (b"sn-train", b"v1")
    assert said[b"astrid.manifest_hash"].decode() == shelf.subject(files).version.manifest_hash


def test_pandas_reads_the_samples(shelf: Shelf, files: list[DatasetFile]) -> None:
    made = shelf.export(files, "parquet")
    frame = pd.read_parquet(made.folder / "samples.parquet")
    assert list(frame["path"]) == sorted(HOSTILE_PATHS)


def fits_texts(table: Table, name: str) -> list[str]:
    raw = (bytes(each).decode("ascii") for each in table[name].data)
    return [json.loads(f'"{each}"') for each in raw]


def test_the_fits_table_is_sound_and_astropy_reads_it_with_units(
    shelf: Shelf, files: list[DatasetFile]
) -> None:
    path = shelf.export(files, "fits").folder / "samples.fits"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path) as hdus:
            hdus.verify("exception")
            header = hdus[1].header
        table = Table.read(path)
    ucds = {header[f"TTYPE{k}"]: header.get(f"TUCD{k}") for k in range(1, header["TFIELDS"] + 1)}
    assert ucds["ra_deg"] == "pos.eq.ra;meta.main"
    assert (header["DATASET"], header["DSVER"]) == ("sn-train", "v1")
    assert (table["ra_deg"].unit, table["size_bytes"].unit) == (units.deg, units.byte)
    assert list(table["ra_deg"]) == [file.ra_deg for file in files]
    assert fits_texts(table, "path") == sorted(HOSTILE_PATHS)
    assert fits_texts(table, "label") == [file.label for file in files]


def test_the_bytes_of_a_fits_table_are_printable_ascii_in_whole_blocks(
    shelf: Shelf, files: list[DatasetFile]
) -> None:
    content = (shelf.export(files, "fits").folder / "samples.fits").read_bytes()
    assert len(content) % 2880 == 0
    with fits.open(shelf.folder / "out" / "samples.fits", character_as_bytes=True) as hdus:
        texts = b"".join(bytes(each) for name in ("path", "label") for each in hdus[1].data[name])
    assert texts
    assert all(32 <= letter < 127 for letter in texts)
    assert b"CHECKSUM" not in content
    assert b"DATE" not in content[:2880]


def test_unknown_numbers_are_nan_or_null_in_fits(shelf: Shelf) -> None:
    (content_hash,) = shelf.triplets(1)
    lost = shelf.file(content_hash, "y.fits", sources=(), label=None)
    path = shelf.export([lost], "fits").folder / "samples.fits"
    row = Table.read(path)[0]
    assert np.ma.is_masked(row["exposure_time_s"]) or np.isnan(row["exposure_time_s"])
    assert bytes(Table.read(path, character_as_bytes=True)["label"].filled(b"").data[0]) == b""
