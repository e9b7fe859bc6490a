"""Opening the FITS files that strangers send, without trusting a word of their headers.

The structure is checked by `astrid_sdk.sky.blocks` before any library allocates a pixel: what a
header claims must be within the limits and present in the bytes. Everything that astropy may then
raise is translated here, and here only.
"""

import io
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
from astropy.io import fits
from astropy.io.fits.hdu.compressed._compression import CfitsioException  # has no public name
from numpy.typing import NDArray

from astrid_sdk.errors import AstridError, InvalidInputError
from astrid_sdk.sky.blocks import HduHeader, check_structure, tile_bytes, walk
from astrid_sdk.sky.dialect import Role, role_of
from astrid_sdk.sky.frame import RawImage, descriptive_cards, wcs_cards
from astrid_sdk.sky.hdus import cube
from astrid_sdk.sky.sources import BytesSource, FileSource, Source
from astrid_sdk.sky.unpacking import FREE_BYTES, decompressed
from astrid_sdk.sky.usable import usable_planes

_DEFLATE_RATIO = 1032  # the most that deflate can unpack a byte to
# What astropy raised on files with random bytes flipped, in headers and in compressed tiles.
_FOREIGN_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    zlib.error,
    fits.VerifyError,
    CfitsioException,
)


@dataclass(frozen=True, slots=True)
class ImageHduInfo:
    """One two-dimensional image in a FITS file.

    Attributes
    ----------
    index : int
        Number of the HDU in the file; the primary is 0.
    name : str
        EXTNAME, or an empty string.
    shape : tuple of int
        Rows and columns: (ny, nx).
    role : Role
        Image, weight or mask.
    """

    index: int
    name: str
    shape: tuple[int, int]
    role: Role


@contextmanager
def open_fits(content: bytes, name: str = "") -> Iterator[fits.HDUList]:
    """Open FITS bytes, gzip-packed or not, after checking that they hold what they claim.

    Parameters
    ----------
    content : bytes
        The file.
    name : str, optional
        Its name, for messages.

    Yields
    ------
    astropy.io.fits.HDUList
        With unscaled data, read on demand. Errors that astropy raises inside the ``with`` block
        are translated too.

    Raises
    ------
    InvalidInputError
        With kind ``empty``, ``not_fits``, ``truncated`` or ``too_large``.
    """
    plain = decompressed(content, name)
    compressed = check_structure(plain, name)
    with _translated(name):
        if compressed:
            _check_gzip_tiles(io.BytesIO(plain), compressed, name)
        with fits.open(io.BytesIO(plain), memmap=False, do_not_scale_image_data=True) as hdus:
            yield hdus


@contextmanager
def open_fits_file(file: IO[bytes], name: str = "") -> Iterator[fits.HDUList]:
    """Open an unpacked FITS file that can seek, reading no more of it than is asked for.

    Checks, errors and what is yielded are those of `open_fits`; the file stays open.
    """
    source = FileSource(file)
    compressed = tile_bytes(walk(source, name))
    with _translated(name):
        if compressed:
            _check_gzip_tiles(source.as_file(), compressed, name)
        with _left_open(source.as_file(), do_not_scale_image_data=True) as hdus:
            yield hdus


class Plane:
    """An image whose pixels are read when they are asked for: ``plane[low:high, left:right]``.

    Parameters
    ----------
    hdu : astropy.io.fits.ImageHDU
        With one plane, of an open file.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx).
    """

    def __init__(self, hdu: fits.ImageHDU) -> None:
        *self._planes, ny, nx = hdu.shape
        self._hdu = hdu
        self.shape = (int(ny), int(nx))

    def __getitem__(self, window: tuple[slice, slice]) -> NDArray[np.float32]:
        """Return the pixels in a window, scaled as `read_image` scales them."""
        pixels = self._hdu.section[(*[0] * len(self._planes), *window)]
        return _scaled(pixels, self._hdu.header)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn what astropy raises about a damaged file into our error, and silence its remarks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what astropy remarks about strangers' cards is no news
        try:
            yield
        except AstridError:  # some of ours are OSErrors too
            raise
        except _FOREIGN_ERRORS as error:
            raise InvalidInputError(
                f"{name or 'the file'} is damaged: its FITS structure cannot be read "
                f"({type(error).__name__}); fetch it again from its source",
                kind="not_fits",
            ) from error


def image_hdus(content: bytes, name: str = "") -> list[ImageHduInfo]:
    """Return the two-dimensional images in `content`, in file order; tables are passed over.

    Raises
    ------
    InvalidInputError
        As `open_fits`; kind ``no_image`` where there is none, ``cube`` where all are cubes.
    """
    with open_fits(content, name) as hdus:
        return images_in(hdus, name)


def images_in(hdus: fits.HDUList, name: str = "") -> list[ImageHduInfo]:
    """Return the two-dimensional images in an open file; see `image_hdus`."""
    images = [(index, hdu) for index, hdu in enumerate(hdus) if is_image(hdu)]
    planes = [(*item, shape) for item in images if (shape := _plane_shape(item[1])) is not None]
    if images and not planes:
        raise cube(tuple(images[0][1].shape), name)
    if not planes:
        raise InvalidInputError(
            f"{name or 'the file'} holds no two-dimensional image: send the image, not the table",
            kind="no_image",
        )
    return [
        ImageHduInfo(
            index=index,
            name=str(hdu.name),
            shape=shape,
            role=role_of(str(hdu.name), (hdu.header, hdus[0].header), name),
        )
        for index, hdu, shape in planes
    ]


def read_image(content: bytes, hdu_index: int, name: str = "") -> RawImage:
    """Return the image in HDU `hdu_index` as float32 with BSCALE, BZERO and BLANK applied.

    Raises
    ------
    InvalidInputError
        As `open_fits`; kind ``no_image`` or ``cube`` where the HDU is not a plane.
    """
    with open_fits(content, name) as hdus:
        return read_hdu(hdus, hdu_index)


def read_hdu(hdus: fits.HDUList, hdu_index: int) -> RawImage:
    """Return the image in HDU `hdu_index` of an open file; see `read_image`."""
    if not 0 <= hdu_index < len(hdus) or not is_image(hdus[hdu_index]):
        raise InvalidInputError(f"HDU {hdu_index} holds no image", kind="no_image")
    hdu = hdus[hdu_index]
    shape = _plane_shape(hdu)
    if shape is None:
        raise InvalidInputError(f"HDU {hdu_index} is a data cube {hdu.shape}", kind="cube")
    data = _scaled(hdu.data.reshape(shape), hdu.header)
    return RawImage(data=data, header=merged_header(hdus, hdu_index))


def check_usable(content: bytes, name: str = "") -> None:
    """Refuse a file with neither a science image nor a table.

    Raises
    ------
    InvalidInputError
        As `open_fits`; kind ``no_image`` or ``cube``, ``calibration_frame`` for bias, dark and
        flat frames, ``no_pixels`` where no pixel of any image has a value.
    """
    source = BytesSource(decompressed(content, name))
    usable_planes(source, list(walk(source, name)), name)


def packed_has_value(
    source: Source, hdus: Sequence[HduHeader], hdu: HduHeader, name: str = ""
) -> bool:
    """Return whether a tile-compressed image has a pixel with a value, unpacking no more tiles.

    Raises
    ------
    InvalidInputError
        Kind ``not_fits`` or ``too_large``: a tile is damaged, or unpacks beyond its size.
    """
    with _translated(name):
        _check_gzip_tiles(source.as_file(), tile_bytes(hdus), name)
        file = source.as_file()
        with _left_open(file, do_not_scale_image_data=True) as opened:
            image = opened[hdu.index]
            rows = max(1, hdu.claims.tiles[1] if len(hdu.claims.tiles) > 1 else 1)
            pieces = (image.section[..., y : y + rows, :] for y in range(0, image.shape[-2], rows))
            return any(np.isfinite(_scaled(piece, image.header)).any() for piece in pieces)


def is_image(hdu: fits.PrimaryHDU) -> bool:
    """Return whether `hdu` is an image with at least two real axes; tables and spectra are not."""
    if not isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)):
        return False
    shape = tuple(hdu.shape)
    return len(shape) > 1 and min(shape[-2:]) > 1


def merged_header(hdus: fits.HDUList, hdu_index: int) -> fits.Header:
    """Return the cards of an HDU over the primary's, without structure (kept: BUNIT).

    The WCS is not inherited from a primary that has pixels of its own, nor where INHERIT is F or
    the HDU has one itself: it belongs to those pixels, while the description of the exposure holds
    for all.
    """
    primary, own = _cards(hdus[0].header), _cards(hdus[hdu_index].header)
    merged = fits.Header(list((primary | own).values()))
    header = descriptive_cards(merged)
    shared = (
        hdus[0].header.get("NAXIS", 0) == 0
        and merged.get("INHERIT", True) is not False
        and "CTYPE1" not in own
    )
    for card in wcs_cards(merged if shared else fits.Header(list(own.values()))).cards:
        header.append(card, end=True)
    if "BUNIT" in own:
        header.append(own["BUNIT"], end=True)
    return header


def _cards(header: fits.Header) -> dict[str, fits.Card]:
    """Return the named cards of `header` that can be read, the first of each name."""
    kept: dict[str, fits.Card] = {}
    for card in header.cards:
        try:
            keyword, _ = card.keyword, card.value
        except (fits.VerifyError, ValueError):
            continue
        if keyword.strip() and keyword not in {"COMMENT", "HISTORY"}:
            kept.setdefault(keyword, card)
    return kept


@contextmanager
def _left_open(file: IO[bytes], **options: bool) -> Iterator[fits.HDUList]:
    """Open FITS in a file that somebody else closes."""
    hdus = fits.open(file, memmap=False, **options)
    try:
        yield hdus
    finally:
        hdus.close(closed=False)


def _check_gzip_tiles(plain: IO[bytes], compressed: dict[int, int], name: str) -> None:
    """Refuse gzip tiles that unpack to more than a tile holds: the library would follow them.

    Parameters
    ----------
    plain : file
        Of FITS, not packed.
    compressed : dict of int to int
        HDU numbers of its compressed images, and the bytes that one tile of each holds.
    name : str
        Of the file.
    """
    with _left_open(plain, disable_image_compression=True) as hdus:
        for index, tile_bytes in compressed.items():
            table = hdus[index]
            for column in set(table.columns.names) & {"COMPRESSED_DATA", "GZIP_COMPRESSED_DATA"}:
                lengths = table.data.view(np.ndarray)[column][:, 0]  # of (length, offset) pairs
                for row in np.flatnonzero(lengths > FREE_BYTES // _DEFLATE_RATIO):
                    _check_gzip_tile(table.data[column][row].tobytes(), tile_bytes, name)


def _check_gzip_tile(packed: bytes, tile_bytes: int, name: str) -> None:
    if not packed.startswith(b"\x1f\x8b"):
        return
    unpacker = zlib.decompressobj(wbits=31)
    unpacker.decompress(packed, tile_bytes + 1)
    if not unpacker.eof and unpacker.unconsumed_tail:
        raise InvalidInputError(
            f"{name or 'the file'} holds a compressed tile that unpacks beyond its size",
            kind="too_large",
        )


def _plane_shape(hdu: fits.ImageHDU) -> tuple[int, int] | None:
    """Return (ny, nx), or None where there is more than one plane."""
    *planes, ny, nx = hdu.shape
    return (int(ny), int(nx)) if all(count == 1 for count in planes) else None


def _scaled(raw: NDArray[np.generic], header: fits.Header) -> NDArray[np.float32]:
    """Return ``BZERO + BSCALE * raw`` as float32, NaN where `raw` is BLANK (FITS 4.0, 4.4.2.5)."""
    scale, zero = float(header.get("BSCALE", 1.0)), float(header.get("BZERO", 0.0))
    # Sixteen bits fit float32 exactly; wider integers are scaled before they are rounded.
    exact = raw.dtype.kind == "f" or np.can_cast(raw.dtype, np.float32)
    data: NDArray[np.floating] = raw.astype(np.float32 if exact else np.float64)
    if scale != 1.0:
        np.multiply(data, scale, out=data)
    if zero != 0.0:
        np.add(data, zero, out=data)
    blank = header.get("BLANK")
    if isinstance(blank, int) and raw.dtype.kind in "iu":
        data[raw == blank] = np.nan
    return data.astype(np.float32, copy=False)
