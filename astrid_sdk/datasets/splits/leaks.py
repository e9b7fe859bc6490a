"""What an audit of a split found."""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from astrid_sdk.catalog.short import called
from astrid_sdk.datasets.splits.ties import Sample, Tie, allowed_lines
from astrid_sdk.rendering import counted, html_table

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

_SHOWN_ROWS = 20
_HEAD = ("leak", "by", "side", "sample", "side", "sample")


class LeakKind(enum.StrEnum):
    """How something of one side is known on another."""

    CONTENT = "content"  # the same bytes stand on both
    PIXELS = "pixels"  # the same image, under another header
    AUGMENTATION = "augmentation"  # both are made of one sample, or one is a copy of the other
    ANCESTOR = "ancestor"  # both go back to one content
    EXPOSURE = "exposure"  # both are of one exposure
    POSITION = "position"  # both are of one place on the sky


@dataclass(frozen=True, slots=True)
class Leak:
    """One tie between two sides, with a sample of each.

    Attributes
    ----------
    kind : LeakKind
    by : str
        What ties them, for people.
    tie : str
        The content hash or the observation's id that they share; "" where it is neither.
    side, other_side : str
    sample, other_sample : Sample
    """

    kind: LeakKind
    by: str
    tie: str
    side: str
    sample: Sample
    other_side: str
    other_sample: Sample

    @override
    def __str__(self) -> str:
        ours, theirs = _called(self.sample), _called(self.other_sample)
        return f"{self.kind}: {ours} ({self.side}) and {theirs} ({self.other_side}): {self.by}"


@dataclass(frozen=True, slots=True, repr=False)
class LeakageReport:
    """Whether a split leaks, and where.

    Attributes
    ----------
    leaks : tuple of Leak
        One per tie, with two samples of the many it may tie.
    sizes : mapping of str to int
        Samples on each side.
    tied : int
        How many samples share something with another side.
    allowed : tuple of Tie
        Contents behind several sides that were allowed to be.
    notes : tuple of str
        What could not be looked at, in sentences.
    """

    leaks: tuple[Leak, ...]
    sizes: Mapping[str, int]
    tied: int = 0
    allowed: tuple[Tie, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether nothing leaks."""
        return not self.leaks

    @property
    def counts(self) -> dict[str, int]:
        """How many ties there are of each kind, 0 where none."""
        found = Counter(leak.kind for leak in self.leaks)
        return {kind.value: found[kind] for kind in LeakKind}

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per leak as a data frame."""
        import pandas as pd  # noqa: PLC0415 - it takes a second to import

        return pd.DataFrame(list(map(_row, self.leaks)), columns=list(_row_names()))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "passed": self.passed,
            "counts": self.counts,
            "sizes": dict(self.sizes),
            "tied": self.tied,
            "leaks": [_row(leak) for leak in self.leaks],
            "allowed": [asdict(tie) for tie in self.allowed],
            "notes": list(self.notes),
        }

    def to_text(self) -> str:
        """Return the report in sentences, with the first leaks."""
        shown = [f"  {leak}" for leak in self.leaks[:_SHOWN_ROWS]]
        more = len(self.leaks) - len(shown)
        lines = [self._head(), *shown, *([f"  and {more} more"] if more > 0 else [])]
        return "\n".join([*lines, *allowed_lines(self.allowed), *self.notes])

    @override
    def __str__(self) -> str:
        return self.to_text()

    @override
    def __repr__(self) -> str:
        return f"<{self.to_text()}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from html import escape  # noqa: PLC0415 - only here

        table = html_table(_HEAD, map(_cells, self.leaks[:_SHOWN_ROWS])) if self.leaks else ""
        said = [*allowed_lines(self.allowed), *self.notes]
        below = "".join(f"<p>{escape(line)}</p>" for line in said)
        page = f"<p><b>{escape(self._head())}</b></p>{table}{below}"
        return {"text/plain": repr(self), "text/html": page}

    def _head(self) -> str:
        sizes = ", ".join(f"{size} {side}" for side, size in self.sizes.items())
        if self.passed:
            return f"no leak between the sides ({sizes})"
        kinds = ", ".join(f"{count} by {kind}" for kind, count in self.counts.items() if count)
        tied = counted(self.tied, "sample")
        leaks = counted(len(self.leaks), "leak")
        return f"{leaks} between the sides ({sizes}): {kinds}; {tied}"


def in_order(leaks: Iterable[Leak]) -> tuple[Leak, ...]:
    """Return leaks, the plainest kinds first."""
    kinds = list(LeakKind)
    found = sorted(leaks, key=lambda leak: (kinds.index(leak.kind), leak.sample.path, leak.tie))
    return tuple(found)


def _called(sample: Sample) -> str:
    """Return the sample's path; of one that was given by its hash alone, the hash for people."""
    return sample.path if sample.path != sample.content_hash else called("", sample.content_hash)


def _cells(leak: Leak) -> tuple[str, ...]:
    ours, theirs = _called(leak.sample), _called(leak.other_sample)
    return (leak.kind.value, leak.by, leak.side, ours, leak.other_side, theirs)


def _row_names() -> tuple[str, ...]:
    samples = ("side", "path", "content_hash", "other_side", "other_path", "other_content_hash")
    return ("kind", "by", "tie", *samples)


def _row(leak: Leak) -> dict[str, str]:
    ours, theirs = leak.sample, leak.other_sample
    values = (leak.kind.value, leak.by, leak.tie, leak.side, ours.path, ours.content_hash)
    more = (leak.other_side, theirs.path, theirs.content_hash)
    return dict(zip(_row_names(), (*values, *more), strict=True))
