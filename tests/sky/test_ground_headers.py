"""Headers of telescopes on the ground, cut to the cards that matter.

From ESO's data interface control document, LCO's BANZAI, IRAF, and the FITS cards of MaxIm DL,
AstroImageJ and N.I.N.A.
"""

from typing import Any

import pytest
from astropy.time import Time
from headers import first, middle_is, starts_at, tan

from astrid_sdk.sky.dialect import FrameType

Cards = dict[str, Any]

GROUND: tuple[tuple[Cards, str, float | None, str], ...] = (
    (  # MaxIm DL
        {
            "DATE-OBS": ("2021-08-14T03:04:05.67", "[ISO 8601] UTC date/time of exposure start"),
            "EXPTIME": 60.0,
            "JD": (2459440.62784, "Julian Date at start of exposure"),
            "JD-HELIO": (2459440.63, "Heliocentric Julian Date at exposure midpoint"),
            "OBJCTRA": "14 03 12",
            "OBJCTDEC": "+54 20 56",
            "IMAGETYP": "Light Frame",
            "FILTER": "V",
            "TIMESYS": "UTC",
        },
        "2021-08-14T03:04:05.67",
        60.0,
        "V",
    ),
    (  # N.I.N.A.
        {
            "DATE-LOC": ("2026-07-28T23:12:39.962", "Time of observation (local)"),
            "DATE-OBS": ("2026-07-28T11:12:39.962", "Time of observation (UTC)"),
            "DATE-AVG": ("2026-07-28T11:15:09.962", "Averaged midpoint time (UTC)"),
            "EXPOSURE": 300.0,
            "FILTER": "Ha",
            "IMAGETYP": "LIGHT",
        },
        "2026-07-28T11:12:39.962",
        300.0,
        "Ha",
    ),
    (  # ESO
        {
            "INSTRUME": "EFOSC",
            "DATE-OBS": "2015-03-17T05:06:07.123",
            "MJD-OBS": 57098.21258244,
            "UTC": (18363.0, "05:06:03.0 UTC"),
            "EXPTIME": 120.0,
            "HIERARCH ESO INS FILT1 NAME": "R#642",
            "HIERARCH ESO DPR TYPE": "OBJECT",
        },
        "2015-03-17T05:06:07.123",
        120.0,
        "R_642",
    ),
    (  # LCO
        {
            "DATE-OBS": ("2020-02-03T04:05:06.789", "[UTC] Start date and time"),
            "DAY-OBS": "20200202",
            "MJD-OBS": (58882.1702174, "[UTC days] Start date/time"),
            "UTSTART": ("04:05:06.789", "[UTC] Start time"),
            "UTSTOP": "04:06:06.789",
            "EXPTIME": 60.0,
            "FILTER": "rp",
            "OBSTYPE": "EXPOSE",
            "L1FWHM": (1.7, "[arcsec] Frame FWHM"),
        },
        "2020-02-03T04:05:06.789",
        60.0,
        "r",
    ),
    ({"DATE-OBS": "1999-11-02", "UT": "03:04:05.0", "EXPTIME": 10}, "1999-11-02T03:04:05", 10, ""),
    ({"DATE-OBS": "02/11/99", "UT": "03:04:05.0", "EXPTIME": 10}, "1999-11-02T03:04:05", 10, ""),
    ({"DATE-OBS": "2011-11-02", "UTSTART": "03:04:05"}, "2011-11-02T03:04:05", None, ""),
    ({"DATE-BEG": "2021-05-06T07:08:09", "TIMESYS": "TAI"}, "2021-05-06T07:07:32", None, ""),
    ({"DATE-AVG": "2021-05-06T07:08:09", "EXPTIME": 60.0}, "2021-05-06T07:07:39", 60, ""),
    ({"MJD-AVG": 59340.5, "EXPTIME": 120.0}, "2021-05-06T11:59:00", 120, ""),
    ({"JD": (2459341.0, "JD at mid exposure"), "EXPTIME": 120.0}, "2021-05-06T11:59:00", 120, ""),
    ({"JD_UTC": (2459341.0, "Julian Date at mid exposure"), "EXPTIME": 60.0},
     "2021-05-06T11:59:30", 60, ""),
    ({"JD": 2459341.0}, "2021-05-06T12:00:00", None, ""),
)  # fmt: skip


@pytest.mark.parametrize(("cards", "utc", "seconds", "band"), GROUND)
def test_telescopes_on_the_ground_are_understood(
    cards: Cards, utc: str, seconds: float | None, band: str
) -> None:
    found = first(cards)
    assert starts_at(found, Time(utc))
    assert found.exposure_time_s == seconds
    assert found.filter_band == (band or "unknown")
    assert found.mjd == pytest.approx(Time(utc).mjd, abs=1e-6)
    if seconds is not None:
        assert middle_is(found, Time(Time(utc).mjd + seconds / 2 / 86400, format="mjd"))
    assert found.warnings == ()


def test_an_exposure_of_las_cumbres_is_a_light_frame_with_its_seeing() -> None:
    found = first(GROUND[3][0])
    assert found.frame_type is FrameType.LIGHT
    assert found.seeing_arcsec == 1.7


def test_an_unknown_dialect_degrades_to_what_can_be_read() -> None:
    found = first({"TELESCOP": "Nobody's", "WHEN": "yesterday", "EXPTIME": "long", "FILTER": 3})
    assert (found.telescope, found.observation_time, found.exposure_time_s) == (
        "Nobody's",
        None,
        None,
    )
    assert (found.filter_band, found.observation_id) == ("unknown", None)


@pytest.mark.parametrize(
    ("cards", "arcsec"),
    [
        ({"SEEING": 1.3}, 1.3),
        ({"SEEING": (1.3, "[arcsec]")}, 1.3),
        ({"SEEING": -999.0}, None),
        ({"SEEING": 0.0}, None),
        ({"FWHM": 3.1}, None),
        ({"FWHM": (3.1, "in pixels")}, 3.1 * 3.6),
        ({"FWHM": (3.1, "arcseconds")}, 3.1),
        ({"SEEING": (2.0, "pixels")}, 7.2),
        ({}, None),
    ],
)
def test_seeing_is_in_arcseconds_or_unknown(cards: Cards, arcsec: float | None) -> None:
    found = first(cards | tan(10.0, 10.0)).seeing_arcsec
    assert found == (None if arcsec is None else pytest.approx(arcsec))
