"""What became of the files that were ingested: a text, a table in the notebook, a data frame."""

import html
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from astrid_sdk.rendering import counted, html_table, human_bytes
from astrid_sdk.sky.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_SKIPS = 10
_NAMED_SKIPS = 10  # of one reason; more are one line
_NAMED_WARNED = 3
_SHOWN_FILES = 20
_SHOWN_WARNINGS = 5
_HASH_DIGITS = 8
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """A file whose content is in the store, or on its way there.

    Attributes
    ----------
    name : str
        Relative to the folder that was ingested.
    content_hash : str
    told : sequence of mappings
        One per image in the file, as `Summary.to_json` gives it, without the header's cards.
    size_bytes : int
    is_spooled : bool
        True where the store was away and the file waits in the outbox of this machine.
    """

    name: str
    content_hash: str
    told: Sequence[Mapping[str, Any]] = ()
    size_bytes: int = 0
    is_spooled: bool = False

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """What the file says: one summary per image, without the header's cards."""
        return tuple(Summary.from_json(values) for values in self.told)


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was left where it is, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class IngestReport:
    """What became of each file.

    Attributes
    ----------
    stored : tuple of IngestedFile
        New in the store.
    already_there : tuple of IngestedFile
        Stored by an earlier call, or the same bytes as a file before it.
    skipped : tuple of SkippedFile
    duration_s : float
    passed_over : int
        How many files in the folders are not called like FITS files, and were not looked at.
    """

    stored: tuple[IngestedFile, ...] = ()
    already_there: tuple[IngestedFile, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    duration_s: float = 0.0
    passed_over: int = 0

    @property
    def files(self) -> tuple[IngestedFile, ...]:
        """All files whose content is in the store now, or on its way there."""
        return self.stored + self.already_there

    @property
    def size_bytes(self) -> int:
        """The bytes of the files that were stored, together."""
        return sum(file.size_bytes for file in self.stored)

    @property
    def waiting(self) -> int:
        """How many files wait on this machine for the store to be back."""
        return sum(file.is_spooled for file in self.files)

    @property
    def nights(self) -> list[str]:
        """The nights of the files, earliest first."""
        return sorted({str(said["night"]) for said in self._told() if said.get("night")})

    @property
    def observations(self) -> list[str]:
        """The ids of the observations in the files; what cannot be told apart has none."""
        ids = {said.get("observation_id") for said in self._told()}
        return sorted(str(each) for each in ids if each)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per file: what became of it, what its first image says, and the reason."""
        import pandas as pd  # noqa: PLC0415 - it takes a second to import

        return pd.DataFrame(list(self._rows()), columns=[*_OUTCOME, *_SAID, "images", "reason"])

    @override
    def __repr__(self) -> str:
        lines = list(self._skip_lines())
        more = len(lines) - _SHOWN_SKIPS
        rest = [f"  and {more:,} more: .to_pandas()"] if more > 0 else []
        return "\n".join([self._head(), *lines[:_SHOWN_SKIPS], *rest])

    @override
    def __str__(self) -> str:
        lines = [self._head(), *self._skip_lines(), *self._warning_lines()]
        if said := self._passed_over():
            lines.append(f"  {said}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        page = [f"<p><b>{html.escape(self._head())}</b></p>"]
        if self.files:
            page.append(html_table((*_OUTCOME, *_SHOWN_SAID), self._shown_rows()))
        more = len(self.files) - _SHOWN_FILES
        if more > 0:
            page.append(f"<p>and {more:,} more: <code>.to_pandas()</code></p>")
        if self.skipped:
            page.append(self._skip_table())
        if warnings := self._warnings():
            page.append(html_table(("files", self._with_warnings(), "such as"), warnings))
        page.append(f"<p>{self._passed_over()}</p>" if self.passed_over else "")
        return {"text/plain": str(self), "text/html": "".join(page)}

    def _told(self) -> Iterator[Mapping[str, Any]]:
        return (said for file in self.files for said in file.told)

    def _head(self) -> str:
        counts = (
            f"{len(self.stored)} stored, {len(self.already_there)} already there, "
            f"{len(self.skipped)} skipped: {human_bytes(self.size_bytes)} in "
            f"{self.duration_s:.1f} s, {counted(len(self.nights), 'night')}, "
            f"{counted(len(self.observations), 'observation')}"
        )
        if not self.waiting:
            return counts
        return f"{counts}; {self.waiting} wait here until the store is back: astrid.sync()"

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Yield what is known of each file; those that were skipped come last."""
        for outcome, files in (("stored", self.stored), ("already there", self.already_there)):
            for file in files:
                said = file.told[0] if file.told else {}
                yield {
                    "outcome": "waits" if file.is_spooled else outcome,
                    "name": file.name,
                    "content_hash": file.content_hash,
                    "size_bytes": file.size_bytes,
                    **{key: said.get(key) for key in _SAID},
                    "images": len(file.told),
                    "reason": "",
                }
        for skip in self.skipped:
            yield {"outcome": "skipped", "name": skip.name, "reason": skip.reason}

    def _shown_rows(self) -> Iterator[list[object]]:
        for row, _ in zip(self._rows(), range(min(len(self.files), _SHOWN_FILES)), strict=False):
            row["content_hash"] = row["content_hash"][:_HASH_DIGITS]
            row["size_bytes"] = human_bytes(row["size_bytes"])
            shown = (row[key] for key in (*_OUTCOME, *_SHOWN_SAID))
            yield ["" if value is None else value for value in shown]

    def _alike(self) -> list[list[SkippedFile]]:
        """Return the skipped files, together where reasons differ in name and numbers only."""
        groups: dict[str, list[SkippedFile]] = defaultdict(list)
        for skip in self.skipped:
            groups[_NUMBER.sub("#", skip.reason.replace(skip.name, ""))].append(skip)
        return list(groups.values())

    def _skips(self) -> Iterator[tuple[int, SkippedFile]]:
        """Yield each skipped file, or of many that are alike their number and the first."""
        for group in self._alike():
            if len(group) > _NAMED_SKIPS:
                yield len(group), group[0]
            else:
                yield from ((1, skip) for skip in group)

    def _skip_lines(self) -> Iterator[str]:
        for count, skip in self._skips():
            such = f"{count:,} files, such as " if count > 1 else ""
            yield f"  skipped {such}{skip.name}: {skip.reason}"

    def _skip_table(self) -> str:
        skips = list(self._skips())
        rows = [(f"{count:,}", skip.name, skip.reason) for count, skip in skips[:_SHOWN_SKIPS]]
        more = len(skips) - len(rows)
        tail = f"<p>and {more:,} more: <code>.to_pandas()</code></p>" if more > 0 else ""
        return html_table(("skipped", "such as", "reason"), rows) + tail

    def _passed_over(self) -> str:
        if not self.passed_over:
            return ""
        verbs = "is not called like a FITS file and was" if self.passed_over == 1 else _ARE_NOT
        return f"{counted(self.passed_over, 'file')} {verbs} passed over"

    def _with_warnings(self) -> str:
        count = sum(any(said.get("warnings") for said in file.told) for file in self.files)
        return f"{counted(count, 'file')} {'has' if count == 1 else 'have'} warnings"

    def _warnings(self) -> list[tuple[str, str, str]]:
        """Return what is warned of most, with how many files and which of them.

        Warnings that differ in numbers only are alike.
        """
        names: dict[str, list[str]] = defaultdict(list)
        first: dict[str, str] = {}
        for file in self.files:
            said = {text: _NUMBER.sub("#", text) for text in _warnings_of(file)}
            for text, kind in said.items():
                first.setdefault(kind, text)
            for kind in dict.fromkeys(said.values()):
                names[kind].append(file.name)
        kinds = sorted(names, key=lambda kind: -len(names[kind]))
        shown = [
            (f"{len(names[kind]):,}", first[kind], _such_as(names[kind]))
            for kind in kinds[:_SHOWN_WARNINGS]
        ]
        more = len(kinds) - len(shown)
        return [*shown, ("", f"and {counted(more, 'other warning')}", "")] if more else shown

    def _warning_lines(self) -> Iterator[str]:
        if warnings := self._warnings():
            yield f"  {self._with_warnings()}:"
            for count, text, names in warnings:
                yield f"    {count} x {text} ({names})" if count else f"    {text}"


def _such_as(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_WARNED
    rest = f" and {more:,} more" if more > 0 else ""
    return ", ".join(names[:_NAMED_WARNED]) + rest


def _warnings_of(file: IngestedFile) -> Iterator[str]:
    return (str(text) for said in file.told for text in said.get("warnings") or ())


_ARE_NOT = "are not called like FITS files and were"
_OUTCOME = ("outcome", "name", "content_hash", "size_bytes")
_SHOWN_SAID = ("night", "filter_band", "object_name")
_SAID = (*_SHOWN_SAID, "instrument", "exposure_time_s", "ra_deg", "dec_deg", "observation_id")
