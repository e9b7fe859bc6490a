"""Swift UVOT images (Swift UVOT Software Guide; Swift Data Analysis Guide, "Time").

TSTART counts seconds of the spacecraft's clock from MJDREF, terrestrial time. That clock drifts by
tens of seconds; UTCFINIT, where it is given, takes drift and leap seconds away: UTC is 2001 January
1, plus TSTART, plus UTCFINIT. DATE-OBS is written from the same clock and comes second.
"""

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects.translation import Said, Translation
from astrid_sdk.sky.words import number_of, text_of

_MJD_2001 = 51910.0
_DAY_S = 86400.0
_LARGEST_CORRECTION_S = 120.0
_FILTERS = {
    "uw2": "UVW2", "um2": "UVM2", "uw1": "UVW1", "uuu": "U", "ubb": "B", "uvv": "V", "uwh": "WHITE",
    "ugu": "UGRISM", "ugv": "VGRISM",
}  # fmt: skip


def speaks(header: Cards) -> bool:
    """Return whether Swift's ultraviolet telescope took the image."""
    is_swift = (text_of(header, "TELESCOP") or "").upper() == "SWIFT"
    return is_swift and (text_of(header, "INSTRUME") or "").upper().startswith("UVOT")


def translation(header: Cards, name: str) -> Translation:
    """Return the start by the spacecraft's clock, and the filter of the HDU."""
    del name
    cards: dict[str, Said] = {"SURVEY": "Swift"}
    start = number_of(header, "TSTART")
    reference = number_of(header, "MJDREFI")
    correction = number_of(header, "UTCFINIT")
    if start is not None and correction is not None and abs(correction) < _LARGEST_CORRECTION_S:
        moment = _MJD_2001 + (start + correction) / _DAY_S
        cards |= {"MJD-BEG": (moment, "UTC"), "DATE-OBS": None}
    elif start is not None and reference is not None:
        moment = reference + (number_of(header, "MJDREFF") or 0.0) + start / _DAY_S
        cards |= {"MJD-BEG": (moment, "TT"), "DATE-OBS": None}
    named = _FILTERS.get((text_of(header, "EXTNAME") or "").lower()[:3])
    if named and not text_of(header, "FILTER"):
        cards["FILTER"] = named
    return Translation(cards)
