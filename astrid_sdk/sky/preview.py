"""Pictures for people: one image, a triplet, a sheet of triplets, as small palette PNGs.

Rows go up, as in the sky software astronomers know. The bytes depend on the values alone.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]

# The palette: a grey ramp, cool in the dark and warm in the light, for images and text; a ramp
# from blue through dark to amber for differences; one accent. Few levels make small files.
_GREYS = 64
_TONES = 63  # odd, so that one of them is zero
_ACCENT = _GREYS + _TONES
_BACKGROUND, _MUTED, _BRIGHT = 2, 36, 58

_LABELS = ("SCIENCE", "REFERENCE", "DIFFERENCE")
_PANEL_SCALE = 3
_SHEET_SCALE = 2
_GAP = 6
_MAX_FONT = 13
_MIN_SIGMA = 1e-12
_MAD_TO_SIGMA = 1.4826
_SOFTNESS = 6.0
_SKY_SIGMAS, _WHITE_SIGMAS, _DIFFERENCE_SIGMAS = 1.5, 20.0, 9.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """How values become brightness: asinh between `black` and `white` (Lupton et al. 2004)."""

    black: float
    white: float

    @classmethod
    def of(cls, data: NDArray[np.floating], mask: NDArray[np.integer] | None = None) -> Self:
        """Return the stretch in which sky noise is just seen and the brightest 0.3 % are white.

        Pixels that are not finite, or set in `mask`, do not count.
        """
        good = np.isfinite(data) if mask is None else np.isfinite(data) & (mask == 0)
        values = np.asarray(data[good], dtype=np.float64)
        if values.size == 0:
            return cls(0.0, 1.0)
        sky = float(np.median(values))
        sigma = max(_MAD_TO_SIGMA * float(np.median(np.abs(values - sky))), _MIN_SIGMA)
        white = max(float(np.percentile(values, 99.7)), sky + _WHITE_SIGMAS * sigma)
        return cls(sky - _SKY_SIGMAS * sigma, white)

    def apply(self, data: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return brightness, 0 to 1; 0 where `data` is not finite."""
        span = (np.asarray(data, dtype=np.float64) - self.black) / (self.white - self.black)
        span = np.clip(np.nan_to_num(span, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
        return np.asarray(np.arcsinh(_SOFTNESS * span) / np.arcsinh(_SOFTNESS))


def stretch(data: NDArray[np.floating], mask: NDArray[np.integer] | None = None) -> Pixels:
    """Return `data` as 8-bit brightness, shape (ny, nx), robustly stretched; see `Stretch.of`."""
    return np.asarray(np.rint(Stretch.of(data, mask).apply(data) * 255.0), dtype=np.uint8)


def image_png(
    data: NDArray[np.floating],
    size_px: int = 640,
    marks: Iterable[tuple[float, float, str]] = (),
    mask: NDArray[np.integer] | None = None,
) -> bytes:
    """Return a picture of an image with marked positions.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        The image.
    size_px : int
        Longer side of the picture; larger images are averaged down, smaller ones repeated up.
    marks : iterable of (x, y, label)
        0-based pixel positions to mark, and what to write beside them.
    mask : ndarray of int, shape (ny, nx), optional
        Pixels set in it do not count for the stretch.
    """
    greys = _greys(Stretch.of(data, mask).apply(data))
    ny, nx = data.shape
    factor = size_px / max(ny, nx)
    size = (max(1, round(nx * factor)), max(1, round(ny * factor)))
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.NEAREST
    canvas = Image.fromarray(np.flipud(greys)).resize(size, how)
    for x, y, label in marks:
        _mark(canvas, (x + 0.5) * size[0] / nx, size[1] - (y + 0.5) * size[1] / ny, label)
    return _png(canvas)


def triplet_png(
    science: NDArray[np.floating],
    reference: NDArray[np.floating],
    difference: NDArray[np.floating],
    caption: str = "",
) -> bytes:
    """Return the three stamps of a detection side by side, three times enlarged, with `caption`.

    Science and reference share one stretch. In the difference dark is zero, amber is brighter
    than the reference, blue fainter. Short lines point at the centre.
    """
    return _png(_triplet(science, reference, difference, caption, _PANEL_SCALE))


def contact_sheet_png(
    triplets: Sequence[
        tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating], str]
    ],
    columns: int = 2,
) -> bytes:
    """Return many triplets, (science, reference, difference, caption), on one sheet, row by row."""
    tiles = [_triplet(*triplet, _SHEET_SCALE) for triplet in triplets]
    if not tiles:
        return _png(Image.new("L", (1, 1), _BACKGROUND))
    columns = max(1, min(columns, len(tiles)))
    width, height = (max(tile.size[axis] for tile in tiles) for axis in (0, 1))
    rows = -(-len(tiles) // columns)
    step_x, step_y = width + _GAP, height + _GAP
    sheet = Image.new("L", (columns * step_x - _GAP, rows * step_y - _GAP), _BACKGROUND)
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % columns * step_x, number // columns * step_y))
    return _png(sheet)


def _triplet(
    science: NDArray[np.floating],
    reference: NDArray[np.floating],
    difference: NDArray[np.floating],
    caption: str,
    scale: int,
) -> Image.Image:
    shared = Stretch.of(np.stack([science, reference]))
    panels = [_greys(shared.apply(science)), _greys(shared.apply(reference)), _tones(difference)]
    side_y, side_x = (length * scale for length in science.shape)
    head = 20
    foot = 22 if caption else _GAP
    canvas = Image.new("L", (4 * _GAP + 3 * side_x, head + side_y + foot), _BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for number, (panel, label) in enumerate(zip(panels, _LABELS, strict=True)):
        left = _GAP + number * (side_x + _GAP)
        picture = Image.fromarray(np.flipud(panel))
        canvas.paste(picture.resize((side_x, side_y), Image.Resampling.NEAREST), (left, head))
        _write(draw, (left + 1, 4), label, _MUTED, side_x, 11)
        _crosshair(draw, (left + side_x / 2, head + side_y / 2), side_x)
    if caption:
        _write(draw, (_GAP + 1, head + side_y + 4), caption, _BRIGHT, 3 * side_x + 2 * _GAP, 12)
    return canvas


def _greys(brightness: NDArray[np.float64]) -> Pixels:
    return np.asarray(np.rint(brightness * (_GREYS - 1)), dtype=np.uint8)


def _tones(difference: NDArray[np.floating]) -> Pixels:
    """Return palette entries for a difference; zero and missing values are the middle tone."""
    values = np.asarray(difference, dtype=np.float64)
    finite = values[np.isfinite(values)]
    noise = _MAD_TO_SIGMA * float(np.median(np.abs(finite))) if finite.size else 1.0
    peak = float(np.percentile(np.abs(finite), 99.7)) if finite.size else 1.0
    reach = max(peak, _DIFFERENCE_SIGMAS * noise, _MIN_SIGMA)
    span = np.clip(np.nan_to_num(values / reach, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    return np.asarray(_GREYS + np.rint((span + 1.0) / 2.0 * (_TONES - 1)), dtype=np.uint8)


def _crosshair(draw: ImageDraw.ImageDraw, centre: tuple[float, float], side: int) -> None:
    """Draw two lines towards the centre that leave it free."""
    near, far = max(side // 14, 4), max(side // 14, 4) + max(side // 12, 5)
    x, y = int(centre[0]), int(centre[1])
    draw.line([(x - far, y), (x - near, y)], fill=_ACCENT)
    draw.line([(x, y - far), (x, y - near)], fill=_ACCENT)


def _mark(canvas: Image.Image, x: float, y: float, label: str) -> None:
    draw = ImageDraw.Draw(canvas)
    radius = max(canvas.size[0] // 60, 7)
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=_ACCENT)
    if label:
        size = max(min(canvas.size[0] // 45, _MAX_FONT), 10)
        width = ImageFont.load_default(size).getlength(label)
        right = x + radius + 3 + width <= canvas.size[0]
        left = x + radius + 3 if right else x - radius - 3 - width
        _write(draw, (left, y - size * 0.65), label, _GREYS - 1, canvas.size[0], size, halo=True)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    grey: int,
    width_px: int,
    size: int,
    *,
    halo: bool = False,
) -> None:
    """Write `text`, cut to `width_px`, in a grey of the ramp; a halo sets it off from stars."""
    font = ImageFont.load_default(size)
    text = text.encode("latin-1", "replace").decode("latin-1")  # the font has no more
    while text and font.getlength(text) > width_px:
        text = text.removesuffix("...")[:-1].rstrip() + "..." if text != "..." else ""
    draw.text(place, text, fill=grey, font=font, stroke_width=int(halo), stroke_fill=_BACKGROUND)


def _png(canvas: Image.Image) -> bytes:
    """Return the canvas, whose pixels are palette entries, as PNG bytes."""
    picture = canvas.copy()
    picture.putpalette(_palette())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _palette() -> list[int]:
    grey = np.linspace(0.0, 1.0, _GREYS)
    greys = _ramp(grey, [(0.0, (9, 11, 17)), (0.5, (120, 124, 132)), (1.0, (255, 250, 240))])
    blue_to_amber = [
        (0.0, (150, 205, 255)),
        (0.25, (48, 110, 190)),
        (0.5, (14, 15, 20)),
        (0.75, (205, 120, 35)),
        (1.0, (255, 236, 190)),
    ]
    tones = _ramp(np.linspace(0.0, 1.0, _TONES), blue_to_amber)
    return [int(v) for v in np.concatenate([greys, tones, [[64, 224, 208]]]).ravel()]


def _ramp(
    places: NDArray[np.float64], stops: Sequence[tuple[float, tuple[int, int, int]]]
) -> NDArray[np.float64]:
    """Return colours, shape (n, 3), between the stops."""
    where = [place for place, _ in stops]
    channels = [np.interp(places, where, [rgb[c] for _, rgb in stops]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1))
