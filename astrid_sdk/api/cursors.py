"""Where the next page begins, as an opaque word.

A search is asked again as it stood when its first page was: what is stored meanwhile moves no row
from one page to another.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from astrid_sdk.errors import InvalidInputError

_DIGEST_LETTERS = 16
_MOST_OFFSET = 10**9


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in an answer.

    Attributes
    ----------
    offset : int
        How many rows were handed out before.
    asked : str
        A digest of the question: a cursor is good for its own only.
    as_of : datetime
        When the first page was asked for.
    """

    offset: int
    asked: str
    as_of: datetime

    @classmethod
    def first(cls, question: object) -> "Cursor":
        """Return the cursor of a first page."""
        return cls(0, _digest(question), datetime.now(UTC))

    @classmethod
    def of(cls, text: str | None, question: object) -> "Cursor":
        """Return what `text` says, or the cursor of a first page.

        Raises
        ------
        InvalidInputError
            ``kind="cursor"``: it is none, or one of another question.
        """
        if text is None:
            return cls.first(question)
        found = _read(text)
        if found is None or found.asked != _digest(question):
            raise InvalidInputError(
                "the cursor is not from this question: ask without it for the first page",
                kind="cursor",
            )
        return found

    def after(self, rows: int, total: int) -> str | None:
        """Return the cursor behind `rows` more rows, None where there are no more."""
        offset = self.offset + rows
        if offset >= total or not rows:
            return None
        told = json.dumps([offset, self.asked, self.as_of.isoformat()])
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _read(text: str) -> Cursor | None:
    try:
        padded = text + "=" * (-len(text) % 4)
        offset, asked, as_of = json.loads(base64.b64decode(padded, b"-_", validate=True))
        found = Cursor(int(offset), str(asked), datetime.fromisoformat(as_of))
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        return None
    is_sane = 0 <= found.offset <= _MOST_OFFSET and found.as_of.tzinfo is not None
    return found if is_sane else None


def _digest(question: object) -> str:
    return hashlib.sha256(repr(question).encode()).hexdigest()[:_DIGEST_LETTERS]
