"""Pairs of science and reference observations, as people and programs look at them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pyarrow as pa
from typing_extensions import override

from astrid_sdk import arrow
from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.catalog.models.observation_table import (
    LeftOutObservation,
    left_out_html,
    left_out_lines,
)
from astrid_sdk.catalog.pairs.frames import Frames
from astrid_sdk.catalog.pairs.guard import GuardState, TemplateGuard
from astrid_sdk.catalog.pairs.known_transients import KnownTransient
from astrid_sdk.catalog.pairs.ranking import FoundPairs
from astrid_sdk.catalog.short import called, line
from astrid_sdk.rendering import html_table

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

_SHOWN_ROWS = 20
_NAME_CHARACTERS = 24
_OF_THE_WCS = "WCS"
PAIR_HEAD = ("science", "reference", "light", "gap_days", "overlap", "template guard")
_TOLD = {  # of both observations
    "observation_id": pa.string(),
    "content_hash": pa.string(),
    "hdu_index": pa.int64(),
    "name": pa.string(),
    "observation_time": pa.timestamp("us", tz="UTC"),
    "seeing_arcsec": pa.float64(),
    "exposure_time_s": pa.float64(),
}
_SHARED = ("object_name", "survey", "instrument", "filter_band")  # as the science frame says


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A science observation and a reference to subtract from it.

    Attributes
    ----------
    science, reference : Observation
    rank : int
        1 is the best reference of this science observation.
    overlap_fraction : float
        How much of the science footprint the reference covers, 0 to 1.
    gap_days : float
        Between the starts; positive where the reference was taken before.
    guard : GuardState
        Whether the reference may hold a known transient, or that nobody checked.
    contaminated_by : tuple of KnownTransient
        Those that lie in both frames and shone when the reference was taken.
    warnings : tuple of str
        What is doubtful about the pair, in sentences.
    """

    science: Observation
    reference: Observation
    rank: int
    overlap_fraction: float
    gap_days: float
    guard: GuardState
    contaminated_by: tuple[KnownTransient, ...]
    warnings: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        names = (called(it.name, it.content_hash, _NAME_CHARACTERS) for it in self._frames())
        light = self.science.filter_band or "unknown filter"
        held = f"{light}, {self.gap_days:.2f} days, overlap {self.overlap_fraction:.2f}"
        return line(f"pair {' - '.join(names)}, {held}, {self.guard.value}")

    def _frames(self) -> tuple[Observation, Observation]:
        return self.science, self.reference


class PairTable(Sequence[Pair]):
    """Pairs, science observations in the order of their exposures, the best reference first.

    Parameters
    ----------
    found : FoundPairs
    science, references : Frames
    guard : TemplateGuard
    left_out : sequence of LeftOutObservation
        Observations that take part in no pair, and why.
    """

    def __init__(
        self,
        found: FoundPairs,
        science: Frames,
        references: Frames,
        guard: TemplateGuard,
        left_out: Sequence[LeftOutObservation] = (),
    ) -> None:
        self._found = found
        self._science = science
        self._references = references
        self._guard = guard
        self.left_out = tuple(left_out)

    @property
    def transients_checked(self) -> int:
        """How many known transients the references were checked against; 0: not checked."""
        return self._guard.checked

    @property
    def contaminated(self) -> int:
        """How many pairs have a reference that may hold a known transient."""
        return int(self._found.contaminated.sum())

    @override
    def __len__(self) -> int:
        return len(self._found)

    @override
    def __iter__(self) -> Iterator[Pair]:
        return map(self._pair, range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Pair: ...

    @overload
    def __getitem__(self, index: slice) -> "PairTable": ...

    @override
    def __getitem__(self, index: int | slice) -> "Pair | PairTable":
        if isinstance(index, slice):
            parts = (self._science, self._references, self._guard, self.left_out)
            return PairTable(self._found.take(index), *parts)
        return self._pair(range(len(self))[index])

    def to_arrow(self) -> pa.Table:
        """Return a row per pair: both observations' ids, hashes and times, and the guard's word."""
        i, j = self._found.science, self._found.reference
        sides = (("science", self._science, i), ("reference", self._references, j))
        columns = {
            f"{side}_{name}": _told(frames, name, kind).take(arrow.column(places))
            for side, frames, places in sides
            for name, kind in _TOLD.items()
        }
        for name in _SHARED:
            columns[name] = _told(self._science, name, pa.string()).take(arrow.column(i))
        return pa.table({**columns, **self._own_columns()})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per pair as a data frame; see `to_arrow`."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    @override
    def __repr__(self) -> str:
        lines = ["  ".join(map(str, pair_cells(pair))) for pair in self[:_SHOWN_ROWS]]
        more = [f"and {len(self) - _SHOWN_ROWS} more"] if len(self) > _SHOWN_ROWS else []
        return "\n".join([f"<{self._head()}>", *lines, *more, *left_out_lines(self.left_out)])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        more = len(self) - _SHOWN_ROWS
        tail = f"<p>and {more} more: <code>.to_pandas()</code></p>" if more > 0 else ""
        rows = html_table(PAIR_HEAD, map(pair_cells, self[:_SHOWN_ROWS]))
        page = f"<p><b>{self._head()}</b></p>{rows}{tail}{left_out_html(self.left_out)}"
        return {"text/plain": repr(self), "text/html": page}

    def _head(self) -> str:
        return f"{_counted(len(self), 'pair')}; {self.guard_words()}"

    def guard_words(self) -> str:
        """Return in words what the template guard did."""
        if not self.transients_checked:
            return "template guard: not checked, no known transients were given"
        checked = _counted(self.transients_checked, "known transient")
        return (
            f"template guard: {checked} checked, {_counted(self.contaminated, 'pair')} contaminated"
        )

    def _own_columns(self) -> dict[str, Any]:
        found = self._found
        flagged = found.contaminated.tolist()
        places = list(zip(found.science.tolist(), found.reference.tolist(), strict=True))
        held = [
            [known.name for known in self._guard.held(i, j)] if is_flagged else []
            for (i, j), is_flagged in zip(places, flagged, strict=True)
        ]
        states = [self._state(is_flagged).value for is_flagged in flagged]
        warnings = [list(self._warnings(place)) for place in range(len(self))]
        return {
            "rank": arrow.column(found.rank, pa.int64()),
            "overlap_fraction": arrow.column(found.overlap),
            "gap_days": arrow.column(found.gap_days),
            "guard": arrow.column(states, pa.string()),
            "contaminated_by": arrow.column(held, pa.list_(pa.string())),
            "warnings": arrow.column(warnings, pa.list_(pa.string())),
        }

    def _state(self, is_flagged: bool) -> GuardState:  # noqa: FBT001 - one of a column
        if not self.transients_checked:
            return GuardState.NOT_CHECKED
        return GuardState.CONTAMINATED if is_flagged else GuardState.CLEAN

    def _pair(self, place: int) -> Pair:
        found = self._found
        i, j = int(found.science[place]), int(found.reference[place])
        return Pair(
            science=self._science.observations[i],
            reference=self._references.observations[j],
            rank=int(found.rank[place]),
            overlap_fraction=float(found.overlap[place]),
            gap_days=float(found.gap_days[place]),
            guard=self._state(bool(found.contaminated[place])),
            contaminated_by=tuple(self._guard.held(i, j)),
            warnings=self._warnings(place),
        )

    def _warnings(self, place: int) -> tuple[str, ...]:
        found = self._found
        i, j = int(found.science[place]), int(found.reference[place])
        said = self._guard.sentences(i, j) if found.contaminated[place] else []
        if found.estimated[place]:
            said.append("the overlap is an estimate: a footprint is not known")
        ours, theirs = self._science.observations[i], self._references.observations[j]
        return (*said, *_doubts(ours, theirs))


def pair_cells(pair: Pair) -> tuple[str, ...]:
    """Return a pair as a row of text, columns as a table shows them."""
    held = ", ".join(known.name for known in pair.contaminated_by)
    guard = f"{pair.guard.value} by {held}" if held else pair.guard.value
    words = (pair.science.survey or pair.science.instrument, pair.science.filter_band)
    light = " ".join(word or "unknown" for word in words)
    called = (f"{it.name}@{it.content_hash[:8]}" for it in (pair.science, pair.reference))
    return (*called, light, f"{pair.gap_days:.2f}", f"{pair.overlap_fraction:.2f}", guard)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _doubts(science: Observation, reference: Observation) -> Iterator[str]:
    for side, frame in (("science", science), ("reference", reference)):
        yield from (f"{side}: {said}" for said in frame.warnings if _OF_THE_WCS in said)
    if science.filter_band is None:
        yield "neither frame says its filter: they may show different light"
    if science.survey is None and science.instrument is None:
        yield "neither frame says its survey or camera: they may be of different ones"
    elif science.instrument != reference.instrument:
        names = (science.instrument or "unknown", reference.instrument or "unknown")
        yield "the instruments differ: {} and {}".format(*names)


def _told(frames: Frames, name: str, kind: pa.DataType) -> pa.Array:
    return arrow.column([getattr(made, name) for made in frames.observations], kind)
