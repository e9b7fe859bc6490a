"""What changed between two versions of a dataset, as one value."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from astrid_sdk.datasets.diff.balance import ClassBalance, balance_of
from astrid_sdk.datasets.diff.contents import Change
from astrid_sdk.datasets.diff.fields import Field, fields_of, places
from astrid_sdk.datasets.diff.matching import Matched, Pair, match
from astrid_sdk.datasets.diff.page import page
from astrid_sdk.datasets.diff.picture import standalone_svg
from astrid_sdk.datasets.diff.plain import diff_json, diff_rows
from astrid_sdk.datasets.diff.telling import Light, Telling, counted
from astrid_sdk.datasets.diff.words import words
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.versions import DatasetVersion

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

_LOOKED_AT = 64
_LOOKED_AT_BYTES = 256 << 20


class DatasetDiff:
    """What changed between two versions; contents are looked into when that is asked for.

    Parameters
    ----------
    before, after : DatasetVersion
    then, now : DatasetManifest
        What they hold.
    telling : Telling
        What else can be asked of the files.
    """

    def __init__(
        self,
        before: DatasetVersion,
        after: DatasetVersion,
        then: DatasetManifest,
        now: DatasetManifest,
        telling: Telling,
    ) -> None:
        self.before = before
        self.after = after
        self._then = then
        self._now = now
        self._telling = telling
        self._changes: dict[Pair, Change] = {}

    @cached_property
    def matched(self) -> Matched:
        """The files of both, matched."""
        return match(self._then.files, self._now.files)

    @property
    def added(self) -> Sequence[DatasetFile]:
        """The files that only the later version has."""
        return self.matched.added

    @property
    def removed(self) -> Sequence[DatasetFile]:
        """The files that only the earlier version has."""
        return self.matched.removed

    @property
    def moved(self) -> Sequence[Pair]:
        """Contents under another path: before and after."""
        return self.matched.moved

    @property
    def changed(self) -> Sequence[Pair]:
        """Other contents under the same path: before and after."""
        return self.matched.changed

    @property
    def relabelled(self) -> Sequence[Pair]:
        """Files whose label is another: before and after."""
        return self.matched.relabelled

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same files under the same paths with the same labels."""
        found = self.matched
        kinds = (found.added, found.removed, found.moved, found.changed, found.relabelled)
        return not any(kinds)

    @property
    def pixels_changed(self) -> list[Pair]:
        """The changed files with other pixels; all changed files are looked into."""
        return self._with(Change.PIXELS)

    @property
    def header_only(self) -> list[Pair]:
        """The changed files with the same pixels; all changed files are looked into."""
        return self._with(Change.HEADER)

    @cached_property
    def balance(self) -> list[ClassBalance]:
        """How many files of each label there were and are."""
        return balance_of(self._then.files, self._now.files)

    @cached_property
    def fields(self) -> Mapping[str, list[Field]]:
        """Where on the sky the files lie that were ``"added"``, ``"removed"`` or ``"changed"``."""
        later = [file for _, file in self.changed]
        parts = {"added": self.added, "removed": self.removed, "changed": later}
        return {name: fields_of(places(files)) for name, files in parts.items()}

    @cached_property
    def filters(self) -> Mapping[str, dict[str, int]]:
        """How many added and removed files there are of each filter."""
        return self._counted("filter_band")

    @cached_property
    def instruments(self) -> Mapping[str, dict[str, int]]:
        """How many added and removed files there are of each instrument."""
        return self._counted("instrument")

    @cached_property
    def lights(self) -> Mapping[str, Light]:
        """Filter and instrument of the files that differ, by content hash."""
        files = [*self.added, *self.removed, *(it for pair in self._pairs() for it in pair)]
        return self._telling.lights({file.content_hash for file in files})

    def change(self, pair: Pair) -> Change:
        """Return what differs in a changed file, looking into both contents the first time."""
        if pair not in self._changes:
            self._changes[pair] = self._telling.change(pair)
        return self._changes[pair]

    def compare(self) -> Mapping[str, int]:
        """Look into all changed files; return how many have other pixels, or another header."""
        return Counter(self.change(pair).value for pair in self.changed)

    def compared(self) -> Mapping[str, int] | None:
        """Return what `compare` does where that is soon done, or done already; else None."""
        rest = [pair for pair in self.changed if pair not in self._changes]
        sizes = [file.size_bytes for pair in rest for file in pair]
        is_soon = len(rest) <= _LOOKED_AT and sum(size or 0 for size in sizes) <= _LOOKED_AT_BYTES
        return self.compare() if is_soon else None

    def to_text(self) -> str:
        """Return what changed in sentences; changed files are looked into."""
        self.compare()
        return words(self)

    def to_svg(self) -> str:
        """Return what changed as a picture: class balance, and the sky."""
        return standalone_svg(self)

    def to_json(self) -> dict[str, Any]:
        """Return what changed as plain JSON values, complete; changed files are looked into."""
        return diff_json(self)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per file that differs; changed files are looked into."""
        import pandas  # noqa: PLC0415, ICN001 - as for the type

        return pandas.DataFrame(list(diff_rows(self)))

    @property
    def places(self) -> Mapping[str, list[tuple[float, float]]]:
        """Positions by what became of the files: ``"added"``, ``"removed"``, ``"kept"``."""
        kept = [new for _, new in (*self.matched.unchanged, *self.moved, *self.changed)]
        parts = {"kept": kept, "removed": self.removed, "added": self.added}
        return {name: places(files) for name, files in parts.items()}

    @override
    def __str__(self) -> str:
        return words(self)

    @override
    def __repr__(self) -> str:
        return words(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": words(self), "text/html": page(self)}

    def _pairs(self) -> Iterator[Pair]:
        yield from (*self.moved, *self.changed, *self.relabelled)

    def _with(self, change: Change) -> list[Pair]:
        return [pair for pair in self.changed if self.change(pair) == change]

    def _counted(self, name: str) -> dict[str, dict[str, int]]:
        parts = {"added": self.added, "removed": self.removed}
        return {part: counted(self.lights, files, name) for part, files in parts.items()}
