"""What differs between two contents: the pixels, or only what stands beside them."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import IO, TypeAlias

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.blocks import HduHeader, walk
from astrid_sdk.sky.sources import FileSource
from astrid_sdk.sky.unpacking import plain_of
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_PIECE_BYTES = 1 << 20
_CHANGES_NUMBERS = ("BSCALE", "BZERO", "BLANK", "ZCMPTYPE", "ZBLANK", "ZSCALE", "ZZERO", "ZQUANTIZ")
_PER_COLUMN = ("TFORM", "TSCAL", "TZERO", "TNULL", "TDIM", "ZNAME", "ZVAL", "ZTILE", "ZNAXIS")

Layout: TypeAlias = tuple[object, ...]


class Change(StrEnum):
    """What differs between two contents under one path."""

    PIXELS = "pixels changed"
    HEADER = "header only"
    BYTES = "bytes changed"  # of what is no FITS file


def compare_contents(
    cas: ContentAddressedStorage, before: tuple[str, str], after: tuple[str, str]
) -> Change:
    """Return what differs between two contents, read verified and as far as it takes.

    Parameters
    ----------
    cas : ContentAddressedStorage
    before, after : (str, str)
        Content hash, and the tier to look in first.
    """
    with _opened(cas, before) as then, _opened(cas, after) as now:
        try:
            with plain_of(then, before[0]) as old, plain_of(now, after[0]) as new:
                return Change.HEADER if _same_data(old, new) else Change.PIXELS
        except InvalidInputError:  # what is no FITS file has no pixels
            return Change.BYTES


def _opened(cas: ContentAddressedStorage, content: tuple[str, str]) -> IO[bytes]:
    content_hash, tier = content
    return cas.open(content_hash, tier=tier or None)


def _same_data(old: IO[bytes], new: IO[bytes]) -> bool:
    """Compare headers' claims first: where these differ, no pixel is read."""
    then, now = _hdus(old), _hdus(new)
    if [_layout(hdu) for hdu in then] != [_layout(hdu) for hdu in now]:
        return False
    return all(
        _pieces(old, one) == _pieces(new, other)
        for hdu, twin in zip(then, now, strict=True)
        for one, other in zip(_parts(hdu), _parts(twin), strict=True)
    )


def _hdus(file: IO[bytes]) -> Sequence[HduHeader]:
    return list(walk(FileSource(file)))


def _layout(hdu: HduHeader) -> Layout:
    """Return what the numbers depend on beside the bytes of the data."""
    words = [word for word in hdu.cards if word in _CHANGES_NUMBERS or word.startswith(_PER_COLUMN)]
    return (hdu.claims, *((word, hdu.cards.get(word)) for word in sorted(words)))


def _parts(hdu: HduHeader) -> Iterator[tuple[int, int]]:
    """Yield where the data of an HDU lie, in pieces: start and length."""
    end = hdu.data_start + hdu.claims.data_bytes
    for start in range(hdu.data_start, end, _PIECE_BYTES):
        yield start, min(_PIECE_BYTES, end - start)


def _pieces(file: IO[bytes], part: tuple[int, int]) -> bytes:
    start, length = part
    file.seek(start)
    return file.read(length)
