"""TESS and Kepler: full frames, target pixels, light curves.

TESS Science Data Products Description Document, EXP-TESS-ARC-ICD-0014: DATE-OBS is TSTART as a UTC
calendar date and ends in Z; TSTART is a barycentric Julian date, TDB, from BJDREFI and BJDREFF;
EXPOSURE is in days.
"""

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects.translation import Said, Translation
from astrid_sdk.sky.words import comment_of, number_of, text_of, word_of

_JD_MINUS_MJD = 2400000.5
_DAY_S = 86400.0
_LONGEST_FRAME_D = 400.0
_BARYCENTRIC = "its time is barycentric: up to 8.4 minutes from that at the spacecraft"


def speaks(header: Cards) -> bool:
    """Return whether TESS or Kepler took the data."""
    return (text_of(header, "TELESCOP") or "").upper() in {"TESS", "KEPLER"}


def translation(header: Cards, name: str) -> Translation:
    """Return times in UTC, exposure in seconds, camera and chip."""
    del name
    mission = (text_of(header, "TELESCOP") or "").upper()
    survey = "TESS" if mission == "TESS" else "Kepler"
    cards: dict[str, Said] = {"SURVEY": survey, "TSTART": None}
    if not text_of(header, "FILTER"):
        cards["FILTER"] = survey
    days = number_of(header, "EXPOSURE")
    if days is not None and 0 <= days < _LONGEST_FRAME_D and _is_in_days(header):
        cards["XPOSURE"] = days * _DAY_S
    camera, chip = word_of(header, "CAMERA"), word_of(header, "CCD")
    if camera and chip:
        cards |= {"CCDNUM": f"{camera}-{chip}", "CAMERA": None}
    remarks: tuple[str, ...] = ()
    moment = _barycentric_start(header)
    if moment is not None and not text_of(header, "DATE-OBS"):
        correction = number_of(header, "BARYCORR")
        remarks = (_BARYCENTRIC,) if correction is None else ()
        cards["MJD-BEG"] = (moment - (correction or 0.0), "TDB")
    return Translation(cards, remarks)


def _is_in_days(header: Cards) -> bool:
    comment = comment_of(header, "EXPOSURE")
    return not comment or "[d]" in comment or "day" in comment


def _barycentric_start(header: Cards) -> float | None:
    start, whole = number_of(header, "TSTART"), number_of(header, "BJDREFI")
    if start is None or whole is None:
        return None
    return start + whole + (number_of(header, "BJDREFF") or 0.0) - _JD_MINUS_MJD
