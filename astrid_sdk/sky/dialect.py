"""What the words of a FITS header mean, whoever wrote them: roles, filters, angles, frame types.

A value that cannot be told for certain is None or ``unknown``, never a guess.
"""

import enum
import math
import re
from collections.abc import Sequence
from functools import lru_cache

from astrid_sdk.sky.names import Role, file_name, role_of_name
from astrid_sdk.sky.remembered import remembered
from astrid_sdk.sky.words import (
    Header,
    comment_of,
    degrees_of,
    number_of,
    present,
    text_of,
    word_of,
)

__all__ = [
    "UNKNOWN",
    "FrameType",
    "Role",
    "comment_of",
    "degrees_of",
    "detector_of",
    "exposure_time_of",
    "filter_band_of",
    "filter_name_of",
    "frame_type_of",
    "number_of",
    "object_of",
    "pointing_of",
    "role_of",
    "seeing_of",
    "survey_of",
    "text_of",
    "zero_point_of",
]

UNKNOWN = "unknown"
_TURN_DEG, _POLE_DEG = 360.0, 90.0
_SEEING_ARCSEC = (0.02, 60.0)  # of a plausible width: 0 and -999 stand for none
_MAGNITUDES = (5.0, 45.0)  # of a plausible zero point: 0 and -999 stand for none


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
        r"WHT|WT|WGT|WEIGHTS?|WTMAP|VAR(IANCE)?|ERR(OR)?|UNCERT|SIGMA|RMS|I(NV)?VAR|COVERAGE"
        r"|EXPMAP|EXPTIMEMAP|CTX"
    ),
    Role.MASK: re.compile(r"DQ|DQMASK|MA?SK|BPM|BADPIX|FLAGS?|CCDMASK|QUALITY|APERTURE"),
}
_NAME_WORDS = re.compile(r"[._-]")
_EXTNAME_WORDS = re.compile(r"[^A-Za-z]+")

_FILTER_KEYS = (
    "FILTER",
    "FILTNAM",
    "FILTNAM1",
    "INSFLNAM",
    "FILTERID",
    "FILT",
    "BAND",
    "ESO INS FILT1 NAME",
    "FILTNAME",
)
_CLEAR = re.compile(
    r"clear\d?[a-z]?|lum(inance)?|l|open|none|empty|air|white|unfiltered|no_?filter"
)
_DETECTOR_KEYS = ("CCDNUM", "CCDCHIP", "CHIPID", "CCDID", "ESO DET CHIP1 ID", "CHIP", "CCDNAME",
                  "DETPOS", "DETSEC")  # fmt: skip
_CHIP_NAME = re.compile(r"[A-Za-z]{1,8}[ _-]?\d{1,3}")
_ARCSEC_SEEING_KEYS = ("SEEING", "L1FWHM", "ESO TEL IA FWHM", "ESO QC PSF FWHM")
_SEEING_KEYS = (*_ARCSEC_SEEING_KEYS, "FWHM", "PSF_FWHM", "FWHM_AVG", "MEDFWHM", "AVFWHM", "IQ")
_POINTING_KEYS = (
    ("RA", "DEC"),
    ("OBJCTRA", "OBJCTDEC"),
    ("TELRA", "TELDEC"),
    ("RA_PNT", "DEC_PNT"),
    ("RA_TARG", "DEC_TARG"),
    ("RA_OBJ", "DEC_OBJ"),
    ("FPA.RA", "FPA.DEC"),
)
_EXPOSURE_KEYS = ("XPOSURE", "EXPTIME", "EXPOSURE", "EXP_TIME", "ITIME", "TEXPTIME")
_ZERO_POINT_KEYS = ("MAGZERO", "MAGZPT", "MAGZP", "ZEROPT", "PHOTZP", "ZPAVE")
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
    (FrameType.LIGHT, ("light", "object", "science", "sky exposure", "target", "expose")),
    (FrameType.FLAT, ("flat",)),
    (FrameType.DARK, ("dark",)),
    (FrameType.BIAS, ("bias", "zero", "offset")),
)


def role_of(extname: str, headers: Sequence[Header], name: str = "") -> Role:
    """Return the role of an image HDU, from the file's name, EXTNAME, then product keywords.

    Parameters
    ----------
    extname : str
        Name of the HDU.
    headers : sequence of Header
        Of the HDU, then of the primary.
    name : str, optional
        Of the file.
    """
    named = role_of_name(name)
    if named is not None:
        return named
    keys = ("PRODTYPE", "DES_EXT")
    words = [extname, *(text_of(header, key) or "" for header in headers for key in keys)]
    words += _NAME_WORDS.split(file_name(name).lower())[1:]
    words += _EXTNAME_WORDS.split(extname)[1:]  # TESS: 'CAMERA.CCD 1.1 uncert'
    return next((role for word in words if (role := _role_of_word(word))), Role.IMAGE)


@lru_cache(maxsize=4096)
def _role_of_word(word: str) -> Role | None:
    found = (role for role, known in _ROLE_WORDS.items() if known.fullmatch(word.upper()))
    return next(found, None)


@remembered
def frame_type_of(header: Header) -> FrameType:
    """Return what the detector looked at; unknown where the header does not say."""
    words = (text_of(header, *_FRAME_KEYS) or "").lower()
    for frame_type, known in _FRAME_WORDS:
        if any(word in words for word in known):
            return frame_type
    return FrameType.UNKNOWN


@remembered
def filter_name_of(header: Header) -> str | None:
    """Return the filter as the header writes it, or None. A filter wheel's slot number is none."""
    for key in _FILTER_KEYS:
        text = text_of(header, key)
        if text and not text.isdigit():
            return text
    wheels = [text for key in ("FILTER1", "FILTER2") if (text := text_of(header, key))]
    named = [text for text in wheels if not text.isdigit()]
    return next((text for text in named if not _is_clear(text)), named[0] if named else None)


def _is_clear(filter_name: str) -> bool:
    return _CLEAR.fullmatch("_".join(filter_name.lower().split())) is not None


@lru_cache(maxsize=1024)
def filter_band_of(filter_name: str | None) -> str:
    """Return the band of a filter's name: ``r``, ``R``, ``clear``, ``VR``, ``unknown``.

    Sloan-like bands are lower case, Johnson-Cousins bands upper case; both occur in one survey,
    so the case of a single letter is kept.
    """
    name = " ".join((filter_name or "").split())
    if not name:
        return UNKNOWN
    if _is_clear(name):
        return "clear"
    if "decam" in name.lower():  # 'r DECam SDSS c0002 6415.0 1480.0'
        return name.split()[0]
    if found := _SLOAN.match(name) or _SLOAN_SUFFIX.match(name):
        return found.group(1).lower()
    if found := _COUSINS.match(name):
        return (found.group(1) or found.group(2)).upper()
    return re.sub(r"[^A-Za-z0-9+-]+", "_", name).strip("_") or UNKNOWN


def object_of(header: Header) -> str | None:
    """Return what the observer called the target, or None."""
    return text_of(header, "OBJECT", "TARGNAME", "OBJNAME", "TARGET", "FPA.OBJECT")


@remembered
def detector_of(header: Header) -> str | None:
    """Return the detector that took the image, as the header numbers or names it, or None.

    The EXTNAME of a mosaic's chip is one (``N12``, ``im1``); that of a product (``SCI``) is none.
    """
    word = word_of(header, *_DETECTOR_KEYS)
    if word is not None:
        return word
    extname = text_of(header, "EXTNAME") or ""
    bare = extname.upper().rstrip("0123456789 _-")
    product = any(known.fullmatch(bare) for known in _ROLE_WORDS.values())
    return None if product or not _CHIP_NAME.fullmatch(extname) else extname


def seeing_of(header: Header, pixel_scale_arcsec: float | None) -> float | None:
    """Return the width of a star's image, FWHM in arcseconds, or None.

    Parameters
    ----------
    header : Header
    pixel_scale_arcsec : float or None
        To turn pixels into arcseconds; a width in pixels is not used without.
    """
    for key in present(header, _SEEING_KEYS):
        width, comment = number_of(header, key), comment_of(header, key)
        in_pixels = re.search(r"pix|\bpx\b", comment) is not None
        in_arcsec = re.search(r"arc ?sec|\bas\b", comment) is not None
        if width is None or not (in_pixels or in_arcsec or key in _ARCSEC_SEEING_KEYS):
            continue
        scale = 1.0 if in_arcsec or not in_pixels else pixel_scale_arcsec
        if scale and _SEEING_ARCSEC[0] <= width * scale <= _SEEING_ARCSEC[1]:
            return width * scale
    return None


def pointing_of(header: Header) -> tuple[float, float] | None:
    """Return where the telescope was told to point, (ra, dec) in degrees; never a WCS."""
    for ra_key, dec_key in _POINTING_KEYS:
        if ra_key not in header or dec_key not in header:
            continue
        ra = degrees_of(header.get(ra_key), hours=True)
        dec = degrees_of(header.get(dec_key))
        if ra is not None and dec is not None and 0 <= ra <= _TURN_DEG and abs(dec) <= _POLE_DEG:
            return (ra % _TURN_DEG, dec)
    return None


def exposure_time_of(header: Header) -> float | None:
    """Return the exposure time in seconds. Negative values are none; ``[d]`` means days."""
    for key in present(header, _EXPOSURE_KEYS):
        seconds = number_of(header, key)
        if seconds is None or seconds < 0:
            continue
        comment = comment_of(header, key)
        if "[d]" in comment:
            return seconds * 86400.0
        return seconds / 1000.0 if "millisec" in comment or "[ms]" in comment else seconds
    return None


def zero_point_of(header: Header) -> float | None:
    """Return the AB magnitude of one count in this image, or None.

    A zero point that the header gives for one count per second is moved to the exposure; one in
    the Vega system is not used.
    """
    for key in present(header, _ZERO_POINT_KEYS):
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


@remembered
def survey_of(header: Header) -> str | None:
    """Return the survey that the header names, or that its telescope serves alone."""
    named = text_of(header, "SURVEY", "SURVEYID")
    alone = {"TESS": "TESS", "KEPLER": "Kepler", "ATLAS": "ATLAS"}
    return named or alone.get((text_of(header, "TELESCOP") or "").upper())
