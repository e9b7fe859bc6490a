"""What the demo says at its end, readable in a terminal of 80 columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from astrid_sdk.cli.demo_pictures import Picture
from astrid_sdk.cli.demo_report import DemoReport
from astrid_sdk.cli.demo_score import NightResult
from astrid_sdk.pipeline.truth import DetectedPosition, NightScore, TrueSource
from astrid_sdk.rendering import TierTotals, human_bytes
from astrid_sdk.tiers import Tier

_SOURCES_LISTED = 6
_PICTURES_LISTED = 5
_FRAMES_LISTED = 8
_SKIPPED_LISTED = 40
_REMARKS_LISTED = 8
_LONGEST_WORD = 34
_LONG = 1000.0
_LOOK: dict[str, Any] = {
    "title_justify": "left",
    "title_style": "bold",
    "box": box.SIMPLE_HEAD,
    "show_edge": False,
    "pad_edge": False,
    "padding": (0, 0),
}


def show(report: DemoReport, console: Console) -> None:
    """Print `report` for people."""
    console.print(_tier_table(report.tiers))
    console.print()
    console.print(_night_table(report.nights) if report.nights else "No frame was searched.")
    console.print()
    for part in _parts(report):
        console.print(part, soft_wrap=isinstance(part, Text), highlight=False)


def _parts(report: DemoReport) -> Iterator[RenderableType]:
    if any(result.score for result in report.nights):
        yield _score_lines(report.nights)
    else:
        yield from _found_lists(report.pictures)
    if report.skipped:
        yield Text.assemble((f"{len(report.skipped)} skipped", "bold"), ", left where they were:")
        yield from _skips(report.skipped)
        yield ""
    if report.remarks:
        yield Text("Worth knowing:", style="bold")
        yield Padding(Group(*map(Text, report.remarks[:_REMARKS_LISTED])), (0, 0, 1, 2))
    for name, value in _facts(report):
        yield Text(f"{name:<9} {value}")
    yield Text("\nNext:", style="bold")
    for command, purpose in report.next_commands:
        yield Text.assemble(f"  {command}   ", (f"# {purpose}", "dim"))


def _skips(skipped: Sequence[tuple[str, str]]) -> Iterator[RenderableType]:
    """Yield each name with its reason, names with the same reason below it; no name is broken."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in skipped[:_SKIPPED_LISTED]:
        by_reason.setdefault(reason, []).append(name)
    alone = [(names[0], reason) for reason, names in by_reason.items() if len(names) == 1]
    short = [row for row in alone if len(row[0]) <= _LONGEST_WORD]
    if short:
        yield Padding(_lines(short), (0, 0, 0, 2))
    yield from (
        Text(f"  {name}: {reason}") for name, reason in alone if (name, reason) not in short
    )
    for reason, names in by_reason.items():
        if len(names) > 1:
            yield Text(f"  {reason}:")
            yield from (Text(f"    {name}") for name in names)
    if len(skipped) > _SKIPPED_LISTED:
        yield Text(f"  and {len(skipped) - _SKIPPED_LISTED} more: --json lists all")


def _facts(report: DemoReport) -> Iterator[tuple[str, str]]:
    state = "new" if report.dataset_is_new else "unchanged, no new version"
    yield "pictures", f"{len(report.pictures)} PNG in {report.tables[0].parent}"
    yield "tables", f"{', '.join(path.name for path in report.tables)} beside them"
    yield "dataset", f"transients {report.dataset_version} ({state})"
    yield "steps", _steps(report.steps_executed, report.steps_reused)
    yield "store", report.where
    yield "elapsed", f"{report.elapsed_s:.1f} s"


def _steps(executed: int, reused: int) -> str:
    if executed == 0:
        return f"0 executed: all {reused} were done before, nothing was computed again"
    return f"{executed} executed, {reused} done before"


def _tier_table(tiers: Mapping[Tier, TierTotals]) -> Table:
    table = Table(title="What the store holds", **_LOOK)
    table.add_column("tier")
    table.add_column("contents", justify="right")
    table.add_column("size", justify="right", min_width=11)
    for tier, held in tiers.items():
        table.add_row(tier.value, str(held.count), human_bytes(held.size_bytes))
    return table


def _night_table(nights: Sequence[NightResult]) -> Table:
    known = any(result.score for result in nights)
    table = Table(title="What was found", **_LOOK)
    table.add_column("night", no_wrap=True)
    scored = ("injected", "found", "missed", "false", "SNR>=10", "flagged", "faded", "masked")
    for head in ("frames", "Mpix", *(scored if known else ("new", "flagged", "faded"))):
        table.add_column(head, justify="right", no_wrap=True)
    for result in nights:
        first = (result.night, str(len(result.science_files)), _short(result.megapixels))
        others = (result.flagged, result.negatives)
        row = _scored(result) if known else (result.detected, *others)
        table.add_row(*first, *map(str, row))
    return table


def _scored(result: NightResult) -> Sequence[object]:
    score = result.score
    if score is None:
        return ("",) * 8
    bright = f"{score.found_snr10}/{score.injected_snr10}"
    counts = (score.injected, score.found, len(score.missed), score.false_positives, bright)
    return (*counts, result.flagged, result.negatives, len(score.masked))


def _score_lines(nights: Sequence[NightResult]) -> RenderableType:
    rows = [row for result in nights if result.score for row in _score_rows(result.score)]
    return Padding(_lines(rows), (0, 0, 1, 0))


def _score_rows(score: NightScore) -> Iterator[tuple[str, str]]:
    known = [match.truth.snr for match in score.matches if match.truth.snr is not None]
    if known:
        yield f"{score.night} found", f"SNR {_range(min(known), max(known))}"
    if score.missed:
        yield f"{score.night} missed", _places(score.missed)
    if score.false_detections:
        yield f"{score.night} false", _places(score.false_detections)
    if score.masked:
        yield f"{score.night} masked", _places(score.masked)


def _short(number: float) -> str:
    """Return `number` in four characters, up to 9999."""
    return f"{number:.2f}"[:4].rstrip(".") if number < _LONG else f"{number:.0f}"


def _range(lowest: float, highest: float) -> str:
    return f"{lowest:.1f}" if lowest == highest else f"{lowest:.1f} to {highest:.1f}"


def _places(places: Sequence[TrueSource | DetectedPosition]) -> str:
    """Return position and SNR of the brightest of `places`."""
    brightest = sorted(places, key=lambda place: -(place.snr or 0.0))
    said = [
        f"({place.x:.0f}, {place.y:.0f}) SNR {'?' if place.snr is None else f'{place.snr:.1f}'}"
        for place in brightest[:_SOURCES_LISTED]
    ]
    more = len(places) - len(said)
    return ", ".join(said) + (f" and {more} more" if more else "")


def _found_lists(pictures: Sequence[Picture]) -> Iterator[RenderableType]:
    """Yield the brightest finds of each frame with their pictures."""
    frames: dict[tuple[str, str], list[Picture]] = {}
    for picture in pictures:
        frames.setdefault((picture.night, picture.science_file), []).append(picture)
    for (night, name), shown in list(frames.items())[:_FRAMES_LISTED]:
        yield Text(f"{night}  {name}")
        yield Padding(_brightest(shown), (0, 0, 0, 2))
    if len(frames) > _FRAMES_LISTED:
        yield f"and {len(frames) - _FRAMES_LISTED} more frames: see the pictures"
    if frames:
        yield ""


def _brightest(pictures: Sequence[Picture]) -> Table:
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=justify == "right", overflow="fold")
    for picture in pictures[:_PICTURES_LISTED]:
        place = (f"x {picture.x:.1f}", f"y {picture.y:.1f}", f"SNR {picture.snr:.1f}")
        table.add_row(*place, Text(f"{picture.night}/{picture.path.name}"))
    more = len(pictures) - _PICTURES_LISTED
    if more > 0:
        table.add_row("", "", "", f"and {more} more")
    return table


def _lines(rows: Sequence[tuple[str, str]]) -> Table:
    """Return rows of a word and what is said of it; what is long goes on under itself."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for word, said in rows:
        table.add_row(Text(word), Text(said))
    return table
