"""How values look in a notebook: HTML beside the models, not inside them."""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from astrid_sdk.tiers import Tier

_KIB = 1024.0


@dataclass(frozen=True, slots=True)
class TierTotals:
    """How much a tier holds."""

    count: int
    size_bytes: int


def human_bytes(size_bytes: float) -> str:
    """Return a size for people, such as ``"3.2 MiB"``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < _KIB:
            return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _KIB
    return f"{size_bytes:.1f} TiB"


def counted(number: int, noun: str) -> str:
    """Return ``"1 night"`` or ``"2,000 nights"``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def html_table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return an HTML table; every value is escaped."""
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def session_html(
    where: str,
    bucket: str,
    totals: Mapping[Tier, TierTotals],
    trouble: str,
    *,
    waiting: int = 0,
) -> str:
    """Return what a session shows of itself: where it is, whether it answers, what it holds."""
    state = f"not reachable: {html.escape(trouble)}" if trouble else "reachable"
    if waiting:
        state += f"; {waiting} writes wait for <code>astrid.sync()</code>"
    rows = [(tier, held.count, human_bytes(held.size_bytes)) for tier, held in totals.items()]
    empty = "<p>nothing stored yet: <code>astrid.ingest(&quot;nights/&quot;)</code></p>"
    table = html_table(("tier", "contents", "size"), rows) if rows else empty
    place = f"<b>Astrid</b> on {html.escape(where)}, bucket <code>{html.escape(bucket)}</code>"
    return f"<p>{place}: {state}</p>{'' if trouble else table}"
