"""Splits that others made, as files on sides: a mapping, a data frame, or a CSV file."""

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.errors import InvalidInputError

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

Given: TypeAlias = "str | Path | Mapping[str, Iterable[Any]] | pd.DataFrame"
"""A CSV file, contents by side, or a table of contents and sides."""

Sides = dict[str, list[DatasetFile]]

_HASH = re.compile(r"[0-9a-f]{64}")
_CONTENT, _SIDE = "content_hash", ("side", "split")


def sides_of(given: Given) -> Sides:
    """Return the files on each side.

    Parameters
    ----------
    given : mapping, pandas.DataFrame, or path
        A mapping of side to content hashes, or to whatever has a ``content_hash``; or a table with
        the columns ``content_hash`` and ``side`` (or ``split``), and ``path ra_deg dec_deg`` where
        they are known. Rows without a side are on none.

    Raises
    ------
    InvalidInputError
        It is none of these, a column is missing, or a hash is not 64 hex digits.
    """
    if isinstance(given, Mapping):
        return {str(side): [_file(item) for item in items] for side, items in given.items()}
    import pandas as pd  # noqa: PLC0415 - as for the types

    if isinstance(given, str | Path):
        try:
            text = Path(given).read_text(encoding="utf-8-sig")
            given = pd.read_csv(io.StringIO(text), dtype={_CONTENT: "str"})
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"cannot read a split from {given}: {error}") from error
    if not isinstance(given, pd.DataFrame):
        raise InvalidInputError(
            f"a split is not a {type(given).__name__}: give what split() returned, contents by "
            "side, a data frame or a CSV file"
        )
    return _of_frame(given)


def _of_frame(frame: "pd.DataFrame") -> Sides:
    name = next((each for each in _SIDE if each in frame.columns), None)
    if name is None or _CONTENT not in frame.columns:
        known = ", ".join(map(str, frame.columns))
        raise InvalidInputError(f"a split needs the columns {_CONTENT} and side; it has {known}")
    sides: Sides = {}
    placed = frame[frame[name].notna()]
    for row in placed.to_dict("records"):
        told = {str(key): value for key, value in row.items() if value == value}  # noqa: PLR0124 - NaN
        sides.setdefault(str(told[name]), []).append(_of_row(told))
    return sides


def _of_row(row: Mapping[str, Any]) -> DatasetFile:
    is_placed = "ra_deg" in row and "dec_deg" in row
    return DatasetFile(
        _checked(row.get(_CONTENT)),
        path=str(row.get("path", "")),
        tier="",
        role="",
        ra_deg=float(row["ra_deg"]) if is_placed else None,
        dec_deg=float(row["dec_deg"]) if is_placed else None,
    )


def _file(item: Any) -> DatasetFile:
    if isinstance(item, DatasetFile):
        return item
    content_hash = item if isinstance(item, str) else getattr(item, _CONTENT, None)
    path = "" if isinstance(item, str) else str(getattr(item, "path", ""))
    return DatasetFile(_checked(content_hash), path=path, tier="", role="")


def _checked(content_hash: object) -> str:
    if not isinstance(content_hash, str) or not _HASH.fullmatch(content_hash):
        raise InvalidInputError(
            f"{content_hash!r} names no content: give the whole hash, 64 lower-case hex digits"
        )
    return content_hash
