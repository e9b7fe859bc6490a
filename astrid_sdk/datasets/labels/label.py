"""A label: who said, when, of which content, that it is what."""

import re
from dataclasses import dataclass
from datetime import datetime
from numbers import Integral

from typing_extensions import override

from astrid_sdk.catalog.short import called, known, line
from astrid_sdk.errors import InvalidInputError

REAL_BOGUS = "real_bogus"
"""The question that is meant where none is named: is there a transient, or an artefact?"""

_QUESTION = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True, repr=False)
class Label:
    """One person's answer to one question about one content, at one time.

    Attributes
    ----------
    content_hash : str
    value : str or None
        Such as ``"real"`` or ``"bogus"``; None takes the author's own label back.
    question : str
    author : str
    created_at : datetime
        UTC.
    comment : str
    name : str
        What the content is called.
    """

    content_hash: str
    value: str | None
    question: str
    author: str
    created_at: datetime
    comment: str = ""
    name: str = ""

    @override
    def __repr__(self) -> str:
        said = "no label any more" if self.value is None else self.value
        who = f"{self.author} {self.created_at:%Y-%m-%d %H:%M}"
        return line(known(f"{called(self.name, self.content_hash)}: {said}, says {who}"))


def check_question(question: object) -> str:
    """Return `question` if it can be one.

    Raises
    ------
    InvalidInputError
        It is not 1 to 63 of ``a-z 0-9 . _ -``.
    """
    if not isinstance(question, str) or not _QUESTION.fullmatch(question):
        raise InvalidInputError(
            f"{question!r} is no question: name it with 1 to 63 of a-z 0-9 . _ -, such as "
            f"{REAL_BOGUS}"
        )
    return question


def check_value(value: object) -> str:
    """Return a label as text, without blanks around it; whole numbers are text too.

    Raises
    ------
    InvalidInputError
        It is empty, too long, not on one line, or neither text nor a whole number.
    """
    if not isinstance(value, bool | str) and isinstance(value, Integral):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidInputError(f"{value!r} is no label: give text such as 'real' or 'bogus'")
    text = value.strip()
    if not text:
        raise InvalidInputError("there is no label: give text such as 'real' or 'bogus'")
    if len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise InvalidInputError(
            f"a label is one line of at most {_MOST_CHARACTERS} characters: put the rest into the "
            "comment"
        )
    return text
