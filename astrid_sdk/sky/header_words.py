"""Which cards of a header are what: of the file's structure, of the WCS, or of the exposure."""

import math
import re
from functools import lru_cache

from astrid_sdk.sky.cards import CARD, Cards, Value

# Cards that describe the bytes of one file, a clock or a path: never carried into another file.
_STRUCTURAL_WORDS = """
    SIMPLE BITPIX NAXIS EXTEND XTENSION PCOUNT GCOUNT EXTNAME EXTVER EXTLEVEL BSCALE BZERO BLANK
    BUNIT DATE CHECKSUM DATASUM ZHECKSUM ZDATASUM HISTORY COMMENT FILENAME INHERIT DATAMIN DATAMAX
    TFIELDS ASTRIDFV NEXTEND END
"""
STRUCTURAL = frozenset(_STRUCTURAL_WORDS.split())
# FITS 4.0, table 22, with alternates (CTYPE1A), SIP, the older PC001001 and PROJP1, and IRAF's WAT
# cards, in which TNX and ZPX keep their polynomials.
_WCS_WORD = re.compile(
    r"(?:RADESYS|RADECSYS|EQUINOX|EPOCH|LONPOLE|LATPOLE|WCSAXES|WCSNAME)[A-Z]?"
    r"|(?:CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA|PROJP)\d{1,2}[A-Z]?"
    r"|(?:CD|PC|PV|PS)\d{1,2}_\d{1,3}[A-Z]?"
    r"|(?:CD|PC)\d{6}"
    r"|(?:A|B|AP|BP)_(?:\d_\d|ORDER|DMAX)"
    r"|WAT\d_\d{3}"
)
_TABLE_WORD = re.compile(
    r"(?:TTYPE|TFORM|TUNIT|TDIM|TNULL|TSCAL|TZERO|TDISP|TBCOL|TUCD|TCOMM|TCTYP|TCUNI|TCRVL|TCRPX"
    r"|TCDLT|TLMIN|TLMAX|TDMIN|TDMAX|WCAX|1CTYP|2CTYP|1CRPX|2CRPX|1CRVL|2CRVL|1CDLT|2CDLT|1CUNI"
    r"|2CUNI|WCSN\d*P?|RADE|LONP|LATP|EQUI)\d{1,4}[A-Z]?"
    r"|\d{1,3}(?:C|P)\d*[A-Z]?\d*|\d{2}PC\d+"
)
_PACKED_WORD = re.compile(
    r"Z(?:IMAGE|SIMPLE|EXTEND|TENSION|BITPIX|NAXIS\d*|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|QUANTIZ"
    r"|DITHER0|BLANK|SCALE|ZERO|PCOUNT|GCOUNT|MASKCMP|BLOCKED)|FZALGOR|FZDTHRSD|FZQ\w*|THEAP"
)
MAX_CARDS = 1000
MAX_CARDS_BYTES = 48_000
_LONGEST_TEXT = 120  # a longer one is a history, a list of inputs, a licence
# What people ask for comes first, so that a header of a thousand cards keeps it.
_WANTED_WORDS = """
    OBJECT OBSERVER PROPID PROGRAM PROPOSER PI PI-COI PROJECT SURVEY TELESCOP INSTRUME DETECTOR
    CAMERA OBSERVAT SITEID FILTER FILTER1 FILTER2 FILTERID EXPTIME EXPOSURE DARKTIME NCOMBINE
    DATE-OBS TIME-OBS DATE-BEG DATE-AVG DATE-END MJD-OBS MJD-END EXPSTART EXPEND OBSMJD TIMESYS
    AIRMASS SECZ ZD HA AZ ALT MOONANGL MOONPHAS MOONFRAC SEEING FWHM DIMMSEE L1FWHM GAIN EGAIN
    RDNOISE READNOIS SATURATE MAGZERO MAGZPT MAGZP MAGLIM PHOTFLAM PHOTPLAM ZEROPT NMGY SKYLEVEL
    CCD-TEMP XBINNING YBINNING CCDSUM IMAGETYP OBSTYPE OBS-TYPE PROCTYPE PRODTYPE OBSID OBS_ID
    EXPNUM EXPID ROOTNAME CCDNUM CCDID QID CCD SECTOR FIELD FIELDID RUN CAMCOL SKYCELL TARGNAME
    TARG_ID STK_TYPE FPA.FILTERID FPA.AIRMASS QUALITY PLVER ORIGIN SWCREATE
"""
_WANTED = tuple(_WANTED_WORDS.split())


@lru_cache(maxsize=8192)
def is_wcs_word(word: str) -> bool:
    """Return whether cards called `word` make a WCS."""
    return _WCS_WORD.fullmatch(word) is not None


@lru_cache(maxsize=8192)
def _is_wcs_field(word: str) -> bool:
    return is_wcs_word(word.rstrip())


@lru_cache(maxsize=8192)
def is_descriptive(word: str) -> bool:
    """Return whether cards called `word` describe the exposure: no structure, WCS, clock, path."""
    structural = word in STRUCTURAL or word.startswith(("NAXIS", "TTYPE", "TFORM", "ZNAXIS"))
    return bool(word) and not structural and not is_wcs_word(word)


@lru_cache(maxsize=1024)
def wcs_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `words` that make a WCS; asked once for each kind of header."""
    return tuple(word for word in words if is_wcs_word(word))


def wcs_text(text: str) -> str:
    """Return the cards of a header's `text` that make its WCS, verbatim."""
    starts = range(0, len(text), CARD)
    return "".join([text[at : at + CARD] for at in starts if _is_wcs_field(text[at : at + 8])])


def searchable(cards: Cards) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return the cards that people search for, and a remark where there were too many to keep.

    At most `MAX_CARDS` and `MAX_CARDS_BYTES` are kept. Structure, WCS, columns, compression,
    checksums, commentary and long texts are none. Those that are asked for most come first, then
    the others in their order.
    """
    asked = _asked_for(cards.layout)
    if len(asked) <= MAX_CARDS and _most_bytes(cards) <= MAX_CARDS_BYTES:
        return {word: cards[word] for word in asked if _is_searchable(cards[word])}, ()
    kept: dict[str, Value] = {}
    room, left_out = MAX_CARDS_BYTES, 0
    for word in asked:
        value = cards[word]
        if not _is_searchable(value):
            continue
        size = len(word) + len(str(value)) + 8
        if size > room or len(kept) == MAX_CARDS:
            left_out += 1
            continue
        kept[word] = value
        room -= size
    remark = f"{left_out} cards of its long header are not kept for searches"
    return kept, (remark,) if left_out else ()


def _most_bytes(cards: Cards) -> int:
    """Return more than all cards together take: a number is written in 25 letters at the most."""
    return sum(map(len, cards.texts.values())) + 33 * len(cards)


@lru_cache(maxsize=1024)
def _asked_for(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `words` that people search for, the most wanted first."""
    present = frozenset(words)
    wanted = (word for word in _WANTED if word in present)
    return tuple(word for word in dict.fromkeys((*wanted, *words)) if _is_asked_for(word))


def _is_searchable(value: Value) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= _LONGEST_TEXT
    if isinstance(value, float):
        return math.isfinite(value)
    return abs(value) < 2**63


def _is_asked_for(word: str) -> bool:
    packing = _TABLE_WORD.fullmatch(word) or _PACKED_WORD.fullmatch(word)
    return is_descriptive(word) and not packing
