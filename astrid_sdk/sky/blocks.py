"""The structure of a FITS file, before any library believes it.

A FITS file is a row of header-data units in blocks of 2880 bytes (FITS Standard 4.0, section 3).
The walk below reads the headers only, so that one that claims more than the bytes hold, or more
than memory can, is refused before a pixel is allocated.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.cards import CARD, Cards
from astrid_sdk.sky.remembered import remembered
from astrid_sdk.sky.sources import BytesSource, Source
from astrid_sdk.sky.unpacking import FREE_BYTES, MAX_PLAIN_BYTES, MAX_RATIO

BLOCK = 2880
MAX_PIXELS = 2**29  # of one image: 2 GiB as float32
_MAX_AXES = 999
_TABLE_AXES = 2
_WIDEST_BYTES = 8  # of a FITS number
_READ_BYTES = 4 * BLOCK
_MAX_HEADER_BYTES = 1000 * BLOCK
_MAX_HDUS = 4096
_END = b"END".ljust(CARD)
_BITS = frozenset({8, 16, 32, 64, -32, -64})


@dataclass(frozen=True, slots=True)
class Claims:
    """What one header says about the data behind it.

    Attributes
    ----------
    is_table : bool
        Of any kind; a tile-compressed image is one too.
    bits : int
        BITPIX.
    axes : tuple of int
        NAXIS1 and so on.
    groups, extra : int
        GCOUNT and PCOUNT.
    packed_axes, tiles : tuple of int
        Of the image inside a tile-compressed table; empty elsewhere.
    """

    is_table: bool
    bits: int
    axes: tuple[int, ...]
    groups: int
    extra: int
    packed_axes: tuple[int, ...]
    tiles: tuple[int, ...]

    @property
    def data_bytes(self) -> int:
        """Size of the data, without padding (FITS 4.0, eq. 1 and 2)."""
        axes = self.axes[1:] if self.axes and self.axes[0] == 0 else self.axes
        if not axes:
            return 0
        return abs(self.bits) // 8 * self.groups * (self.extra + math.prod(axes))


@dataclass(frozen=True, slots=True, eq=False)
class HduHeader:
    """The header of one HDU: its number, its text and cards, what it claims, where data begin."""

    index: int
    text: str
    cards: Cards
    claims: Claims
    data_start: int


def check_structure(plain: bytes, name: str = "") -> dict[int, int]:
    """Walk the HDUs of `plain` and refuse what is not FITS, not all there, or too large.

    Returns
    -------
    dict of int to int
        The HDU numbers of tile-compressed images, and the bytes that one tile of each holds.

    Raises
    ------
    InvalidInputError
        Kind ``not_fits``, ``truncated`` or ``too_large``.
    """
    return tile_bytes(walk(BytesSource(plain), name))


def tile_bytes(hdus: Iterable[HduHeader]) -> dict[int, int]:
    """Return the numbers of the tile-compressed images, and the bytes one tile of each holds."""
    return {
        hdu.index: _WIDEST_BYTES * math.prod(hdu.claims.tiles)
        for hdu in hdus
        if hdu.claims.packed_axes
    }


def walk(source: Source, name: str = "") -> Iterator[HduHeader]:
    """Yield the header of each HDU of `source`, checked against the bytes there are.

    Raises
    ------
    InvalidInputError
        Kind ``not_fits``, ``truncated`` or ``too_large``.
    """
    label = name or "the file"
    start_bytes = source.read_at(0, 16)
    if not start_bytes.startswith(b"SIMPLE  ="):
        raise InvalidInputError(
            f"{label} is not a FITS file: it begins with {start_bytes!r}", kind="not_fits"
        )
    start = 0
    for index in range(_MAX_HDUS):
        if start and source.read_at(start, 8) != b"XTENSION":
            return
        text, data_start = _header_text(source, start, label)
        cards = Cards.parse(text)
        claims = _claims(cards, label)
        _check_claims(claims, source.size - data_start, label)
        yield HduHeader(index, text, cards, claims, data_start)
        start = data_start + -(-claims.data_bytes // BLOCK) * BLOCK
    raise InvalidInputError(f"{label} has more than {_MAX_HDUS} HDUs: cut it up", kind="too_large")


def _header_text(source: Source, start: int, label: str) -> tuple[str, int]:
    """Return the cards before END of the header at `start`, and where its data begin."""
    raw = b""
    while len(raw) < _MAX_HEADER_BYTES:
        piece = source.read_at(start + len(raw), _READ_BYTES)
        searched = max(0, len(raw) - CARD)
        raw += piece
        end = _end_card(raw, searched)
        if end is not None:
            text = raw[:end].decode("ascii", "replace").replace("\ufffd", "?")
            return text, start + -(-(end + CARD) // BLOCK) * BLOCK
        if not piece:
            break
    raise InvalidInputError(
        f"{label} is truncated: a header has no END card; fetch it again", kind="truncated"
    )


def _end_card(raw: bytes, searched: int) -> int | None:
    """Return where the END card is, which stands where a card can."""
    found = raw.find(_END, searched)
    while found >= 0 and found % CARD:
        found = raw.find(_END, found + 1)
    return found if found >= 0 else None


def _claims(cards: Cards, label: str) -> Claims:
    try:
        return _claimed(cards)
    except (KeyError, ValueError) as error:
        raise InvalidInputError(
            f"{label} is not a FITS file: a header lacks sound BITPIX and NAXIS cards",
            kind="not_fits",
        ) from error


@remembered
def _claimed(cards: Cards) -> Claims:
    """Return the claims.

    Raises
    ------
    KeyError, ValueError
        They are incomplete, or unsound.
    """
    packed = cards.get("ZIMAGE") is True
    return Claims(
        is_table="TABLE" in str(cards.get("XTENSION", "")),
        bits=_bits(cards),
        axes=_axes(cards, "NAXIS"),
        groups=_count(cards, "GCOUNT", 1),
        extra=_count(cards, "PCOUNT", 0),
        packed_axes=_axes(cards, "ZNAXIS") if packed else (),
        tiles=_tiles(cards) if packed else (),
    )


def _bits(cards: Cards) -> int:
    bits = cards["BITPIX"]
    if bits not in _BITS:
        raise ValueError(bits)
    return int(bits)


def _count(cards: Cards, word: str, default: int | None = None) -> int:
    count = cards[word] if default is None else cards.get(word, default)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(word)
    return count


def _axes(cards: Cards, word: str) -> tuple[int, ...]:
    count = min(_count(cards, word), _MAX_AXES)
    return tuple(_count(cards, f"{word}{axis + 1}") for axis in range(count))


def _tiles(cards: Cards) -> tuple[int, ...]:
    """Return the tile lengths; by default a tile is one row (FITS 4.0, section 10.1)."""
    axes = _axes(cards, "ZNAXIS")
    defaults = (axes[0], *[1] * (len(axes) - 1)) if axes else ()
    return tuple(
        max(1, _count(cards, f"ZTILE{axis + 1}", default)) for axis, default in enumerate(defaults)
    )


def _check_claims(claims: Claims, present: int, label: str) -> None:
    """Refuse claims beyond the limits, then claims beyond the `present` bytes."""
    axes = claims.packed_axes or (() if claims.is_table else claims.axes)
    pixels = math.prod(axes or (0,))
    if pixels > MAX_PIXELS or claims.data_bytes > MAX_PLAIN_BYTES:
        sides = " x ".join(map(str, axes or claims.axes))
        raise InvalidInputError(
            f"{label} claims to hold {sides} values, more than the limit: cut it up",
            kind="too_large",
        )
    if claims.data_bytes > present:
        raise InvalidInputError(
            f"{label} is truncated: {claims.data_bytes} bytes of data announced, "
            f"{max(present, 0)} there; fetch it again",
            kind="truncated",
        )
    if claims.packed_axes:
        _check_tiles(claims, label)


def _check_tiles(claims: Claims, label: str) -> None:
    """Refuse a tile-compressed image whose table cannot hold the tiles it needs."""
    counts = zip(claims.packed_axes, claims.tiles, strict=True)
    needed = math.prod(-(-length // tile) for length, tile in counts)
    if len(claims.axes) != _TABLE_AXES or claims.axes[1] != needed:
        raise InvalidInputError(
            f"{label} is damaged: its compressed image needs {needed} tiles", kind="truncated"
        )
    plain_bytes = 4 * math.prod(claims.packed_axes)
    largest_tile = math.prod(claims.tiles)
    if largest_tile > MAX_PIXELS or plain_bytes > max(FREE_BYTES, MAX_RATIO * claims.data_bytes):
        raise InvalidInputError(
            f"{label} unpacks to {plain_bytes} bytes from {claims.data_bytes}: send it unpacked",
            kind="too_large",
        )
