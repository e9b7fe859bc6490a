"""Pan-STARRS1 stacks and warps as MAST hands them out.

Their times are TAI although no card says so, and pixel values are asinh magnitudes in disguise (PS1
archive documentation at STScI: "PS1 FAQ", PS1 Timing; "PS1 image formats": BOFFSET and BSOFTEN).
The filter is written ``r.00000``.
"""

import math
import re
from pathlib import PurePath

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects.translation import Said, Translation
from astrid_sdk.sky.words import number_of, text_of

_NOT_LINEAR = "pixel values are asinh-scaled (BOFFSET, BSOFTEN): expand them before measuring"
_CELL = re.compile(r"skycell\.(\d+\.\d+)")
_STACK = "a stack of exposures: the time and the exposure time are not those of a single one"


def speaks(header: Cards) -> bool:
    """Return whether the Pan-STARRS image pipeline wrote the header."""
    telescope = (text_of(header, "TELESCOP", "FPA.TELESCOPE") or "").upper()
    return telescope.startswith(("PS1", "PAN-STARRS", "PANSTARRS")) or "FPA.FILTERID" in header


def translation(header: Cards, name: str) -> Translation:
    """Return filter, time scale and zero point, and what is to be known of the pixels."""
    cards: dict[str, Said] = {
        "SURVEY": "Pan-STARRS1",
        "TELESCOP": text_of(header, "TELESCOP", "FPA.TELESCOPE") or "PS1",
        "INSTRUME": text_of(header, "INSTRUME", "FPA.INSTRUMENT") or "GPC1",
        "TIMESYS": text_of(header, "TIMESYS") or "TAI",
    }
    filter_name = text_of(header, "FPA.FILTERID", "FPA.FILTER", "FILTERID", "FILTER")
    if filter_name:
        cards["FILTER"] = filter_name.partition(".")[0]
    remarks = []
    if "BSOFTEN" in header:
        remarks.append(_NOT_LINEAR)
        cards |= dict.fromkeys(("MAGZERO", "MAGZPT", "MAGZP", "ZEROPT", "PHOTZP", "ZPAVE"))
    elif (zero_point := _zero_point(header)) is not None:
        cards["MAGZERO"] = zero_point
    if ".stk." in name.lower() or "STK_ID" in header or "STK_TYPE" in header:
        remarks.append(_STACK)
    cards["CCDNUM"] = _skycell(header, name)
    return Translation(cards, tuple(remarks))


def _skycell(header: Cards, name: str) -> str | None:
    """Return which piece of the sky's grid the image fills: one exposure covers many."""
    words = (text_of(header, "SKYCELL"), PurePath(name).name, text_of(header, "EXTNAME"))
    found = (_CELL.search(word) for word in words if word)
    return next((f"skycell.{match.group(1)}" for match in found if match), None)


def _zero_point(header: Cards) -> float | None:
    """Return the AB magnitude of one count: FPA.ZP is that of one count per second."""
    value, seconds = number_of(header, "FPA.ZP"), number_of(header, "EXPTIME")
    return value + 2.5 * math.log10(seconds) if value and seconds and seconds > 0 else None
