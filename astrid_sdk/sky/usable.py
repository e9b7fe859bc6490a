"""Whether a file is worth keeping: it shows the sky, and has at least one value in it."""

import math
import re
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.blocks import HduHeader
from astrid_sdk.sky.dialect import FrameType, frame_type_of
from astrid_sdk.sky.hdus import cards_of, planes_in
from astrid_sdk.sky.sources import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NOT_LIGHT = (FrameType.BIAS, FrameType.DARK, FrameType.FLAT)
_CHUNK = 2**16
_FLOATS = {-32: struct.Struct(">64f"), -64: struct.Struct(">32d")}
_UNSIGNED_BITS = 8  # FITS's one unsigned type
_DESCRIPTOR = re.compile(r"1?([PQ])B")  # a column of arrays of bytes, each of its own length


def usable_planes(source: Source, hdus: Sequence[HduHeader], name: str = "") -> Sequence[HduHeader]:
    """Return the images of a file; refuse what shows no sky and holds no table, or shows nothing.

    Pixels are read up to the first one that has a value.

    Raises
    ------
    InvalidInputError
        Kind ``no_image``, ``cube``, ``calibration_frame`` or ``no_pixels``.
    """
    planes = planes_in(hdus, name)
    if not planes:
        return planes
    frame_type = frame_type_of(cards_of(planes[0], hdus[0]))
    if frame_type in _NOT_LIGHT:
        raise InvalidInputError(
            f"{name or 'the file'} is a {frame_type} frame, not a picture of the sky: "
            "calibration frames are kept elsewhere",
            kind="calibration_frame",
        )
    if not any(_has_value(source, hdus, plane, name) for plane in planes):
        raise InvalidInputError(
            f"{name or 'the file'} has no pixel with a value: every one is blank or NaN",
            kind="no_pixels",
        )
    return planes


def _has_value(source: Source, hdus: Sequence[HduHeader], hdu: HduHeader, name: str) -> bool:
    bits = hdu.cards.get("ZBITPIX", hdu.claims.bits)
    if isinstance(bits, int) and bits > 0 and not {"BLANK", "ZBLANK"} & set(hdu.cards):
        return True
    if hdu.claims.packed_axes and _has_quantised_tile(source, hdu):
        return True
    if hdu.claims.packed_axes:
        # Only a FITS library can unpack tiles, and only such files need it.
        from astrid_sdk.sky.fits_files import packed_has_value  # noqa: PLC0415

        return packed_has_value(source, hdus, hdu, name)
    if _begins_with_value(source, hdu):
        return True
    return any(_holds_value(raw, hdu) for raw in _chunks(source, hdu))


def _begins_with_value(source: Source, hdu: HduHeader) -> bool:
    """Return whether one of the first pixels is a finite number: nearly always that is so."""
    form = _FLOATS.get(hdu.claims.bits)
    if form is None or hdu.claims.data_bytes < form.size:
        return False
    return any(map(math.isfinite, form.unpack(source.read_at(hdu.data_start, form.size))))


def _has_quantised_tile(source: Source, hdu: HduHeader) -> bool:
    """Return whether a tile of floating-point values was stored as scaled integers.

    The scale comes from the noise of the values: a tile without any is stored as it is, elsewhere
    (Pence et al. 2010, PASP 122, 1065). So the lengths of the tiles tell, and none is unpacked.
    """
    names = {hdu.cards.get(f"TTYPE{place}") for place in range(1, 10)}
    packed = _DESCRIPTOR.match(str(hdu.cards.get("TFORM1", "")))
    if hdu.cards.get("TTYPE1") != "COMPRESSED_DATA" or "ZSCALE" not in names or packed is None:
        return False
    import numpy as np  # noqa: PLC0415 - most files are known to be usable without it

    width, rows = hdu.claims.axes
    dtype = np.dtype(">i4" if packed.group(1) == "P" else ">i8")
    raw = np.frombuffer(source.read_at(hdu.data_start, width * rows), "u1").reshape(rows, width)
    lengths = np.ascontiguousarray(raw[:, : dtype.itemsize]).view(dtype)
    return bool((lengths > 0).any())


def _chunks(source: Source, hdu: HduHeader) -> "Iterator[NDArray[np.generic]]":
    """Yield the raw pixels of an image piece by piece."""
    import numpy as np  # noqa: PLC0415 - see above

    bits = hdu.claims.bits
    kind = "f" if bits < 0 else "u" if bits == _UNSIGNED_BITS else "i"
    dtype = np.dtype(f">{kind}{abs(bits) // 8}")
    for start in range(0, hdu.claims.data_bytes, _CHUNK):
        count = min(_CHUNK, hdu.claims.data_bytes - start)
        yield np.frombuffer(source.read_at(hdu.data_start + start, count), dtype)


def _holds_value(raw: "NDArray[np.generic]", hdu: HduHeader) -> bool:
    import numpy as np  # noqa: PLC0415 - see above

    if raw.dtype.kind == "f":
        return bool(np.isfinite(raw).any())
    blank = hdu.cards.get("BLANK")
    return not isinstance(blank, int) or bool((raw != blank).any())
