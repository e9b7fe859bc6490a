"""What ``astrid find`` prints: a line per content."""

from collections.abc import Iterator, Sequence

from astrid_sdk.catalog.search.finding import Found
from astrid_sdk.rendering import human_bytes

_HEAD = ("name@hash", "tier", "night", "filter", "role", "size")
_HASH_DIGITS = 8


def listing(rows: Sequence[Found], limit: int) -> Iterator[str]:
    """Yield aligned lines for the first `limit` rows (0: all), and how many there are.

    Only those are looked at.
    """
    shown = rows[:limit] if limit else rows
    table = [_HEAD, *map(_cells, shown)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    if shown:
        for row in table:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    more = len(rows) - len(shown)
    yield f"{len(rows)} found" + (f", {more} not shown: --limit 0 shows all" if more else "")


def _cells(row: Found) -> tuple[str, ...]:
    called = f"{row.name}@{row.content_hash[:_HASH_DIGITS]}"
    excluded = " (excluded)" if row.excluded else ""
    known = (row.night, row.filter_band, row.role)
    return (
        called,
        row.tier,
        *(word or "-" for word in known),
        human_bytes(row.size_bytes) + excluded,
    )
