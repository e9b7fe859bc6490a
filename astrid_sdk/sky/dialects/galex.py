"""GALEX intensity and count maps (GALEX Technical Documentation, chapter 4 and appendix A).

Maps are made of many visits: the header gives the day of the first. The zero points of one count
per second are those of Morrissey et al. 2007, ApJS 173, 682; only intensity maps are in that unit.
"""

import re
from pathlib import PurePath

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects.translation import Said, Translation
from astrid_sdk.sky.words import number_of, text_of

_BANDS = {1: "NUV", 2: "FUV"}
_NAME = re.compile(r"-([nf])[dg]-([a-z]+)\.fits")
_BANDS_BY_LETTER = {"n": "NUV", "f": "FUV"}
_ZERO_POINTS_AB = {"NUV": 20.08, "FUV": 18.82}
_INTENSITIES = ("int", "intbgsub")


def speaks(header: Cards) -> bool:
    """Return whether GALEX took the image."""
    telescope = (text_of(header, "TELESCOP") or "").upper()
    return telescope == "GALEX" or ("MPSTYPE" in header and not telescope)


def translation(header: Cards, name: str) -> Translation:
    """Return the band, the day of the first visit, and the zero point of an intensity map."""
    found = _NAME.search(PurePath(name).name.lower())
    band = _BANDS_BY_LETTER[found.group(1)] if found else _band(header)
    cards: dict[str, Said] = {"SURVEY": "GALEX", "TELESCOP": "GALEX"}
    if "DATE-OBS" not in header and (day := text_of(header, "OBS-DATE")):
        cards["DATE-OBS"] = day
    if band:
        cards |= {"FILTER": band, "CCDNUM": band}  # a detector for each
    if band and found and found.group(2) in _INTENSITIES:
        cards["MAGZERO"] = _ZERO_POINTS_AB[band]
    return Translation(cards)


def _band(header: Cards) -> str | None:
    written = (text_of(header, "FILTER", "BAND") or "").upper()
    number = number_of(header, "BAND")
    return written if written in _ZERO_POINTS_AB else _BANDS.get(int(number or 0))
