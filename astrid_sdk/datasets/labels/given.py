"""Labels as people hand them over: a mapping, a data frame, or a CSV file."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrid_sdk.errors import InvalidInputError

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

_CONTENT, _DETECTION, _LABEL = "content_hash", "detection_id", "label"
_DELIMITERS = ",;\t"
_FIRST_LINE = 2  # of a file: the head is line 1


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """One label as it was given, unchecked.

    Attributes
    ----------
    where : str
        For people: ``"line 3"``.
    content, detection : str
        The content's hash or the detection's id; the other is "".
    value : object
    author, question, comment, time : str
        "" where nothing was said.
    """

    where: str
    content: str
    detection: str
    value: object
    author: str = ""
    question: str = ""
    comment: str = ""
    time: str = ""


def of_mapping(labels: Mapping[str, object]) -> list[GivenLabel]:
    """Return the labels of a mapping of content hash to label; None takes one back."""
    return [GivenLabel(str(named), str(named), "", value) for named, value in labels.items()]


def of_frame(frame: "pd.DataFrame") -> list[GivenLabel]:
    """Return the labels of a data frame with the columns that `of_csv` takes.

    Raises
    ------
    InvalidInputError
        It has no column for the content or for the label.
    """
    require_columns(frame.columns, "the data frame")
    rows = ({str(name): value for name, value in row.items()} for row in frame.to_dict("records"))
    return [_given(f"row {number}", row) for number, row in enumerate(rows)]


def of_csv(path: Path) -> list[GivenLabel]:
    """Return the labels of a CSV file.

    Its columns are ``content_hash`` or ``detection_id``, ``label``, and, where wanted, ``author
    question comment time``; others are not looked at. Commas, semicolons or tabs are between them.

    Raises
    ------
    InvalidInputError
        The file cannot be read as UTF-8 text, or has no column for the content or for the label.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInputError(
            f"cannot read labels from {path}: {error.strerror}; check the path and its rights"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"cannot read labels from {path}: it is no text in UTF-8; save it as CSV in UTF-8"
        ) from error
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    require_columns(reader.fieldnames or (), str(path))
    return list(_lines(reader, path))


def require_columns(columns: Iterable[object], what: str) -> None:
    """Refuse a table that says of no content or no label.

    Raises
    ------
    InvalidInputError
        A column is missing.
    """
    found = {str(name) for name in columns}
    if _LABEL not in found or not found & {_CONTENT, _DETECTION}:
        raise InvalidInputError(
            f"{what} needs a column {_LABEL} and a column {_CONTENT} or {_DETECTION}; it has "
            f"{', '.join(sorted(found)) or 'none'}"
        )


def _lines(reader: "csv.DictReader[str]", path: Path) -> Iterator[GivenLabel]:
    start = _FIRST_LINE
    try:
        for row in reader:
            yield _given(f"line {start}", {**row})
            start = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInputError(f"{path}, line {start}: {error}") from error


def _given(where: str, row: Mapping[str, Any]) -> GivenLabel:
    names = (_CONTENT, _DETECTION, "author", "question", "comment", "time")
    content, detection, *more = (_text(row.get(name)) for name in names)
    value = row.get(_LABEL)
    if isinstance(value, float):  # a column of numbers in which one is missing holds only floats
        value = int(value) if value.is_integer() else None if math.isnan(value) else value
    return GivenLabel(where, content, detection, "" if value is None else value, *more)


def _text(value: object) -> str:
    is_missing = value is None or value != value  # noqa: PLR0124 - NaN and NaT differ from themselves
    return "" if is_missing else str(value).strip()
