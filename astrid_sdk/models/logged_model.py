"""What logging and registering a model gives: values, with a page for notebooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from typing_extensions import override

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.rendering import html_table

_SHORT = 8


@dataclass(frozen=True, slots=True, repr=False)
class LoggedModel:
    """A model that was logged.

    Attributes
    ----------
    name : str
    model_id : str
        MLflow's; "" while it waits on this machine.
    run_id : str
    uri : str
        ``models:/m-…``, for `load` and `register`; "" while it waits.
    model_hash : str
        SHA-256 of the list of its files: what `why` and `impact` know it by.
    dataset : str, optional
        The dataset version it was trained on.
    is_spooled : bool
        True when MLflow or the store was away: `astrid.models.replay()` brings it there.
    """

    name: str
    model_id: str
    run_id: str
    uri: str
    model_hash: str
    dataset: str | None = None
    is_spooled: bool = False

    @override
    def __repr__(self) -> str:
        shown = f"{self.name}@{self.model_hash[:_SHORT]}"
        if self.is_spooled:
            return f"<model {shown} waits on this machine: astrid.models.replay() brings it>"
        trained = f", trained on {self.dataset}" if self.dataset else ""
        return f"<model {shown}: {self.uri}{trained}>"


@dataclass(frozen=True, slots=True, repr=False)
class ModelVersion:
    """A version in MLflow's registry.

    Attributes
    ----------
    name : str
    version : int
    model_id : str, optional
        The logged model that it is; None for plain files of a run.
    run_id : str, optional
    model_hash : str, optional
        As `LoggedModel.model_hash`; None where another tool logged the model.
    aliases : tuple of str
    """

    name: str
    version: int
    model_id: str | None
    run_id: str | None
    model_hash: str | None
    aliases: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """``models:/<name>/<version>``."""
        return f"models:/{self.name}/{self.version}"

    @override
    def __str__(self) -> str:
        called = "".join(f" @{alias}" for alias in self.aliases)
        return f"{self.name} v{self.version}{called}"

    @override
    def __repr__(self) -> str:
        return f"<{self}: {self.uri}>"


AnyModel: TypeAlias = str | LoggedModel | ModelVersion
"""A model: its URI, what logging it gave, or what registering it gave."""


def uri_of(model: AnyModel) -> str:
    """Return the URI of a model.

    Raises
    ------
    InvalidInputError
        It waits on this machine (``kind="spooled"``), or is none of these.
    """
    uri = getattr(model, "uri", model)
    if not isinstance(uri, str):
        raise InvalidInputError(
            f"{model!r} is no model: give its URI, or what log() or register() returned",
            kind="model",
        )
    if not uri and model != uri:
        raise InvalidInputError(
            f"{model!r}: it has no URI before it is there; call astrid.models.replay()",
            kind="spooled",
        )
    return uri


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric, parameter or dataset of two models; None where one has none."""

    kind: str
    name: str
    a: Any
    b: Any

    @property
    def is_same(self) -> bool:
        """Whether both have the same."""
        return bool(self.a == self.b)


class ModelComparison(Sequence[Difference]):
    """Two models side by side: datasets, then metrics, then parameters.

    Parameters
    ----------
    a, b : str
        What was compared.
    rows : sequence of Difference
    """

    def __init__(self, a: str, b: str, rows: Sequence[Difference]) -> None:
        self.a, self.b = a, b
        self._rows = tuple(rows)

    @override
    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    @override
    def __len__(self) -> int:
        return len(self._rows)

    def changed(self) -> list[Difference]:
        """Return the rows in which the two differ."""
        return [row for row in self._rows if not row.is_same]

    def to_pandas(self) -> Any:
        """Return the rows as a ``pandas.DataFrame``."""
        import pandas as pd  # noqa: PLC0415 - takes seconds to import

        return pd.DataFrame(
            [(row.kind, row.name, row.a, row.b) for row in self._rows], columns=self._head()
        )

    @override
    def __repr__(self) -> str:
        table = [self._head(), *([str(cell) for cell in row] for row in self._cells())]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": html_table(self._head(), self._cells())}

    def _cells(self) -> list[tuple[Any, ...]]:
        return [(row.kind, row.name, row.a, row.b) for row in self._rows]

    def _head(self) -> list[str]:
        return ["kind", "name", self.a, self.b]
