"""What the words of a FITS header mean, whoever wrote them: roles, filters, angles, frame types.

A value that cannot be told for certain is None or ``unknown``, never a guess.
"""

import enum
import math
import re
from collections.abc import Sequence
from pathlib import PurePath

from astropy.io import fits

UNKNOWN = "unknown"
_TURN_DEG, _POLE_DEG, _SIXTY = 360.0, 90.0, 60.0
_MAGNITUDES = (5.0, 45.0)  # of a plausible zero point: 0 and -999 stand for none


class Role(enum.StrEnum):
    """What an image says about an observation."""

    IMAGE = "image"
    WEIGHT = "weight"  # how well each pixel is known: weight, variance, error, coverage
    MASK = "mask"  # why a pixel is not to be trusted


class FrameType(enum.StrEnum):
    """What the detector looked at."""

    LIGHT = "light"
    BIAS = "bias"
    DARK = "dark"
    FLAT = "flat"
    UNKNOWN = "unknown"


_ROLE_WORDS = {
    Role.IMAGE: re.compile(r"SCI(ENCE)?|IM(AGE)?"),
    Role.WEIGHT: re.compile(
        r"WHT|WT|WGT|WEIGHTS?|WTMAP|VAR(IANCE)?|ERR(OR)?|UNCERT|SIGMA|RMS|I(NV)?VAR|COVERAGE|EXPMAP"
    ),
    Role.MASK: re.compile(r"DQ|DQMASK|MA?SK|BPM|BADPIX|FLAGS?|CCDMASK|QUALITY"),
}
# NOIRLab pipeline products: c4d_180518_044138_ooi_r_v1: image, w(eight), d(ata quality). Cut-outs
# of all three say PRODTYPE = 'image', so the name comes first.
_NOIRLAB_NAME = re.compile(r"^[a-z0-9]{3}_\d{6}_\d{6}_[a-z]{2}([iwd])_")
_NOIRLAB_ROLES = {"i": Role.IMAGE, "w": Role.WEIGHT, "d": Role.MASK}
_NAME_WORDS = re.compile(r"[._-]")

_FILTER_KEYS = (
    "FILTER",
    "FILTNAM",
    "FILTNAM1",
    "INSFLNAM",
    "FILTERID",
    "FILT",
    "BAND",
    "ESO INS FILT1 NAME",
)
_CLEAR = re.compile(r"clear|lum(inance)?|l|open|none|empty|air|white|unfiltered|no_?filter")
_SLOAN = re.compile(
    r"^(?:sdss|sloan|ztf|ps1|panstarrs|lsst|des|decam)[ _.-]*([ugrizy])'?$", re.IGNORECASE
)
_SLOAN_SUFFIX = re.compile(
    r"^([ugrizy])(?:'|p|[ _.-]*(?:sdss|sloan|ps1|prime|decam|lsst|0+))$", re.IGNORECASE
)
_COUSINS = re.compile(
    r"^(?:(?:bessell?|johnson|cousins)[ _-]*([UBVRI])"
    r"|([UBVRI])[ _-]*(?:bessell?|johnson|cousins))$",
    re.IGNORECASE,
)
_FRAME_KEYS = ("IMAGETYP", "OBSTYPE", "IMGTYPE", "FRAMETYP", "ESO DPR TYPE", "FRAME")
_FRAME_WORDS = (
    (FrameType.LIGHT, ("light", "object", "science", "sky exposure", "target")),
    (FrameType.FLAT, ("flat",)),
    (FrameType.DARK, ("dark",)),
    (FrameType.BIAS, ("bias", "zero", "offset")),
)
_SEXAGESIMAL = re.compile(
    r"^([+-]?)\s*(\d{1,3})[:\sdh°]+(\d{1,2})(?:[:\sm']+(\d{1,2}(?:\.\d*)?))?[s\"]?\s*$"
)


def text_of(header: fits.Header, *keys: str) -> str | None:
    """Return the first non-blank text under `keys`, trimmed, or None."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def number_of(header: fits.Header, *keys: str) -> float | None:
    """Return the first finite number under `keys`, also where it is written as text, or None."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        try:
            number = float(value)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return None


def comment_of(header: fits.Header, key: str) -> str:
    """Return the comment of `key` in lower case, empty where there is none."""
    return str(header.comments[key]).lower() if key in header else ""


def role_of(extname: str, headers: Sequence[fits.Header], name: str = "") -> Role:
    """Return the role of an image HDU, from the file's name, EXTNAME, then product keywords.

    Parameters
    ----------
    extname : str
        Name of the HDU.
    headers : sequence of astropy.io.fits.Header
        Of the HDU, then of the primary.
    name : str, optional
        Of the file.
    """
    stem = PurePath(name).name.lower()
    if found := _NOIRLAB_NAME.match(stem):
        return _NOIRLAB_ROLES[found.group(1)]
    keys = ("PRODTYPE", "DES_EXT")
    words = [extname, *(text_of(header, key) or "" for header in headers for key in keys)]
    words += _NAME_WORDS.split(stem)[1:]
    for word in words:
        for role, known in _ROLE_WORDS.items():
            if known.fullmatch(word.upper()):
                return role
    return Role.IMAGE


def frame_type_of(header: fits.Header) -> FrameType:
    """Return what the detector looked at; unknown where the header does not say."""
    words = (text_of(header, *_FRAME_KEYS) or "").lower()
    for frame_type, known in _FRAME_WORDS:
        if any(word in words for word in known):
            return frame_type
    return FrameType.UNKNOWN


def filter_name_of(header: fits.Header) -> str | None:
    """Return the filter as the header writes it, or None. A filter wheel's slot number is none."""
    for key in _FILTER_KEYS:
        text = text_of(header, key)
        if text and not text.isdigit():
            return text
    pair = [text for key in ("FILTER1", "FILTER2") if (text := text_of(header, key))]
    return next((text for text in pair if not text.upper().startswith("CLEAR")), None)


def filter_band_of(filter_name: str | None) -> str:
    """Return the band of a filter's name: ``r``, ``R``, ``clear``, ``VR``, ``unknown``.

    Sloan-like bands are lower case, Johnson-Cousins bands upper case; both occur in one survey,
    so the case of a single letter is kept.
    """
    name = " ".join((filter_name or "").split())
    if not name:
        return UNKNOWN
    if _CLEAR.fullmatch(name.lower().replace(" ", "_")):
        return "clear"
    if "decam" in name.lower():  # 'r DECam SDSS c0002 6415.0 1480.0'
        return name.split()[0]
    if found := _SLOAN.match(name) or _SLOAN_SUFFIX.match(name):
        return found.group(1).lower()
    if found := _COUSINS.match(name):
        return (found.group(1) or found.group(2)).upper()
    return re.sub(r"[^A-Za-z0-9+-]+", "_", name).strip("_") or UNKNOWN


def degrees_of(value: object, *, hours: bool = False) -> float | None:
    """Return an angle in degrees: a number is degrees, sexagesimal text is hours if `hours`.

    Parameters
    ----------
    value : float or str
        Such as ``31.31``, ``"31.31"``, ``"-64 32 56"`` or ``"16:17:32.640"``.
    hours : bool
        Whether sexagesimal text counts hours, as it does for a right ascension.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return _sexagesimal(str(value), 15.0 if hours else 1.0)
    return number if math.isfinite(number) else None


def pointing_of(header: fits.Header) -> tuple[float, float] | None:
    """Return where the telescope was told to point, (ra, dec) in degrees; never a WCS."""
    for ra_key, dec_key in (("RA", "DEC"), ("OBJCTRA", "OBJCTDEC"), ("TELRA", "TELDEC")):
        ra = degrees_of(header.get(ra_key), hours=True)
        dec = degrees_of(header.get(dec_key))
        if ra is not None and dec is not None and 0 <= ra <= _TURN_DEG and abs(dec) <= _POLE_DEG:
            return (ra % _TURN_DEG, dec)
    return None


def exposure_time_of(header: fits.Header) -> float | None:
    """Return the exposure time in seconds. Negative values are none; ``[d]`` means days."""
    for key in ("EXPTIME", "EXPOSURE", "EXP_TIME", "XPOSURE", "ITIME", "TEXPTIME"):
        seconds = number_of(header, key)
        if seconds is None or seconds < 0:
            continue
        comment = comment_of(header, key)
        if "[d]" in comment:
            return seconds * 86400.0
        return seconds / 1000.0 if "millisec" in comment or "[ms]" in comment else seconds
    return None


def zero_point_of(header: fits.Header) -> float | None:
    """Return the AB magnitude of one count in this image, or None.

    A zero point that the header gives for one count per second is moved to the exposure; one in
    the Vega system is not used.
    """
    for key in ("MAGZERO", "MAGZPT", "MAGZP", "ZEROPT", "PHOTZP", "ZPAVE"):
        value = number_of(header, key)
        if value is None or not _MAGNITUDES[0] < value < _MAGNITUDES[1]:
            continue
        comment = comment_of(header, key)
        system = (text_of(header, "MAGSYS", "PHOTSYS", "ZPSYS") or comment).lower()
        if "vega" in system:
            return None
        if not re.search(r"/ ?s\b|per sec|count/s|second", comment):
            return value
        seconds = exposure_time_of(header)
        return value + 2.5 * math.log10(seconds) if seconds else None
    return None


def survey_of(header: fits.Header) -> str | None:
    """Return the survey that the header names, or that its telescope serves alone."""
    named = text_of(header, "SURVEY", "SURVEYID")
    alone = {"TESS": "TESS", "KEPLER": "Kepler", "ATLAS": "ATLAS"}
    return named or alone.get((text_of(header, "TELESCOP") or "").upper())


def _sexagesimal(text: str, unit_deg: float) -> float | None:
    found = _SEXAGESIMAL.match(text.strip())
    if found is None:
        return None
    sign, whole, minutes, seconds = found.groups()
    if max(float(minutes), float(seconds or 0)) >= _SIXTY:
        return None
    value = float(whole) + float(minutes) / 60.0 + float(seconds or 0.0) / 3600.0
    return (-value if sign == "-" else value) * unit_deg
