"""What a notebook shows of stored content: a picture with its numbers behind it."""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.typing import NDArray
from typing_extensions import override

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.cutouts import Triplet, cutout
from astrid_sdk.sky.fits_files import (
    ImageHduInfo,
    Plane,
    image_hdus,
    images_in,
    merged_header,
    open_fits,
    open_fits_file,
    read_image,
)
from astrid_sdk.sky.frame import RawImage, celestial_wcs
from astrid_sdk.sky.preview import image_png, triplet_png

_PNG = "image/png"
_PNG_MAGIC = b"\x89PNG"
_GZIP_MAGIC = b"\x1f\x8b"
_PREVIEW_PX = 360
_FITS = ("application/fits", "application/gzip")


@dataclass(frozen=True, slots=True, eq=False)
class ImageView:
    """A picture that a notebook shows by itself.

    Attributes
    ----------
    title : str
    png : bytes
    data : ndarray of float32, optional
        The pixels behind it, shape (ny, nx); NaN where there is no value.
    """

    title: str
    png: bytes
    data: NDArray[np.float32] | None = None

    def save(self, path: str | Path) -> Path:
        """Write the picture as a PNG file and return its path."""
        target = Path(path)
        target.write_bytes(self.png)
        return target

    @override
    def __repr__(self) -> str:
        shape = "" if self.data is None else f", {self.data.shape[1]} x {self.data.shape[0]} pixels"
        return f"<{self.title}{shape}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        encoded = base64.b64encode(self.png).decode("ascii")
        title = html.escape(self.title)
        picture = f'<img alt="{title}" src="data:{_PNG};base64,{encoded}">'
        page = f"<figure><figcaption>{title}</figcaption>{picture}</figure>"
        return {"text/plain": repr(self), "text/html": page}


@dataclass(frozen=True, slots=True)
class TextView:
    """Stored JSON, readable."""

    title: str
    text: str

    @override
    def __repr__(self) -> str:
        return f"{self.title}\n{self.text}"


def view_content(
    content: bytes, media_type: str, title: str, hdu_index: int | None = None
) -> ImageView | TextView:
    """Return the picture of stored `content`.

    Raises
    ------
    InvalidInputError
        There is no picture of this media type.
    """
    if media_type == _PNG:
        return ImageView(title, content)
    if media_type == "application/json":
        return TextView(title, json.dumps(json.loads(content), indent=2))
    if media_type not in _FITS:
        raise InvalidInputError(f"{title} is {media_type}: there is no picture of that")
    if is_triplet(content):
        triplet = Triplet.from_fits(content)
        png = triplet_png(triplet.science, triplet.reference, triplet.difference, title)
        return ImageView(title, png, triplet.difference)
    image = _image(content, hdu_index)
    return ImageView(title, image_png(image.data), image.data)


def view_cutout(
    file: IO[bytes],
    title: str,
    place: Mapping[str, float | None],
    size_px: int,
    hdu_index: int | None = None,
) -> ImageView:
    """Return a stamp of the image in `file` at `place` (ra_deg and dec_deg, or x and y).

    Of a file that is not packed only the headers and the stamp's rows are read.

    Raises
    ------
    InvalidInputError
        The position is missing, off the image, or the image has no WCS.
    """
    with _opened(file, title) as hdus:
        chosen = _chosen(images_in(hdus), hdu_index)
        plane = Plane(hdus[chosen])
        x, y = _pixel(merged_header(hdus, chosen), place)
        ny, nx = plane.shape
        if not (0 <= round(x) < nx and 0 <= round(y) < ny):
            raise InvalidInputError(f"the position lies off the image of {nx} x {ny} pixels")
        stamp = cutout(plane, x, y, size_px)
    return ImageView(f"{title} at x={x:.1f}, y={y:.1f}", image_png(stamp, 320), stamp)


def preview_png(content: bytes, hdu_index: int | None = None) -> bytes:
    """Return a small picture of an image, or `content` itself where it is a picture already."""
    if content.startswith(_PNG_MAGIC):
        return content
    return image_png(_image(content, hdu_index).data, _PREVIEW_PX)


def is_triplet(content: bytes) -> bool:
    """Return whether `content` is a triplet of cutouts."""
    with open_fits(content) as hdus:
        return "ASTRIDTV" in hdus[0].header


def _image(content: bytes, hdu_index: int | None) -> RawImage:
    return read_image(content, _chosen(image_hdus(content), hdu_index))


def _chosen(images: Sequence[ImageHduInfo], hdu_index: int | None) -> int:
    """Return `hdu_index` where that is an image, else the first image of the file."""
    indices = [info.index for info in images]
    return hdu_index if hdu_index in indices else indices[0]


def _opened(file: IO[bytes], name: str) -> AbstractContextManager[fits.HDUList]:
    start = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    return open_fits(file.read(), name) if start == _GZIP_MAGIC else open_fits_file(file, name)


def _pixel(header: fits.Header, place: Mapping[str, float | None]) -> tuple[float, float]:
    x, y, ra_deg, dec_deg = (place[name] for name in ("x", "y", "ra_deg", "dec_deg"))
    if x is not None and y is not None:
        return float(x), float(y)
    if ra_deg is None or dec_deg is None:
        raise InvalidInputError("a cutout takes ra_deg and dec_deg, or x and y")
    return sky_to_pixel(header, ra_deg, dec_deg)


def sky_to_pixel(header: fits.Header, ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Return the 0-based pixel position of an ICRS position.

    Raises
    ------
    InvalidInputError
        `header` has no WCS, or the position is on the other side of the sky.
    """
    wcs = celestial_wcs(header)
    if wcs is None:
        raise InvalidInputError("the image has no WCS: give the position as x and y")
    x, y = wcs.world_to_pixel(SkyCoord(ra_deg, dec_deg, unit="deg"))
    if not np.isfinite([x, y]).all():
        raise InvalidInputError("the position lies off the image")
    return float(x), float(y)
