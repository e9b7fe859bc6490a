"""Labels as people look at them, and what became of those that were given."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, overload

from typing_extensions import override

from astrid_sdk.catalog.short import called
from astrid_sdk.datasets.labels.label import Label
from astrid_sdk.rendering import counted, html_table

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

_SHOWN_ROWS = 20
_HEAD = ("content", "label", "question", "author", "time (UTC)", "comment")
_COLUMNS = ("content_hash", "value", "question", "author", "created_at", "comment", "name")


class LabelTable(Sequence[Label]):
    """Labels, oldest first.

    Parameters
    ----------
    labels : sequence of Label
    """

    def __init__(self, labels: Sequence[Label]) -> None:
        self._labels = tuple(labels)

    @override
    def __len__(self) -> int:
        return len(self._labels)

    @overload
    def __getitem__(self, index: int) -> Label: ...
    @overload
    def __getitem__(self, index: slice) -> "LabelTable": ...
    @override
    def __getitem__(self, index: int | slice) -> "Label | LabelTable":
        if isinstance(index, slice):
            return LabelTable(self._labels[index])
        return self._labels[index]

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per label as a data frame."""
        import pandas as pd  # noqa: PLC0415 - it takes a second to import

        return pd.DataFrame([asdict(label) for label in self], columns=list(_COLUMNS))

    @override
    def __repr__(self) -> str:
        lines = ["  ".join(filter(None, _cells(label))) for label in self[:_SHOWN_ROWS]]
        return "\n".join([f"<{self._head()}>", *lines, *self._more()])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        rows = html_table(_HEAD, map(_cells, self[:_SHOWN_ROWS]))
        more = "".join(f"<p>{text}: <code>.to_pandas()</code></p>" for text in self._more())
        page = f"<p><b>{self._head()}</b></p>{rows}{more}"
        return {"text/plain": repr(self), "text/html": page}

    def _head(self) -> str:
        contents = len({label.content_hash for label in self})
        authors = len({label.author for label in self})
        labels, of = counted(len(self), "label"), counted(contents, "content")
        return f"{labels} of {of} by {counted(authors, 'author')}"

    def _more(self) -> list[str]:
        return [f"and {len(self) - _SHOWN_ROWS} more"] if len(self) > _SHOWN_ROWS else []


@dataclass(frozen=True, slots=True, repr=False)
class Labelled:
    """What became of labels that were given together.

    Attributes
    ----------
    added : tuple of Label
        Recorded now.
    unchanged : int
        Were their author's last word already.
    skipped : tuple of str
        Sentences that say which could not be recorded, and why.
    """

    added: tuple[Label, ...] = ()
    unchanged: int = 0
    skipped: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        counted = Counter(label.value or "taken back" for label in self.added)
        told = ", ".join(f"{count} {value}" for value, count in sorted(counted.items()))
        parts = [f"{len(self.added)} labels recorded{f' ({told})' if told else ''}"]
        parts += [f"{self.unchanged} had been said before"] if self.unchanged else []
        parts += [f"{len(self.skipped)} skipped"] if self.skipped else []
        return "\n".join(["; ".join(parts), *self.skipped])

    @override
    def __repr__(self) -> str:
        return f"<{self}>"


def _cells(label: Label) -> tuple[str, ...]:
    value = "(taken back)" if label.value is None else label.value
    when = f"{label.created_at:%Y-%m-%d %H:%M:%S}"
    name = called(label.name, label.content_hash)
    return (name, value, label.question, label.author, when, label.comment)
