"""What the HATS catalogue of an export promises; where the library hats is installed."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets.export.shelves import Shelf

from astrid_sdk.errors import InvalidInputError

needs_hats = pytest.mark.usefixtures("hats")


@pytest.fixture
def hats(require: Callable[[str], NoReturn]) -> ModuleType:
    if importlib.util.find_spec("hats") is None:
        require("hats is an extra: astrid-sdk[hats]")
    return importlib.import_module("hats")


@needs_hats
def test_hats_reads_the_catalogue_with_all_placed_files(shelf: Shelf, hats: Any) -> None:
    files = [*shelf.hostile(), shelf.data(b"?", "nowhere.bin", sources=())]
    made = shelf.export(files, "hats")
    catalogue = hats.read_hats(made.folder / "hats")
    assert catalogue.catalog_info.catalog_name == "sn-train"
    assert catalogue.catalog_info.total_rows == 4
    assert catalogue.catalog_info.ra_column == "ra_deg"
    assert "path" in catalogue.schema.names
    assert catalogue.schema.field("ra_deg").metadata[b"unit"] == b"deg"
    paths = [
        path
        for file in (made.folder / "hats" / "dataset").rglob("Npix=*.parquet")
        for path in pq.read_table(file, partitioning=None)["path"].to_pylist()
    ]
    assert sorted(paths) == sorted(file.path for file in files[:-1])
    assert made.notes == ("1 file without a position, not in hats/",)


@needs_hats
def test_the_library_finds_the_catalogue_valid(shelf: Shelf) -> None:
    made = shelf.export(shelf.hostile(), "hats")
    validation = importlib.import_module("hats.io.validation")
    assert validation.is_valid_catalog(str(made.folder / "hats"), strict=True, verbose=False)


@needs_hats
def test_pixels_with_many_rows_are_split_and_rows_stand_in_theirs(
    shelf: Shelf, hats: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrid_sdk.datasets.export.hats_catalogue._MOST_ROWS", 4)
    draw = np.random.default_rng(1)
    (content_hash,) = shelf.triplets(1)
    files = [
        shelf.file(content_hash, f"{k}.fits", ra_deg=ra, dec_deg=dec)
        for k, (ra, dec) in enumerate(
            zip(draw.uniform(0, 360, 60), draw.uniform(-90, 90, 60), strict=True)
        )
    ]
    made = shelf.export(files, "hats")
    catalogue = hats.read_hats(made.folder / "hats")
    pixels = catalogue.get_healpix_pixels()
    assert max(pixel.order for pixel in pixels) > 0
    for pixel in pixels:
        name = f"Norder={pixel.order}/Dir=0/Npix={pixel.pixel}.parquet"
        rows = pq.read_table(made.folder / "hats" / "dataset" / name, partitioning=None)
        index = np.asarray(rows["_healpix_29"])
        assert 0 < len(index) <= 4
        assert set(index >> 2 * (29 - pixel.order)) == {pixel.pixel}
        assert (np.diff(index) >= 0).all()


@needs_hats
def test_a_dataset_without_positions_is_refused(shelf: Shelf) -> None:
    with pytest.raises(InvalidInputError, match="has a position: leave the format 'hats' out"):
        shelf.export([shelf.data(b"?", "nowhere.bin")], "hats")


def test_without_the_library_the_format_says_what_to_install(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hats.pixel_math.spatial_index", None)
    with pytest.raises(InvalidInputError, match=r"install astrid-sdk\[hats\]") as refused:
        shelf.export(shelf.hostile(), "hats")
    assert refused.value.kind == "missing_library"
