"""Hubble: calibrated and drizzled images of ACS, WFC3 and WFPC2.

EXPSTART and EXPEND are MJD, UTC (HST Data Handbook, "Headers, keywords and tables"); a drizzled
image spans several exposures, so that its middle is that of the two. AB zero point: ACS Data
Handbook, section 5.1.1, from PHOTFLAM and PHOTPLAM, of one count per second.
"""

import math

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects.translation import Said, Translation
from astrid_sdk.sky.words import number_of, text_of

_PER_SECOND = ("ELECTRONS/S", "COUNTS/S", "ELECTRONS/SEC", "CPS", "DN/S", "ELECTRON/S")
_IN_ALL = ("ELECTRONS", "COUNTS", "DN", "ELECTRON")


def speaks(header: Cards) -> bool:
    """Return whether Hubble took the image."""
    return (text_of(header, "TELESCOP") or "").upper() == "HST"


def translation(header: Cards, name: str) -> Translation:
    """Return times, zero point and chip."""
    del name
    cards: dict[str, Said] = {"SURVEY": "HST", "OBJECT": text_of(header, "TARGNAME", "OBJECT")}
    start, end = number_of(header, "EXPSTART"), number_of(header, "EXPEND")
    if start and end and end >= start:
        cards |= {"MJD-AVG": ((start + end) / 2, "UTC"), "EXPSTART": (start, "UTC")}
    if (zero_point := _zero_point(header)) is not None:
        cards["MAGZERO"] = zero_point
    chip = number_of(header, "CCDCHIP")
    detector = [text_of(header, "DETECTOR"), None if chip is None else str(int(chip))]
    cards["CCDNUM"] = "-".join(word for word in detector if word) or None
    return Translation(cards)


def _zero_point(header: Cards) -> float | None:
    """Return the AB magnitude of one unit of the pixels, or None where the unit is another."""
    flux, pivot = number_of(header, "PHOTFLAM"), number_of(header, "PHOTPLAM")
    if not flux or not pivot or flux < 0 or pivot < 0:
        return None
    per_second = -2.5 * math.log10(flux) - 5 * math.log10(pivot) - 2.408
    unit, seconds = (text_of(header, "BUNIT") or "").upper(), number_of(header, "EXPTIME")
    if unit in _PER_SECOND:
        return per_second
    return per_second + 2.5 * math.log10(seconds) if unit in _IN_ALL and seconds else None
