"""Observations that a search gave: a sequence, a table, and what was left out with the reason."""

import html
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, overload

import pyarrow as pa
from typing_extensions import override

from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.rendering import counted, html_table

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

_SHOWN_ROWS = 20
_HEAD = ("observation", "object", "night", "filter", "instrument", "ra_deg", "dec_deg", "roles")


@dataclass(frozen=True, slots=True)
class LeftOutObservation:
    """What is no part of an answer, and why.

    Attributes
    ----------
    name, content_hash : str
    reason : str
    """

    name: str
    content_hash: str
    reason: str


class ObservationTable(Sequence[Observation]):
    """Observations in the order of their exposures.

    Parameters
    ----------
    observations : sequence of Observation
    left_out : sequence of LeftOutObservation
        What was found and is no observation, such as a weight whose image is not stored.
    explain : callable, optional
        Returns why nothing was found; called when somebody asks.
    """

    def __init__(
        self,
        observations: Sequence[Observation],
        left_out: Iterable[LeftOutObservation] = (),
        explain: Callable[[], str] = str,
    ) -> None:
        self._observations = tuple(observations)
        self.left_out = tuple(left_out)
        self._explain = explain

    @cached_property
    def why_empty(self) -> str:
        """Why nothing was found, and what there is instead; "" where that needs no words."""
        return "" if len(self) or self.left_out else self._explain()

    @override
    def __len__(self) -> int:
        return len(self._observations)

    @overload
    def __getitem__(self, index: int) -> Observation: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    @override
    def __getitem__(self, index: int | slice) -> Observation | Self:
        if isinstance(index, slice):
            return type(self)(self._observations[index], self.left_out)
        return self._observations[index]

    def to_arrow(self) -> pa.Table:
        """Return a row per observation; `Observation.from_arrow` takes it back."""
        return Observation.to_arrow(self._observations)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per observation as a data frame."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    @override
    def __repr__(self) -> str:
        lines = ["  ".join(map(str, _cells(shown))) for shown in self[:_SHOWN_ROWS]]
        more = [f"and {len(self) - _SHOWN_ROWS} more"] if len(self) > _SHOWN_ROWS else []
        head = f"<{self._count()}>"
        why = [f"nothing found: {self.why_empty}"] if self.why_empty else []
        return "\n".join([head, *why, *lines, *more, *left_out_lines(self.left_out)])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        more = len(self) - _SHOWN_ROWS
        tail = f"<p>and {more} more: <code>.to_pandas()</code></p>" if more > 0 else ""
        page = html_table(_HEAD, map(_cells, self[:_SHOWN_ROWS]))
        head = f"<p><b>{self._count()}</b></p>"
        if self.why_empty:
            head += f"<p>nothing found: {html.escape(self.why_empty)}</p>"
        return {
            "text/plain": repr(self),
            "text/html": f"{head}{page}{tail}{left_out_html(self.left_out)}",
        }

    def _count(self) -> str:
        """Return how many there are, and of how many exposures where files share one."""
        exposures = len({made.observation_id for made in self})
        shared = f" of {counted(exposures, 'exposure')}" if exposures < len(self) else ""
        return counted(len(self), "observation") + shared


def left_out_lines(left_out: Sequence[LeftOutObservation]) -> list[str]:
    """Return what was left out as text: a line per reason, with how many and one of them."""
    return [f"left out: {said}" for said in _grouped(left_out)]


def left_out_html(left_out: Sequence[LeftOutObservation]) -> str:
    """Return what was left out as HTML: a row per reason."""
    return html_table(("left out",), [(said,) for said in _grouped(left_out)]) if left_out else ""


def _grouped(left_out: Sequence[LeftOutObservation]) -> list[str]:
    counts = Counter(left.reason for left in left_out)
    first = {left.reason: left for left in reversed(left_out)}
    return [
        f"{first[reason].name}@{first[reason].content_hash[:8]}"
        + (f" and {count - 1} more" if count > 1 else "")
        + f": {reason}"
        for reason, count in counts.most_common()
    ]


def _cells(shown: Observation) -> tuple[object, ...]:
    place = [
        f"{angle:.5f}" if angle is not None else "-" for angle in (shown.ra_deg, shown.dec_deg)
    ]
    words = (shown.object_name, shown.night, shown.filter_band, shown.instrument)
    roles = "+".join(file.role for file in shown.files)
    called = f"{shown.name}@{shown.content_hash[:8]}"
    return (called, *(word or "-" for word in words), *place, roles)
