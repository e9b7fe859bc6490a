"""When an exposure began, out of the many ways in which headers say it."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from astrid_sdk.sky.leap_seconds import (
    FIRST_MJD,
    TT_MINUS_TAI_S,
    tai_minus_utc_s,
    utc_of_tai,
)
from astrid_sdk.sky.remembered import remembered
from astrid_sdk.sky.words import Header, comment_of, number_of, present, text_of

DISAGREEMENT_S = 120.0
_LAST_INSTANT_S = 59.999999
_DAY_S = 86400.0
_JD_MINUS_MJD = 2400000.5
_SECONDS_NOT_DAYS = 1e6
_DATE_KEYS = ("DATE-OBS", "DATE-BEG", "DATE_OBS", "DATE-STA")
_MJD_KEYS = ("MJD-BEG", "MJD-OBS", "MJD_OBS", "MJD-STR", "EXPSTART", "OBSMJD", "MJD", "TAI")
_JD_KEYS = ("JD", "JD-OBS", "JD_SOBS", "OBSJD", "JD_UTC", "JD-BEG", "JD-START", "JUL-DATE")
_ALL_JULIAN_KEYS = (*_MJD_KEYS, *_JD_KEYS)
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_MJD_RANGE = (15000.0, 90000.0)  # 1899 to 2105: anything else is no date of an exposure
_FIRST_TWO_DIGIT_YEAR = 45  # older dd/mm/yy dates are of plates; below, the century is open
_SCALES = {
    "": "utc", "utc": "utc", "gmt": "utc", "ut": "utc", "ut1": "utc", "z": "utc",
    "tai": "tai", "iat": "tai", "tt": "tt", "tdt": "tt", "et": "tt", "tdb": "tdb",
}  # fmt: skip
_ISO = re.compile(
    r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T\s]+(\d{1,2}:\d{2}(?::\d{2}(?:\.\d*)?)?)\s*(.*))?$"
)
_OLD = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{2})$")
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})(?::((?:60|[0-5]?\d)(?!\d)(?:\.\d*)?))?\s*(.*)$")
_PLAIN_LENGTHS = frozenset(range(19, 27))  # down to the microsecond
_PLAIN = ("-", "-", "T", ":", ":", ".")
_MIDDLE_KEYS = (("DATE-AVG", "DATE-MID"), ("MJD-AVG", "MJD-MID"), ("JD-AVG", "JD-MID"))
_MIDDLE = re.compile(r"\bmid(?:dle|point|time)?\b|0?\.5 ?\* ?exp|\bcent(?:re|er) of (?:the )?exp")
_ZONE = re.compile(r"^([+-])(\d{2}):?(\d{2})$")
_CLOCK_KEYS = ("TIME-OBS", "UTC-OBS", "UT-OBS", "UTSTART", "UTCSTART", "UT-START", "UT", "UTC",
               "UTIME", "TM-START", "TIME-BEG", "UTSHUT", "UTOPEN", "UT-STR", "EXP-UT", "TIME_OBS",
               "TIME-STA", "UTC-STA")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExposureTimes:
    """What a header says about the time of an exposure.

    Attributes
    ----------
    start : datetime or None
        Exposure start, UTC.
    midpoint_mjd_tai : float or None
        Middle of the exposure, MJD, TAI.
    start_by_mjd : datetime or None
        Exposure start by the Julian dates, kept beside `start` where both are given.
    zone_offset_h : float or None
        Numeric zone that DATE-OBS carries, hours east of UTC.
    source : str
        The keyword `start` comes from; empty without.
    warnings : tuple of str
        What is doubtful.
    """

    start: datetime | None
    midpoint_mjd_tai: float | None
    start_by_mjd: datetime | None
    zone_offset_h: float | None
    source: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Instant:
    """One time in a header, UTC, and the keyword it stands under."""

    utc: datetime
    key: str
    zone_offset_h: float | None = None


def exposure_times(header: Header, exposure_time_s: float | None = None) -> ExposureTimes:
    """Return when the exposure began and its midpoint.

    An explicit zone in DATE-OBS comes first, then DATE-OBS with TIMESYS, DATE-OBS with a clock
    card beside it, then the Julian dates. A day without a time is no time.

    Parameters
    ----------
    header : Header
        Of the exposure.
    exposure_time_s : float, optional
        Length of the exposure, seconds.
    """
    remarks: list[str] = []
    dated = next(_dated(header, remarks), None)
    julian = next(_julian(header), None)
    middle = next(_middle(header), None)
    start = dated or julian
    if start is None and middle is not None and exposure_time_s is not None:
        half = timedelta(seconds=exposure_time_s / 2)
        start = _Instant(middle.utc - half, middle.key)
    if dated and julian and abs((dated.utc - julian.utc).total_seconds()) > DISAGREEMENT_S:
        remarks.append(
            f"{dated.key} says {dated.utc.isoformat()} but {julian.key} says "
            f"{julian.utc.isoformat()}: {dated.key} is used"
        )
    if middle is None and start is not None and exposure_time_s is not None:
        middle = _Instant(start.utc + timedelta(seconds=exposure_time_s / 2), start.key)
    return ExposureTimes(
        start=start.utc if start else None,
        midpoint_mjd_tai=mjd_tai(middle.utc) if middle else None,
        start_by_mjd=julian.utc if julian else None,
        zone_offset_h=dated.zone_offset_h if dated else None,
        source=start.key if start else "",
        warnings=tuple(remarks),
    )


def mjd_utc(moment: datetime) -> float:
    """Return an aware `moment` as MJD on the UTC scale."""
    return (moment - _MJD_ZERO) / timedelta(days=1)


def mjd_tai(moment: datetime) -> float:
    """Return an aware `moment` as MJD on the TAI scale."""
    days = mjd_utc(moment)
    if days < FIRST_MJD:
        return _by_astropy(days, "utc", "tai")
    return days + tai_minus_utc_s(days) / _DAY_S


def from_mjd(mjd: float, scale: str = "utc") -> datetime | None:
    """Return the UTC time of `mjd` on `scale`, to the microsecond; None where it is no date."""
    if not math.isfinite(mjd) or not _MJD_RANGE[0] < mjd < _MJD_RANGE[1]:
        return None
    if scale == "utc":
        return _MJD_ZERO + timedelta(days=mjd)
    if mjd < FIRST_MJD + 1:
        return _MJD_ZERO + timedelta(days=_by_astropy(mjd, scale, "utc"))
    ahead_s = 0.0 if scale == "tai" else TT_MINUS_TAI_S
    if scale == "tdb":
        ahead_s += _tdb_minus_tt_s(mjd)
    return utc_of_tai(mjd - ahead_s / _DAY_S)


def _tdb_minus_tt_s(mjd: float) -> float:
    """Return TDB - TT, seconds, to 30 microseconds (Astronomical Almanac, section B)."""
    anomaly = math.radians(357.53 + 0.98560028 * (mjd - 51544.5))
    return 0.001657 * math.sin(anomaly) + 0.000014 * math.sin(2 * anomaly)


def _by_astropy(mjd: float, scale: str, wanted: str) -> float:
    """Return a date of the years before 1972, when the second of UTC was stretched."""
    # Such plates are rare, and astropy takes most of a second to import.
    import warnings  # noqa: PLC0415

    from astropy.time import Time  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ERFA calls such years dubious
        return float(getattr(Time(mjd, format="mjd", scale=scale), wanted).mjd)


def _dated(header: Header, remarks: list[str]) -> Iterator[_Instant]:
    """Yield the starts that calendar dates give, best first."""
    for key in present(header, _DATE_KEYS):
        text = text_of(header, key)
        if text is None or _is_of_middle(comment_of(header, key)):
            continue
        moment = _plain_moment(text)
        if moment is not None:
            yield from _scaled(header, key, moment, remarks)
            continue
        day, clock, zone = _parts(text)
        if day is None:
            remarks.append(f"{key} = {text!r} is not a date that can be told for certain")
        elif clock:
            yield from _instant(header, key, day, (clock, zone), remarks)
        else:
            yield from _with_clock_card(header, key, day, remarks)


def _with_clock_card(
    header: Header, key: str, day: datetime, remarks: list[str]
) -> Iterator[_Instant]:
    """Yield the start of a date without time, completed by a clock card beside it."""
    for clock_key in present(header, _CLOCK_KEYS):
        text = text_of(header, clock_key)
        if text is None:
            continue
        own_day, clock, zone = _parts(text)
        found = _CLOCK.match(text)
        if found:
            clock, zone = text[: found.start(4)].strip(), found.group(4)
        if clock:
            yield from _instant(header, clock_key, own_day or day, (clock, zone), remarks)
    remarks.append(f"{key} gives the day {day.date().isoformat()} but no time")


def _instant(
    header: Header, key: str, day: datetime, clock: tuple[str, str], remarks: list[str]
) -> Iterator[_Instant]:
    """Yield `day` at `clock` (time, zone) in UTC, if its zone or time scale is known."""
    moment = _at(day, clock[0])
    if moment is None:
        remarks.append(f"{key} holds an impossible time: {clock[0]!r}")
        return
    offset = _offset(clock[1])
    if clock[1] and offset is None:
        remarks.append(f"{key} carries the unknown zone {clock[1]!r}")
    elif offset is not None:
        hours = offset / timedelta(hours=1) if _ZONE.match(clock[1]) else None
        yield _Instant(moment - offset, key, hours)
    else:
        yield from _scaled(header, key, moment, remarks)


def _scaled(header: Header, key: str, moment: datetime, remarks: list[str]) -> Iterator[_Instant]:
    """Yield a time without zone, read on the header's time scale."""
    if _is_local(comment_of(header, key)):
        remarks.append(f"{key} is a local time without zone: not used")
        return
    scale = _scale_of(header)
    if scale is None:
        system = text_of(header, "TIMESYS") or ""
        remarks.append(f"TIMESYS = {system.upper()!r} is no known time scale: {key} is not used")
        return
    utc = moment if scale == "utc" else _to_utc(moment, scale)
    if utc is not None:
        yield _Instant(utc, key)


def _julian(header: Header) -> Iterator[_Instant]:
    """Yield the starts that Julian dates give, best first."""
    for key in present(header, _ALL_JULIAN_KEYS):
        comment = comment_of(header, key)
        if not _is_of_middle(comment) and "centric" not in comment:
            yield from _of_julian(header, key)
    if "TSTART" in header:
        yield from _since_reference(header)


def _of_julian(header: Header, key: str) -> Iterator[_Instant]:
    """Yield the Julian date under `key`, on the scale that its comment or the header names."""
    value = number_of(header, key)
    if value is None:
        return
    if key in _JD_KEYS:
        value -= _JD_MINUS_MJD
    if key == "TAI" and value > _SECONDS_NOT_DAYS:  # SDSS counts seconds since MJD 0
        value /= _DAY_S
    said = re.search(r"\b(tai|tt|tdb|utc)\b", comment_of(header, key))
    scale = said.group(1) if said else "tai" if key == "TAI" else _scale_of(header)
    utc = from_mjd(value, scale) if scale else None
    if utc is not None:
        yield _Instant(utc, key)


def _since_reference(header: Header) -> Iterator[_Instant]:
    """Yield TSTART, counted from the reference date of high-energy missions.

    MJDREFI and MJDREFF, or MJDREF; seconds unless TIMEUNIT says days (OGIP memo OGIP/93-003).
    """
    start, scale = number_of(header, "TSTART"), _scale_of(header)
    whole, fraction = number_of(header, "MJDREFI", "MJDREF"), number_of(header, "MJDREFF")
    if start is None or whole is None or not scale:
        return
    unit_s = _DAY_S if (text_of(header, "TIMEUNIT") or "s").lower() in {"d", "day"} else 1.0
    utc = from_mjd(whole + (fraction or 0.0) + start * unit_s / _DAY_S, scale)
    if utc is not None:
        yield _Instant(utc, "TSTART")


@remembered
def _scale_of(header: Header) -> str | None:
    """Return the time scale that TIMESYS names, UTC without one, None for an unknown one."""
    return _SCALES.get((text_of(header, "TIMESYS") or "").lower().partition("(")[0].strip())


def _middle(header: Header) -> Iterator[_Instant]:
    """Yield the midpoints that the header gives, best first."""
    dates, julian, long = (present(header, keys) for keys in _MIDDLE_KEYS)
    for key in (*dates, *_said_middle(header, _DATE_KEYS)):
        day, clock, zone = _parts(text_of(header, key) or "")
        if day is not None and clock:
            yield from _instant(header, key, day, (clock, zone), [])
    for key in (*julian, *_said_middle(header, _ALL_JULIAN_KEYS)):
        yield from _of_julian(header, key)
    for key in long:
        value, scale = number_of(header, key), _scale_of(header)
        utc = from_mjd(value - _JD_MINUS_MJD, scale) if value is not None and scale else None
        if utc is not None:
            yield _Instant(utc, key)


def _said_middle(header: Header, keys: tuple[str, ...]) -> list[str]:
    """Return those of `keys` whose comments say that they give the middle."""
    return [
        key
        for key in present(header, keys)
        if _is_of_middle(comment := comment_of(header, key)) and "centric" not in comment
    ]


@lru_cache(maxsize=1024)
def _is_of_middle(comment: str) -> bool:
    return _MIDDLE.search(comment) is not None


@lru_cache(maxsize=1024)
def _is_local(comment: str) -> bool:
    return re.search(r"\blt\b|local", comment) is not None


def _plain_moment(text: str) -> datetime | None:
    """Return a time in the form that the FITS standard asks for, which most have; None else."""
    if len(text) not in _PLAIN_LENGTHS or not text.isascii() or _separators(text) != _PLAIN:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else None


def _separators(text: str) -> tuple[str, ...]:
    return text[4], text[7], text[10], text[13], text[16], text[19:20] or "."


def _parts(text: str) -> tuple[datetime | None, str, str]:
    """Return day, clock and zone of a date as headers write it; None where it is no date."""
    found, old = _ISO.match(text), _OLD.match(text)
    try:
        if found:
            year, month, day = (int(found.group(i)) for i in (1, 2, 3))
            clock, zone = found.group(4) or "", (found.group(5) or "").strip()
            return datetime(year, month, day, tzinfo=UTC), clock, zone
        if old and int(old.group(3)) >= _FIRST_TWO_DIGIT_YEAR:  # dd/mm/yy: FITS before 1997
            year, month, day = 1900 + int(old.group(3)), int(old.group(2)), int(old.group(1))
            return datetime(year, month, day, tzinfo=UTC), "", ""
    except ValueError:
        pass
    return None, "", ""


def _at(day: datetime, clock: str) -> datetime | None:
    """Return `day` at `clock`; a leap second is the last microsecond before it."""
    found = _CLOCK.match(clock)
    if found is None:
        return None
    hours, minutes, seconds = int(found.group(1)), int(found.group(2)), float(found.group(3) or 0)
    try:
        minute = day.replace(hour=hours, minute=minutes)
    except ValueError:
        return None
    return minute + timedelta(seconds=min(seconds, _LAST_INSTANT_S))


def _offset(zone: str) -> timedelta | None:
    """Return the offset of a zone from UTC, or None where there is none or it is unknown."""
    if zone.upper() in {"Z", "UT", "UTC", "GMT"}:
        return timedelta()
    found = _ZONE.match(zone)
    if found is None:
        return None
    offset = timedelta(hours=int(found.group(2)), minutes=int(found.group(3)))
    return -offset if found.group(1) == "-" else offset


def _to_utc(moment: datetime, scale: str) -> datetime | None:
    return from_mjd((moment - _MJD_ZERO) / timedelta(days=1), scale)
