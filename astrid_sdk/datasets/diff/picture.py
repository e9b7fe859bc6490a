"""A diff as a picture: how the classes were and are, and where on the sky files came and went.

SVG that reads on light and on dark paper; every text is escaped.
"""

import html
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from astrid_sdk.datasets.diff.balance import ClassBalance
from astrid_sdk.sky.sphere import normalised, positions, unit_vectors

if TYPE_CHECKING:  # it imports this module
    from astrid_sdk.datasets.diff.dataset_diff import DatasetDiff

_WIDTH, _SKY, _MARGIN = 620, 260, 10
_BAR_LEFT, _BAR_WIDTH, _ROW, _TOP = 130, 190, 34, 30
_MOST_CLASSES, _MOST_DOTS = 12, 2_000
_LETTERS = 16
_PAINTS = {"kept": "rgb(128,128,128)", "removed": "hsl(0,65%,50%)", "added": "hsl(145,65%,40%)"}
_SYSTEM_COLOURS = "<style>svg{color-scheme:light dark;color:CanvasText;background:Canvas}</style>"
_LEAST_SPAN_DEG = 1e-3

Dots = Sequence[tuple[float, float]]


def standalone_svg(diff: "DatasetDiff") -> str:
    """Return a picture for a file of its own: it takes the viewer's colours, light or dark."""
    return _svg(diff, _SYSTEM_COLOURS)


def inline_svg(diff: "DatasetDiff") -> str:
    """Return a picture for a page, whose text colour it takes."""
    return _svg(diff, "")


def _svg(diff: "DatasetDiff", style: str) -> str:
    shown = diff.balance[:_MOST_CLASSES]
    height = max(_TOP + _ROW * len(shown), _SKY + 2 * _TOP) + _MARGIN
    label = html.escape(f"{diff.before.name} to {diff.after.name}", quote=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}" '
        f'font-family="sans-serif" font-size="12" fill="currentColor">{style}'
    )
    title = f"classes, {diff.before.name} and {diff.after.name}"
    parts = [head, _text(_MARGIN, 18, title), *_bars(shown), *_sky(diff), "</svg>"]
    return "".join(parts)


def _bars(balance: Sequence[ClassBalance]) -> Iterator[str]:
    most = max((count for each in balance for count in (each.before, each.after)), default=1)
    for row, each in enumerate(balance):
        top = _TOP + row * _ROW
        yield _text(_MARGIN, top + 17, _cut(each.label))
        counts = (("kept", each.before, 0), ("added", each.after, 14))
        for paint, count, below in counts:
            width = _BAR_WIDTH * count / max(most, 1)
            yield (
                f'<rect x="{_BAR_LEFT}" y="{top + below}" width="{width:.1f}" height="11" '
                f'fill="{_PAINTS[paint]}" fill-opacity="0.7"/>'
            )
            yield _text(_BAR_LEFT + width + 4, top + below + 10, f"{count:,}", 10)


def _sky(diff: "DatasetDiff") -> Iterator[str]:
    """Yield the positions in the plane that touches the sky in their middle."""
    left = _WIDTH - _SKY - _MARGIN
    places = {name: dots[:: len(dots) // _MOST_DOTS + 1] for name, dots in diff.places.items()}
    everything = [dot for dots in places.values() for dot in dots]
    yield _text(left, 18, "sky: north is up, east is left")
    yield (
        f'<rect x="{left}" y="{_TOP}" width="{_SKY}" height="{_SKY}" fill="none" '
        'stroke="currentColor" stroke-opacity="0.4"/>'
    )
    if not everything:
        yield _text(left + 8, _TOP + 20, "no position is known")
        return
    plane = _Plane(everything)
    for name, dots in places.items():
        for x, y in plane.of(dots):
            yield (
                f'<circle cx="{left + _SKY * x:.1f}" cy="{_TOP + _SKY * y:.1f}" r="3" '
                f'fill="{_PAINTS[name]}" fill-opacity="0.6"/>'
            )
    yield _text(left, _TOP + _SKY + 16, str(plane), 10)
    yield from _legend(left, _TOP + _SKY + 30)


def _legend(left: float, top: float) -> Iterator[str]:
    for place, (name, paint) in enumerate(_PAINTS.items()):
        x = left + 70 * place
        yield f'<circle cx="{x + 4}" cy="{top - 4}" r="4" fill="{paint}"/>'
        yield _text(x + 12, top, name, 10)


class _Plane:
    """Positions as shares of a square: 0, 0 is its upper left corner."""

    def __init__(self, dots: Dots) -> None:
        self._middle = normalised(_vectors(dots).mean(axis=0, keepdims=True))
        ra, dec = positions(self._middle)
        self._ra_deg, self._dec_deg = float(ra[0]), float(dec[0])
        reach = np.degrees(np.abs(self._offsets(dots)).max())
        self._span_deg = max(2.2 * float(reach), _LEAST_SPAN_DEG)

    def of(self, dots: Dots) -> list[tuple[float, float]]:
        if not dots:
            return []
        shares = 0.5 - np.degrees(self._offsets(dots)) / self._span_deg
        found: list[tuple[float, float]] = [(x, y) for x, y in shares.tolist()]
        return found

    @override
    def __str__(self) -> str:
        return f"{self._span_deg:.2g} deg around {self._ra_deg:.3f} {self._dec_deg:+.3f}"

    def _offsets(self, dots: Dots) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        """Return how far east and north positions lie, radians along great circles."""
        vectors = _vectors(dots)
        ra, dec = math.radians(self._ra_deg), math.radians(self._dec_deg)
        east = np.array([-math.sin(ra), math.cos(ra), 0.0])
        north = np.array(
            [-math.sin(dec) * math.cos(ra), -math.sin(dec) * math.sin(ra), math.cos(dec)]
        )
        flat = np.stack([vectors @ east, vectors @ north], axis=-1)
        length = np.linalg.norm(flat, axis=-1, keepdims=True)
        away = np.arctan2(length, (vectors * self._middle).sum(axis=-1, keepdims=True))
        return np.asarray(flat * away / np.where(length == 0, 1.0, length))


def _vectors(dots: Dots) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    ra, dec = np.array(dots, float).T
    return unit_vectors(ra, dec)


def _text(x: float, y: float, text: str, size: int = 12) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}">{html.escape(text)}</text>'


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
