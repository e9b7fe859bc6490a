"""ZTF science, mask and difference images (ZTF Science Data System Explanatory Supplement).

OBSMJD is the start of the exposure, UTC, as is the ``jd`` of the alerts; MAGZP is calibrated to
Pan-STARRS1, which is AB, for the image as it is; SEEING is in pixels of one arcsecond.
"""

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects.translation import Said, Translation
from astrid_sdk.sky.words import text_of, word_of


def speaks(header: Cards) -> bool:
    """Return whether ZTF's camera took the image."""
    return (text_of(header, "INSTRUME") or "").upper().startswith("ZTF")


def translation(header: Cards, name: str) -> Translation:
    """Return survey and quadrant."""
    del name
    cards: dict[str, Said] = {"SURVEY": "ZTF"}
    chip, quadrant = word_of(header, "CCDID", "CCD_ID"), word_of(header, "QID", "QUADRANT")
    if chip and quadrant:
        cards["CCDNUM"] = f"{chip}-{quadrant}"
    return Translation(cards)
