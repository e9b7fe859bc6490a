"""What ``astrid pairs`` prints: a line per pair, its warnings below it, then what was left out."""

from collections.abc import Iterator

from astrid_sdk.catalog.models.observation_table import left_out_lines
from astrid_sdk.catalog.pairs.table import PAIR_HEAD, PairTable, pair_cells


def pair_listing(pairs: PairTable, limit: int) -> Iterator[str]:
    """Yield aligned lines for the first `limit` pairs (0: all), and how many there are."""
    shown = list(pairs[:limit] if limit else pairs)
    table = [PAIR_HEAD, *map(pair_cells, shown)]
    widths = [max(len(row[column]) for row in table) for column in range(len(PAIR_HEAD))]
    if shown:
        yield _line(PAIR_HEAD, widths)
    for pair in shown:
        yield _line(pair_cells(pair), widths)
        yield from (f"  warning: {warning}" for warning in pair.warnings)
    more = len(pairs) - len(shown)
    yield f"{len(pairs)} pair{'' if len(pairs) == 1 else 's'}" + (
        f", {more} not shown: --limit 0 shows all" if more else ""
    )
    yield pairs.guard_words()
    yield from left_out_lines(pairs.left_out)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
