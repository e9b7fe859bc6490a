"""Short tables of values: a sequence that a terminal, a notebook and pandas can show."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

from typing_extensions import override

from astrid_sdk.rendering import html_table

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

T = TypeVar("T")
_SHOWN_ROWS = 40


class Shown(Sequence[T]):
    """Values in order, as a table.

    Parameters
    ----------
    values : sequence
        Of one dataclass.
    """

    noun: ClassVar[str] = "row"
    head: ClassVar[Sequence[str]] = ()

    def __init__(self, values: Sequence[T]) -> None:
        self._values = tuple(values)

    @override
    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    @override
    def __getitem__(self, index: int | slice) -> "T | Self":
        if isinstance(index, slice):
            return self._part(self._values[index])
        return self._values[index]

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    @override
    def __hash__(self) -> int:
        return hash(self._values)

    def cells(self, value: T) -> Sequence[object]:
        """Return what the table shows of a value, a cell for each of `head`."""
        raise NotImplementedError

    def row(self, value: T) -> Mapping[str, Any]:
        """Return a value as the columns of a data frame; its fields by default."""
        return {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]  # of a dataclass

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per value as a data frame."""
        import pandas  # noqa: PLC0415, ICN001 - as for the type

        return pandas.DataFrame([self.row(value) for value in self])

    def lines(self, limit: int = 0) -> list[str]:
        """Return aligned lines of text, the head first; 0 shows all values."""
        shown = self._values[:limit] if limit else self._values
        table = [tuple(map(str, self.head)), *(tuple(map(str, self.cells(it))) for it in shown)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        more = len(self) - len(shown)
        return lines + ([f"and {more} more"] if more else [])

    @override
    def __repr__(self) -> str:
        count = f"<{self._counted()}>"
        return "\n".join([count, *self.lines(_SHOWN_ROWS)]) if self else count

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        more = len(self) - _SHOWN_ROWS
        tail = f"<p>and {more} more: <code>.to_pandas()</code></p>" if more > 0 else ""
        table = html_table(self.head, map(self.cells, self._values[:_SHOWN_ROWS]))
        return {
            "text/plain": repr(self),
            "text/html": f"<p><b>{self._counted()}</b></p>{table if self else ''}{tail}",
        }

    def _part(self, values: Sequence[T]) -> Self:
        return type(self)(values)

    def _counted(self) -> str:
        return f"{len(self):,} {self.noun}{'' if len(self) == 1 else 's'}"
