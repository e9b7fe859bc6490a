"""UTC against atomic time, by the table of leap seconds.

Dates and whole differences are those of IERS Bulletin C; astropy's conversions give the same and
take a hundred times as long, which an ingest of ten thousand files notices.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

FIRST_MJD = 41317.0  # 1 January 1972: before, the second of UTC was stretched
TT_MINUS_TAI_S = 32.184
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_FIRST_DIFFERENCE_S = 10
_STEPS_MJD = (
    41499, 41683, 42048, 42413, 42778, 43144, 43509, 43874, 44239, 44786, 45151, 45516, 46247,
    47161, 47892, 48257, 48804, 49169, 49534, 50083, 50630, 51179, 53736, 54832, 56109, 57204,
    57754,
)  # fmt: skip


def tai_minus_utc_s(mjd_utc: float) -> int:
    """Return TAI - UTC, seconds, at a UTC date since `FIRST_MJD`."""
    return _FIRST_DIFFERENCE_S + bisect_right(_STEPS_MJD, mjd_utc)


def utc_of_tai(mjd_tai: float) -> datetime:
    """Return the UTC time of an MJD on the TAI scale; in a leap second, the moment after it."""
    guess = tai_minus_utc_s(mjd_tai)  # wrong only just after a step
    difference_s = tai_minus_utc_s(mjd_tai - guess / 86400.0)
    return _MJD_ZERO + timedelta(days=mjd_tai, seconds=-difference_s)
