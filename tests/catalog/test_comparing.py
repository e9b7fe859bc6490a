"""What comparing two contents promises."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from astrid_sdk.catalog.steps.comparing import Tolerance, Verdict, compare

FITS, PARQUET, NPY = "application/fits", "application/vnd.apache.parquet", "application/x-npy"
PIXELS = np.arange(12, dtype=np.float32).reshape(3, 4)


def image(pixels: Any, *, mask: Any = None, **cards: Any) -> bytes:
    header = fits.Header({"GAIN": 1.5, **cards})
    bits = np.zeros((2, 2), np.uint8) if mask is None else mask
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(pixels, header, name="SCI")]
    return to_bytes(fits.HDUList([*hdus, fits.ImageHDU(bits, name="MASK")]))


def to_bytes(hdus: fits.HDUList) -> bytes:
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    return buffer.getvalue()


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def npy(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(values))
    return buffer.getvalue()


def changed(pixels: Any, place: tuple[int, ...], value: float) -> Any:
    copy = pixels.copy()
    copy[place] = value
    return copy


@pytest.mark.parametrize(
    ("then", "now", "media_type"),
    [
        (image(PIXELS), image(PIXELS * np.float32(1 + 2e-7)), FITS),
        (image(PIXELS), image(PIXELS, DATE="2024-04-05T06:00:00"), FITS),
        (
            image(changed(PIXELS, (1, 1), np.nan)),
            image(changed(PIXELS, (1, 1), np.nan), DATE="x"),
            FITS,
        ),
        (parquet(flux=[1.0, None]), parquet(flux=[1.0 + 1e-9, None]), PARQUET),
        (npy([1.0, np.inf]), npy([1.0 + 1e-9, np.inf]), NPY),
        (npy([1j]), npy([1j + 1e-9]), NPY),
    ],
)
def test_the_same_values_in_other_bytes_are_equal(then: bytes, now: bytes, media_type: str) -> None:
    found = compare(then, now, media_type, Tolerance())
    assert (found.verdict, found.where) == (Verdict.EQUAL, "")
    assert found.max_difference < 1e-5
    assert compare(then, then, media_type, Tolerance()).verdict == Verdict.IDENTICAL


@pytest.mark.parametrize(
    ("then", "now", "media_type", "where"),
    [
        (
            image(PIXELS),
            image(changed(PIXELS, (1, 2), 7.0)),
            FITS,
            "HDU SCI[1, 2]: 7.0 was 6.0; 1 of 12 differ",
        ),
        (image(PIXELS), image(PIXELS[:2]), FITS, "HDU SCI, card NAXIS2: 2 was 3"),
        (image(PIXELS), image(PIXELS, GAIN=1.6), FITS, "HDU SCI, card GAIN[0]: 1.6 was 1.5"),
        (image(PIXELS), image(PIXELS, OBJECT="m1"), FITS, "HDU SCI, card OBJECT: 'm1' was None"),
        (
            image(PIXELS),
            image(PIXELS, mask=np.array([[0, 0], [1, 0]], np.uint8)),
            FITS,
            "HDU MASK[1, 0]: 1 was 0",
        ),
        (
            image(PIXELS),
            to_bytes(fits.HDUList([fits.PrimaryHDU()])),
            FITS,
            "number of HDUs: 1 was 3",
        ),
        (
            parquet(flux=[1.0, 2.0], name=["a", "b"]),
            parquet(flux=[1.0, 2.0], name=["a", "c"]),
            PARQUET,
            "column name[1]: c was b",
        ),
        (parquet(n=[1, 2]), parquet(n=[1, 3]), PARQUET, "column n[1]: 3 was 2"),
        (parquet(n=[1, None]), parquet(n=[1, 3]), PARQUET, "column n, nulls[1]"),
        (parquet(n=[1]), parquet(m=[1]), PARQUET, "columns: ['m'] was ['n']"),
        (parquet(n=[1]), parquet(n=[1, 2]), PARQUET, "number of rows: 2 was 1"),
        (parquet(n=[1]), parquet(n=[1.0]), PARQUET, "column n, type: 'double' was 'int64'"),
        (
            npy([1.0]),
            npy([1.0, 2.0]),
            NPY,
            "array: float64 of shape (2,) was float64 of shape (1,)",
        ),
        (b"abc", b"abd", "text/plain", "byte 2; 3 bytes were 3"),
        (b"abc", b"abcd", "text/plain", "byte 3; 4 bytes were 3"),
    ],
)
def test_a_difference_is_told_with_its_first_place(
    then: bytes, now: bytes, media_type: str, where: str
) -> None:
    found = compare(then, now, media_type, Tolerance())
    assert found.verdict == Verdict.DIFFERENT
    assert found.where.startswith(where)


def test_whole_numbers_have_no_tolerance() -> None:
    old, new = npy([1_000_000_000]), npy([1_000_000_001])
    found = compare(old, new, NPY, Tolerance(rtol=1.0))
    assert (found.verdict, found.max_difference) == (Verdict.DIFFERENT, 1.0)


def test_the_largest_difference_is_told_even_where_it_is_not_the_first() -> None:
    found = compare(npy([1.0, 2.0, 3.0]), npy([1.5, 2.0, 9.0]), NPY, Tolerance())
    assert found.max_difference == 6.0
    assert found.where == "array[0]: 1.5 was 1.0; 2 of 3 differ"


def test_fits_tables_are_compared_by_column() -> None:
    def table(name: str) -> bytes:
        rows = Table({"flux": [1.0, 2.0], "name": ["a", name]})
        return to_bytes(fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(rows, name="CAT")]))

    found = compare(table("b"), table("c"), FITS, Tolerance())
    assert found.where.startswith("HDU CAT, column name[1]: c was b")
