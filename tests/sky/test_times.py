from datetime import UTC, datetime

import pytest
from astropy.io import fits
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.sky.leap_seconds import utc_of_tai
from astrid_sdk.sky.times import exposure_times, from_mjd, mjd_tai

Cards = dict[str, object]


def header(cards: Cards) -> fits.Header:
    return fits.Header(list(cards.items()))


def start_of(cards: Cards, seconds: float | None = None) -> str | None:
    start = exposure_times(_with_comments(cards), seconds).start
    return start.isoformat() if start else None


def _with_comments(cards: Cards) -> fits.Header:
    return fits.Header([(k, *v) if isinstance(v, tuple) else (k, v) for k, v in cards.items()])


@pytest.mark.parametrize(
    ("cards", "utc"),
    [
        ({"DATE-OBS": "2015-12-27T06:27:38"}, "2015-12-27T06:27:38+00:00"),
        ({"DATE-OBS": "2018-09-15T23:06:58.751Z"}, "2018-09-15T23:06:58.751000+00:00"),
        ({"DATE-OBS": "2017-12-19T22:03:12.346-0700"}, "2017-12-20T05:03:12.346000+00:00"),
        ({"DATE-OBS": "2017-12-19T22:03:12+05:30"}, "2017-12-19T16:33:12+00:00"),
        ({"DATE-OBS": "2017-12-19 22:03:12"}, "2017-12-19T22:03:12+00:00"),
        ({"DATE-OBS": "2017/12/19 22:03"}, "2017-12-19T22:03:00+00:00"),
        ({"DATE-OBS": "2011-03-01", "TIME-OBS": "04:05:06.5"}, "2011-03-01T04:05:06.500000+00:00"),
        ({"DATE-OBS": "2011-03-01", "UT": "04:05:06"}, "2011-03-01T04:05:06+00:00"),
        ({"DATE-OBS": "2011-03-01", "UTC-OBS": "04:05"}, "2011-03-01T04:05:00+00:00"),
        (
            {"DATE-OBS": "2017-12-19", "UT-OBS": "2017-12-20T02:06:12.749-0000"},
            "2017-12-20T02:06:12.749000+00:00",
        ),
        ({"DATE-OBS": "13/04/53", "UT": "04:00:00"}, "1953-04-13T04:00:00+00:00"),
        ({"DATE-OBS": "31/12/98", "UT": "23:59:59"}, "1998-12-31T23:59:59+00:00"),
        ({"MJD-OBS": 58256.5}, "2018-05-18T12:00:00+00:00"),
        ({"EXPSTART": 58256.5}, "2018-05-18T12:00:00+00:00"),
        ({"JD": 2458257.0}, "2018-05-18T12:00:00+00:00"),
        ({"MJD-OBS": "58256.5"}, "2018-05-18T12:00:00+00:00"),
        ({"DATE-OBS": "2016-12-31T23:59:60.5"}, "2016-12-31T23:59:59.999999+00:00"),
    ],
)
def test_starts_are_read_in_every_dialect(cards: Cards, utc: str) -> None:
    assert start_of(cards) == utc


@pytest.mark.parametrize(
    ("system", "leap_s"), [("TAI", 37.0), ("TT", 69.184), ("UTC", 0.0), ("UT1", 0.0)]
)
def test_timesys_is_honoured(system: str, leap_s: float) -> None:
    start = exposure_times(header({"DATE-OBS": "2020-01-01T00:10:00", "TIMESYS": system})).start
    assert start is not None
    delay = datetime(2020, 1, 1, 0, 10, tzinfo=UTC) - start
    assert delay.total_seconds() == pytest.approx(leap_s, abs=1e-4)


def test_an_explicit_zone_outranks_timesys() -> None:
    cards: Cards = {"DATE-OBS": "2018-09-15T23:06:58Z", "TIMESYS": "TDB"}
    assert start_of(cards) == "2018-09-15T23:06:58+00:00"


def test_a_tai_julian_date_is_32_seconds_early_in_1999() -> None:
    cards: Cards = {
        "TAI": (51195.25, "International Atomic Time scale"),
        "MJD-OBS": (51195.25, "Modified Julian date (also TAI)"),
    }
    start = exposure_times(_with_comments(cards)).start
    assert start is not None
    assert (datetime(1999, 1, 17, 6, tzinfo=UTC) - start).total_seconds() == pytest.approx(32.0)


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"DATE-OBS": ""},
        {"DATE-OBS": "2011-03-01"},
        {"DATE-OBS": "yesterday"},
        {"DATE-OBS": "2011-13-01T00:00:00"},
        {"DATE-OBS": "2011-03-01T25:00:00"},
        {"DATE-OBS": "05/03/08", "UT": "04:00:00"},  # 1908 or 2008?
        {"DATE-OBS": "05/03/2008", "UT": "04:00:00"},  # March or May?
        {"DATE-OBS": "2011-03-01T04:00:00 MST"},
        {"DATE-OBS": ("2011-03-01T04:00:00", "local time, LT")},
        {"DATE-OBS": "2011-03-01T04:00:00", "TIMESYS": "LOCAL"},
        {"MJD-OBS": 0.0},
        {"MJD-OBS": -999.0},
        {"MJD-OBS": 2458257.0},
        {"JD": (2458257.0, "Heliocentric JD")},
        {"DATE": "2019-08-21T01:14:20"},
    ],
)
def test_what_is_not_certain_is_no_time(cards: Cards) -> None:
    assert start_of(cards) is None


def test_a_day_without_time_gives_way_to_the_julian_date_and_says_so() -> None:
    times = exposure_times(header({"DATE-OBS": "2018-05-18", "MJD-OBS": 58256.5}))
    assert times.source == "MJD-OBS"
    assert any("no time" in remark for remark in times.warnings)


def test_dates_that_disagree_are_both_kept_and_warned_about() -> None:
    times = exposure_times(header({"DATE-OBS": "2018-05-18T04:00:00", "MJD-OBS": 58256.5}))
    assert times.start == datetime(2018, 5, 18, 4, tzinfo=UTC)
    assert times.start_by_mjd == datetime(2018, 5, 18, 12, tzinfo=UTC)
    assert len(times.warnings) == 1


def test_two_minutes_of_rounding_are_no_disagreement() -> None:
    cards: Cards = {"DATE-OBS": "2017-12-19T19:06:12.749-0700", "MJD-OBS": 58107.088}
    assert exposure_times(header(cards)).warnings == ()


def test_the_midpoint_is_half_an_exposure_after_the_start_in_tai() -> None:
    times = exposure_times(header({"DATE-OBS": "2018-05-18T12:00:00"}), 60.0)
    assert times.midpoint_mjd_tai == pytest.approx(58256.5 + (37 + 30) / 86400, abs=1e-9)


def test_a_given_midpoint_is_used_and_gives_the_start_where_that_lacks() -> None:
    times = exposure_times(header({"MJD-AVG": 58256.5}), 120.0)
    assert times.start == datetime(2018, 5, 18, 11, 59, tzinfo=UTC)
    assert times.midpoint_mjd_tai == pytest.approx(58256.5 + 37 / 86400, abs=1e-9)


def test_a_date_said_to_be_the_middle_is_not_taken_as_the_start() -> None:
    cards: Cards = {"DATE-OBS": ("2018-05-18T12:00:00", "UTC, middle of exposure")}
    assert start_of(cards) is None
    assert start_of(cards, 60.0) == "2018-05-18T11:59:30+00:00"


def test_no_exposure_time_no_midpoint() -> None:
    assert exposure_times(header({"MJD-OBS": 58256.5})).midpoint_mjd_tai is None


def test_the_numeric_zone_is_handed_on() -> None:
    times = exposure_times(header({"DATE-OBS": "2017-12-19T22:03:12-0700"}))
    assert times.zone_offset_h == -7.0


def test_mjd_tai_counts_leap_seconds() -> None:
    assert mjd_tai(datetime(2020, 1, 1, tzinfo=UTC)) == pytest.approx(58849 + 37 / 86400)


@given(st.floats(41318.5, 61000.0), st.sampled_from(["tai", "tt", "tdb"]))
def test_time_scales_are_converted_as_astropy_does(mjd: float, scale: str) -> None:
    found = from_mjd(mjd, scale)
    assert found is not None
    expected = Time(mjd, format="mjd", scale=scale).utc.to_datetime(UTC)
    assert abs((found - expected).total_seconds()) < 1e-4
    assert mjd_tai(found) == pytest.approx(Time(found).tai.mjd, abs=1e-9)


def test_every_leap_second_is_counted_on_both_sides_of_its_midnight() -> None:
    for year, month in ((1972, 7), (1973, 1), (1985, 7), (1999, 1), (2006, 1), (2017, 1)):
        midnight = Time(datetime(year, month, 1, tzinfo=UTC))
        for seconds in (-30.0, -2.0, 0.5, 2.0, 45.0):
            moment = midnight.tai.mjd + seconds / 86400
            expected = Time(moment, format="mjd", scale="tai").utc.to_datetime(UTC)
            assert abs((utc_of_tai(moment) - expected).total_seconds()) < 1e-4


def test_before_1972_astropy_is_asked() -> None:
    start = from_mjd(40000.0, "tai")
    assert start is not None
    assert mjd_tai(start) == pytest.approx(40000.0, abs=1e-9)
