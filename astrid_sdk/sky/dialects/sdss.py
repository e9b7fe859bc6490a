"""SDSS frames: ``frame-r-004263-5-0167.fits`` (data model at data.sdss.org, "frame").

The camera drifted along the sky: TAI, in seconds, is when the first row was read; each row was
exposed for 54 s before that, the next rows up to half a minute later. DATE-OBS with TAIHMS says the
same moment. Calibrated frames are in nanomaggies, whose magnitude is 22.5.
"""

import math

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects.translation import Said, Translation
from astrid_sdk.sky.words import number_of, text_of, word_of

_NANOMAGGIE_MAG = 22.5
_DAY_S = 86400.0
_DRIFT = "a drift scan: its rows were exposed one after another; the time is that of the first"


def speaks(header: Cards) -> bool:
    """Return whether SDSS's imaging pipeline wrote the header."""
    origin = (text_of(header, "ORIGIN") or "").upper()
    return origin == "SDSS" or ("CAMCOL" in header and ("TAI" in header or "TAIHMS" in header))


def translation(header: Cards, name: str) -> Translation:
    """Return the time in TAI, the zero point, and the column of the camera."""
    del name
    cards: dict[str, Said] = {
        "SURVEY": "SDSS",
        "INSTRUME": text_of(header, "INSTRUME") or "SDSS",
        "OBSERVAT": text_of(header, "OBSERVAT") or "Apache Point",
    }
    seconds, clock = number_of(header, "TAI"), text_of(header, "TAIHMS")
    day = text_of(header, "DATE-OBS")
    if seconds is not None:
        cards |= {"MJD-BEG": (seconds / _DAY_S, "TAI"), "TAI": None, "DATE-OBS": None}
    elif day and clock:
        cards |= {"DATE-OBS": f"{day}T{clock}", "TIMESYS": "TAI"}
    if (zero_point := _zero_point(header)) is not None:
        cards["MAGZERO"] = zero_point
    column, band = word_of(header, "CAMCOL"), text_of(header, "FILTER")
    if column and band:
        cards["CCDNUM"] = f"{band}{column}"
    return Translation(cards, (_DRIFT,) if seconds is not None or clock else ())


def _zero_point(header: Cards) -> float | None:
    """Return the magnitude of one unit of the pixels: a nanomaggie, or NMGY of them."""
    if "nanomagg" in (text_of(header, "BUNIT") or "").lower():
        return _NANOMAGGIE_MAG
    per_count = number_of(header, "NMGY")
    in_counts = (text_of(header, "BUNIT") or "").lower() in {"count", "counts", "dn", "adu"}
    if per_count and per_count > 0 and in_counts:
        return _NANOMAGGIE_MAG - 2.5 * math.log10(per_count)
    return None
