"""The bytes of a FITS file before any library believes them: unpacking and structure.

A FITS file is a row of header-data units in blocks of 2880 bytes (FITS Standard 4.0, section 3).
The walk below reads only the mandatory keywords, so that a header that claims more than the bytes
hold, or more than memory can, is refused before a pixel is allocated.
"""

import io
import math
import zlib
from dataclasses import dataclass

from astrid_sdk.errors import InvalidInputError

BLOCK = 2880
CARD = 80
MAX_PLAIN_BYTES = 4 * 2**30  # of one file after unpacking
MAX_PIXELS = 2**29  # of one image: 2 GiB as float32
FREE_BYTES = 256 * 2**20  # up to here any compression ratio is harmless
MAX_RATIO = 200  # of plain to packed bytes beyond that
_CHUNK_IN, _CHUNK_OUT = 2**18, 2**22
_MAX_AXES = 999
_TABLE_AXES = 2
_WIDEST_BYTES = 8  # of a FITS number
_MAX_HEADER_BYTES = 1000 * BLOCK
_MAX_HDUS = 4096
_GZIP = b"\x1f\x8b"
_STRUCTURE = frozenset(
    {"XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "GROUPS", "ZIMAGE", "ZBITPIX", "ZNAXIS"}
)


@dataclass(frozen=True, slots=True)
class _Claims:
    """What one header says about the data behind it."""

    is_table: bool
    bits: int
    axes: tuple[int, ...]
    groups: int
    extra: int
    packed_axes: tuple[int, ...]  # of the image inside a tile-compressed table
    tiles: tuple[int, ...]

    @property
    def data_bytes(self) -> int:
        """Size of the data, without padding (FITS 4.0, eq. 1 and 2)."""
        axes = self.axes[1:] if self.axes and self.axes[0] == 0 else self.axes
        if not axes:
            return 0
        return abs(self.bits) // 8 * self.groups * (self.extra + math.prod(axes))


def decompressed(content: bytes, name: str = "") -> bytes:
    """Return `content` unpacked where it is gzip, itself otherwise, within `MAX_PLAIN_BYTES`.

    Raises
    ------
    InvalidInputError
        Kind ``empty``, ``truncated``, ``not_fits`` (damaged gzip) or ``too_large`` (a bomb).
    """
    label = name or "the file"
    if not content:
        raise InvalidInputError(f"{label} is empty: fetch it again", kind="empty")
    if not content.startswith(_GZIP):
        return content
    plain, start = io.BytesIO(), 0
    limit = min(MAX_PLAIN_BYTES, max(FREE_BYTES, MAX_RATIO * len(content)))
    try:
        while content.startswith(_GZIP, start):
            start = _unpack_member(content, start, plain, limit)
    except zlib.error as error:
        raise InvalidInputError(
            f"{label} is a damaged gzip file: fetch it again", kind="not_fits"
        ) from error
    except EOFError as error:
        raise InvalidInputError(
            f"{label} is truncated: its gzip stream ends early; fetch it again", kind="truncated"
        ) from error
    except OverflowError as error:
        raise InvalidInputError(
            f"{label} unpacks to more than {limit} bytes: send it unpacked", kind="too_large"
        ) from error
    return plain.getvalue()  # shares the buffer: no second copy


def _unpack_member(packed: bytes, start: int, plain: io.BytesIO, limit: int) -> int:
    """Append the gzip member at `start` to `plain`; return where the next one begins.

    Raises
    ------
    zlib.error, EOFError, OverflowError
        The member is damaged, cut short, or takes `plain` beyond `limit` bytes.
    """
    unpacker = zlib.decompressobj(wbits=31)
    while not unpacker.eof:
        chunk = feed = packed[start : start + _CHUNK_IN]
        if not chunk:
            raise EOFError(start)
        while feed:
            plain.write(unpacker.decompress(feed, _CHUNK_OUT))
            if plain.tell() > limit:
                raise OverflowError(limit)
            feed = unpacker.unconsumed_tail
        start += len(chunk) - len(unpacker.unused_data)
    return start


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
    label = name or "the file"
    if not plain.startswith(b"SIMPLE  ="):
        raise InvalidInputError(
            f"{label} is not a FITS file: it begins with {plain[:16]!r}", kind="not_fits"
        )
    start = 0
    compressed: dict[int, int] = {}
    for index in range(_MAX_HDUS):
        if start and not plain.startswith(b"XTENSION", start):
            return compressed
        cards, data_start = _header_cards(plain, start, label)
        claims = _claims(cards, label)
        _check_claims(claims, len(plain) - data_start, label)
        if claims.packed_axes:
            compressed[index] = _WIDEST_BYTES * math.prod(claims.tiles)
        start = data_start + -(-claims.data_bytes // BLOCK) * BLOCK
    raise InvalidInputError(f"{label} has more than {_MAX_HDUS} HDUs: cut it up", kind="too_large")


def _header_cards(plain: bytes, start: int, label: str) -> tuple[dict[str, str], int]:
    """Return the structural cards of the header at `start`, and where its data begin."""
    cards: dict[str, str] = {}
    for position in range(start, min(len(plain), start + _MAX_HEADER_BYTES), CARD):
        card = plain[position : position + CARD].decode("latin-1")
        keyword = card[:8].rstrip()
        if keyword == "END" and not card[8:].strip():
            return cards, start + -(-(position + CARD - start) // BLOCK) * BLOCK
        if keyword.rstrip("0123456789") in {"NAXIS", "ZNAXIS", "ZTILE"} or keyword in _STRUCTURE:
            cards.setdefault(keyword, card[10:].partition("/")[0].strip())
    raise InvalidInputError(
        f"{label} is truncated: a header has no END card; fetch it again", kind="truncated"
    )


def _claims(cards: dict[str, str], label: str) -> _Claims:
    try:
        return _Claims(
            is_table="TABLE" in cards.get("XTENSION", ""),
            bits=int(cards["BITPIX"]),
            axes=_axes(cards, "NAXIS"),
            groups=_count(cards.get("GCOUNT", "1")),
            extra=_count(cards.get("PCOUNT", "0")),
            packed_axes=_axes(cards, "ZNAXIS") if cards.get("ZIMAGE") == "T" else (),
            tiles=_tiles(cards),
        )
    except (KeyError, ValueError) as error:
        raise InvalidInputError(
            f"{label} is not a FITS file: a header lacks sound BITPIX and NAXIS cards",
            kind="not_fits",
        ) from error


def _count(text: str) -> int:
    if (count := int(text)) < 0:
        raise ValueError(text)
    return count


def _axes(cards: dict[str, str], word: str) -> tuple[int, ...]:
    count = min(_count(cards[word]), _MAX_AXES)
    return tuple(_count(cards[f"{word}{axis + 1}"]) for axis in range(count))


def _tiles(cards: dict[str, str]) -> tuple[int, ...]:
    """Return the tile lengths; by default a tile is one row (FITS 4.0, section 10.1)."""
    if cards.get("ZIMAGE") != "T":
        return ()
    axes = _axes(cards, "ZNAXIS")
    defaults = (axes[0], *[1] * (len(axes) - 1)) if axes else ()
    return tuple(
        max(1, int(cards.get(f"ZTILE{axis + 1}", default))) for axis, default in enumerate(defaults)
    )


def _check_claims(claims: _Claims, present: int, label: str) -> None:
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


def _check_tiles(claims: _Claims, label: str) -> None:
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
