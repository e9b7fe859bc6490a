"""Pictures of an evaluation: precision and recall, reliability, confusion. Small PNGs."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from astrid_sdk.models.real_bogus.evaluation import Bin, Confusion, Evaluation
from astrid_sdk.models.real_bogus.forest import Floats
from astrid_sdk.models.real_bogus.metrics import Ranked

_SIDE, _LEFT, _TOP, _BELOW = 200, 46, 30, 40
_SIZE = (_LEFT + _SIDE + 18, _TOP + _SIDE + _BELOW)
_INK, _FAINT, _LINE, _PAPER = (30, 34, 42), (196, 200, 208), (28, 98, 176), (255, 255, 255)
_TICKS = (0.0, 0.5, 1.0)
_FONT = 11
_DARK = 0.55

Point = tuple[float, float]


def figures(scores: Floats, is_real: NDArray[np.bool_], told: Evaluation) -> dict[str, bytes]:
    """Return PNG bytes by name; ``sheet`` shows all three side by side."""
    panels = {
        "precision_recall": _precision_recall(scores, is_real, told),
        "reliability": _reliability(told.reliability),
        "confusion": _confusion(told.confusion),
    }
    sheet = Image.new("RGB", (_SIZE[0] * len(panels), _SIZE[1]), _PAPER)
    for number, panel in enumerate(panels.values()):
        sheet.paste(panel, (number * _SIZE[0], 0))
    return {name: _png(panel) for name, panel in {**panels, "sheet": sheet}.items()}


def _precision_recall(scores: Floats, is_real: NDArray[np.bool_], told: Evaluation) -> Image.Image:
    aucpr = told.metrics["aucpr"]
    shown = "not known" if aucpr.value is None else f"{aucpr.value:.3f}"
    if aucpr.error is not None:
        shown += f" +- {aucpr.error:.3f}"
    panel, draw = _panel(f"AUCPR {shown}", "recall", "precision")
    if aucpr.value is None:
        return panel
    share = told.real / (told.real + told.bogus)
    draw.line([_place((0, share)), _place((1, share))], fill=_FAINT)
    recall, precision = Ranked.of(scores, is_real).curve(np.ones(len(scores)))
    _steps(draw, recall.tolist(), precision.tolist())
    return panel


def _steps(draw: ImageDraw.ImageDraw, across: Sequence[float], up: Sequence[float]) -> None:
    points: list[Point] = []
    before = 0.0
    for x, y in zip(across, up, strict=True):
        points += [(before, y), (x, y)]
        before = x
    draw.line([_place(point) for point in points], fill=_LINE, width=2)


def _reliability(bins: Iterable[Bin]) -> Image.Image:
    panel, draw = _panel("reliability (counts)", "score", "real share")
    draw.line([_place((0, 0)), _place((1, 1))], fill=_FAINT)
    known = [(it.mean_score, it.real_share, it.count) for it in bins]
    points = [(x, y, count) for x, y, count in known if x is not None and y is not None]
    draw.line([_place((x, y)) for x, y, _ in points], fill=_LINE, width=2)
    for x, y, count in points:
        across, down = _place((x, y))
        draw.ellipse([across - 3, down - 3, across + 3, down + 3], fill=_LINE)
        clear = 8 if y > _DARK else -16  # off the frame
        draw.text((across - 4, down + clear), str(count), fill=_INK, font=_font())
    return panel


def _confusion(counts: Confusion) -> Image.Image:
    panel, draw = _panel(f"counts at score {counts.threshold:g}", "called", "is", ticks=False)
    rows = ((counts.true_real, counts.false_bogus), (counts.false_real, counts.true_bogus))
    most = max(*rows[0], *rows[1], 1)
    for row, (kind, cells) in enumerate(zip(("real", "bogus"), rows, strict=True)):
        for column, count in enumerate(cells):
            _cell(draw, (column, row), count, count / most)
        draw.text((8, _place((0, 0.77 - row / 2))[1]), kind, fill=_INK, font=_font())
        across = _place((0.18 + row / 2, 0))
        draw.text((across[0], across[1] + 6), kind, fill=_INK, font=_font())
    return panel


def _cell(draw: ImageDraw.ImageDraw, place: tuple[int, int], count: int, share: float) -> None:
    column, row = place
    x0, y0 = _place((column / 2, 1 - row / 2))
    x1, y1 = _place(((column + 1) / 2, 0.5 - row / 2))
    shade = tuple(
        round(light + (dark - light) * share) for light, dark in zip(_PAPER, _LINE, strict=True)
    )
    draw.rectangle([x0, y0, x1, y1], fill=shade, outline=_FAINT)
    ink = _PAPER if share > _DARK else _INK
    draw.text(((x0 + x1) / 2, (y0 + y1) / 2), str(count), fill=ink, font=_font(), anchor="mm")


def _panel(
    title: str, across: str, up: str, *, ticks: bool = True
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    panel = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(panel)
    draw.text((_LEFT + _SIDE, 8), title, fill=_INK, font=_font(), anchor="ra")
    draw.text((_LEFT + _SIDE / 2, _SIZE[1] - 8), across, fill=_INK, font=_font(), anchor="mb")
    draw.text((4, 8), up, fill=_INK, font=_font())
    draw.rectangle([*_place((0, 1)), *_place((1, 0))], outline=_FAINT)
    for tick in _TICKS if ticks else ():
        x, y = _place((tick, 0))
        draw.text((x, y + 4), f"{tick:g}", fill=_INK, font=_font(), anchor="mt")
        x, y = _place((0, tick))
        draw.text((x - 5, y), f"{tick:g}", fill=_INK, font=_font(), anchor="rm")
    return panel, draw


def _place(point: Point) -> Point:
    return _LEFT + point[0] * _SIDE, _TOP + (1 - point[1]) * _SIDE


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT)


def _png(panel: Image.Image) -> bytes:
    buffer = io.BytesIO()
    panel.quantize(32).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
