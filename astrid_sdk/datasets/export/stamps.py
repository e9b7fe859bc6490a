"""The stamps of a triplet, without a FITS library that takes longer than the rest of an export."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.blocks import HduHeader, walk
from astrid_sdk.sky.cutouts import TRIPLET_VERSION, Triplet
from astrid_sdk.sky.sources import BytesSource

_STAMPS = ("SCIENCE", "REFERENCE", "DIFFERENCE")
_FLOAT32 = -32


def stamps_of(content: bytes, name: str) -> NDArray[np.float32]:
    """Return science, reference and difference of a triplet, shape (3, ny, nx).

    Raises
    ------
    InvalidInputError
        It is no triplet, or one of a later format version; the message says which file.
    """
    try:
        hdus = list(walk(BytesSource(content), "it")) if content.startswith(b"SIMPLE") else []
        if _is_as_we_write(hdus):
            return np.stack([_pixels(content, hdu) for hdu in hdus[1:]])
        triplet = Triplet.from_fits(content)
        return np.stack([triplet.science, triplet.reference, triplet.difference])
    except InvalidInputError as error:
        raise InvalidInputError(f"{name!r}: {error.message}", kind=error.kind) from error


def _is_as_we_write(hdus: Sequence[HduHeader]) -> bool:
    """Return whether `Triplet.to_fits` writes files so: what follows the headers are the floats."""
    return (
        len(hdus) == 1 + len(_STAMPS)
        and hdus[0].cards.get("ASTRIDTV") == TRIPLET_VERSION
        and all(map(_is_plain, hdus[1:], _STAMPS))
        and len({hdu.claims.axes for hdu in hdus[1:]}) == 1
    )


def _is_plain(hdu: HduHeader, stamp: str) -> bool:
    claims = hdu.claims
    return (
        hdu.cards.get("EXTNAME") == stamp
        and not claims.is_table
        and (claims.bits, len(claims.axes), claims.groups, claims.extra) == (_FLOAT32, 2, 1, 0)
        and not {"BSCALE", "BZERO"} & set(hdu.cards)
    )


def _pixels(content: bytes, hdu: HduHeader) -> NDArray[np.float32]:
    nx, ny = hdu.claims.axes
    raw = np.frombuffer(content, ">f4", nx * ny, hdu.data_start)
    return raw.reshape(ny, nx).astype(np.float32)
