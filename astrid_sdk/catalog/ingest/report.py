"""What became of the files that were ingested: a text, a table in the notebook, a data frame."""

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from astrid_sdk.rendering import html_table, human_bytes
from astrid_sdk.sky.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

_NAMED_SKIPS = 3
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
    """

    stored: tuple[IngestedFile, ...] = ()
    already_there: tuple[IngestedFile, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    duration_s: float = 0.0

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
        return self._head()

    @override
    def __str__(self) -> str:
        skips = (f"  skipped {text}" for text in self._skip_lines())
        return "\n".join([self._head(), *skips, *self._warning_lines()])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        page = [f"<p><b>{html.escape(self._head())}</b></p>"]
        if self.files:
            page.append(html_table((*_OUTCOME, *_SHOWN_SAID), self._shown_rows()))
        more = len(self.files) - _SHOWN_FILES
        if more > 0:
            page.append(f"<p>and {more:,} more: <code>.to_pandas()</code></p>")
        if self.skipped:
            page.append(html_table(("skipped", "such as", "reason"), self._skip_rows()))
        if warnings := self._warnings():
            page.append(html_table(("files", self._with_warnings()), warnings))
        return {"text/plain": str(self), "text/html": "".join(page)}

    def _told(self) -> Iterator[Mapping[str, Any]]:
        return (said for file in self.files for said in file.told)

    def _head(self) -> str:
        counts = (
            f"{len(self.stored)} stored, {len(self.already_there)} already there, "
            f"{len(self.skipped)} skipped: {human_bytes(self.size_bytes)} in "
            f"{self.duration_s:.1f} s, {len(self.nights)} nights, "
            f"{len(self.observations)} observations"
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

    def _skip_lines(self) -> Iterator[str]:
        for group in self._alike():
            if len(group) > _NAMED_SKIPS:
                yield f"{len(group):,} files, such as {group[0].name}: {group[0].reason}"
            else:
                yield from (f"{skip.name}: {skip.reason}" for skip in group)

    def _skip_rows(self) -> Iterator[list[object]]:
        for group in self._alike():
            yield [f"{len(group):,}", group[0].name, group[0].reason]

    def _with_warnings(self) -> str:
        count = sum(any(said.get("warnings") for said in file.told) for file in self.files)
        return f"{count:,} file has warnings" if count == 1 else f"{count:,} files have warnings"

    def _warnings(self) -> list[tuple[str, str]]:
        """Return what is warned of most, with how many files: alike where numbers differ only."""
        counts: Counter[str] = Counter()
        first: dict[str, str] = {}
        for file in self.files:
            said = {text: _NUMBER.sub("#", text) for text in _warnings_of(file)}
            counts.update(dict.fromkeys(said.values(), 1))
            for text, kind in said.items():
                first.setdefault(kind, text)
        shown = [(f"{n:,}", first[kind]) for kind, n in counts.most_common(_SHOWN_WARNINGS)]
        more = len(counts) - len(shown)
        return [*shown, ("", f"and {more:,} other warnings")] if more else shown

    def _warning_lines(self) -> Iterator[str]:
        if warnings := self._warnings():
            yield f"  {self._with_warnings()}:"
            yield from (f"    {' x '.join(filter(None, pair))}" for pair in warnings)


def _warnings_of(file: IngestedFile) -> Iterator[str]:
    return (str(text) for said in file.told for text in said.get("warnings") or ())


_OUTCOME = ("outcome", "name", "content_hash", "size_bytes")
_SHOWN_SAID = ("night", "filter_band", "object_name")
_SAID = (*_SHOWN_SAID, "instrument", "exposure_time_s", "ra_deg", "dec_deg", "observation_id")
