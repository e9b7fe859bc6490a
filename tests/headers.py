"""FITS files made of the cards that archives write, with a few pixels or rows behind them."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.time import Time

from astrid_sdk.sky.summary import Summary, summarize

CardsOf = Mapping[str, Any]
"""Keyword to value, or to (value, comment). An EXTNAME names the HDU."""


def file_of(
    *headers: CardsOf, shape: tuple[int, int] = (20, 30), tables: Sequence[int] = ()
) -> bytes:
    """Return a FITS file of images; the primary has pixels only where it is alone.

    Parameters
    ----------
    *headers : mapping
        Of the primary, then of the extensions.
    shape : tuple of int
        (ny, nx).
    tables : sequence of int
        Numbers of the extensions that are tables of two columns and seven rows.
    """
    hdus: list[Any] = []
    for index, cards in enumerate(headers):
        hdu = _hdu(index, shape, alone=len(headers) == 1, is_table=index in tables)
        for key, value in cards.items():
            hdu.header[key] = value
        hdus.append(hdu)
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer, output_verify="silentfix")
    return buffer.getvalue()


def _hdu(index: int, shape: tuple[int, int], *, alone: bool, is_table: bool) -> Any:
    if is_table:
        columns = [
            fits.Column("TIME", "D", array=np.arange(7.0)),
            fits.Column("FLUX", "E", array=np.ones(7)),
        ]
        return fits.BinTableHDU.from_columns(columns)
    data = np.zeros(shape, np.int16)
    if index == 0:
        return fits.PrimaryHDU(data if alone else None)
    return fits.ImageHDU(data)


def tan(ra: float, dec: float, pixel_deg: float = 1e-3) -> dict[str, Any]:
    """Return the cards of a plain tangent plane."""
    return {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": ra,
        "CRVAL2": dec,
        "CRPIX1": 15.5,
        "CRPIX2": 10.5,
        "CDELT1": -pixel_deg,
        "CDELT2": pixel_deg,
        "RADESYS": "ICRS",
    }


def first(*headers: CardsOf, name: str = "a.fits") -> Summary:
    """Return the first summary of a file of these headers."""
    return summarize(file_of(*headers), name)[0]


def starts_at(found: Summary, expected: Time) -> bool:
    """Return whether the exposure starts at `expected` to the tenth of a second."""
    assert found.observation_time is not None
    seconds = (found.observation_time - expected.utc.to_datetime(UTC)).total_seconds()
    return bool(abs(seconds) < 0.1)


def middle_is(found: Summary, expected: Time) -> bool:
    """Return whether the middle of the exposure is `expected` to the tenth of a second."""
    assert found.midpoint_mjd_tai is not None
    return bool(abs(found.midpoint_mjd_tai - expected.tai.mjd) * 86400 < 0.1)
