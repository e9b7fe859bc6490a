"""The cards of a FITS header as plain values: quick to read, and one bad card costs only itself.

What astropy does for one header of a hundred cards takes longer than all the rest of an ingest. The
rules are those of the FITS Standard 4.0, section 4.1 and 4.2, with the conventions CONTINUE
(section 4.2.1.2) and HIERARCH (Wicenec, Grosbol & Pence 2009).
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

CARD = 80
Value: TypeAlias = bool | int | float | str

_VALUE = re.compile(
    r"\s*(?:'((?:[^']|'')*)'|([TF])|([+-]?\d{1,40})|([+-]?(?:\d+\.?\d*|\.\d+)(?:[ED][+-]?\d+)?))"
    r"\s*(?:/(.*))?$",
    re.IGNORECASE | re.DOTALL,
)
_HIERARCH = re.compile(r"HIERARCH\s+([^=]+?)\s*=(.*)$", re.DOTALL)
_END = "END".ljust(CARD)


class Cards(dict[str, Value]):
    """Values by keyword, in the order of the header; of a keyword that is repeated, the first.

    Parameters
    ----------
    values : dict of str to value
    comments : dict of str to str
        Of the same keywords.
    texts : dict of str to str, optional
        Of the same keywords, what value and comment were read from; by default a text that tells
        them from any others.
    unread : tuple of str, optional
        The cards without a value that can be read, as they stand.
    """

    __slots__ = ("_layout", "comments", "texts", "unread")

    def __init__(
        self,
        values: dict[str, Value],
        comments: dict[str, str],
        texts: dict[str, str] | None = None,
        unread: tuple[str, ...] = (),
    ) -> None:
        super().__init__(values)
        self.comments = comments
        self.texts = _texts(values, comments) if texts is None else texts
        self.unread = unread
        self._layout: tuple[str, ...] | None = None

    @property
    def layout(self) -> tuple[str, ...]:
        """The keywords, in their order: the same for most headers of a camera."""
        if self._layout is None:
            self._layout = tuple(self)
        return self._layout

    @classmethod
    def parse(cls, text: str) -> "Cards":
        """Return the cards of a header given as text; those that cannot be read are left out."""
        cards = _each(text)
        read = [found for card in cards if (found := _read(card)) is not None]
        unread: tuple[str, ...] = ()
        if len(read) < len(cards):
            unread = tuple([card for card in cards if _read(card) is None])
        columns = tuple(zip(*read, strict=True))
        if not columns or True in columns[-1] or len(set(columns[0])) < len(read):
            return cls._with_repeats(cards, unread)
        words, *told, _ = columns
        values, comments, texts = (dict(zip(words, column, strict=True)) for column in told)
        return cls(values, comments, texts, unread)

    @classmethod
    def _with_repeats(cls, cards: Sequence[str], unread: tuple[str, ...]) -> "Cards":
        """Return the cards of a header in which a keyword is there twice, or a text goes on."""
        values: dict[str, Value] = {}
        comments: dict[str, str] = {}
        texts: dict[str, str] = {}
        open_keyword = ""
        for card in cards:
            if open_keyword and card.startswith("CONTINUE"):
                texts[open_keyword] += card
                open_keyword = _continued(values, open_keyword, card)
                continue
            open_keyword = ""
            read = _read(card)
            if read is None or read[0] in values:
                continue
            keyword, values[keyword], comments[keyword], texts[keyword], is_open = read
            open_keyword = keyword if is_open else ""
        return cls(values, comments, texts, unread)

    def over(self, below: "Cards") -> "Cards":
        """Return these cards over those `below` them."""
        return Cards(
            dict(below) | self,
            below.comments | self.comments,
            below.texts | self.texts,
            self.unread + below.unread,
        )

    def only(self, keywords: Iterable[str]) -> "Cards":
        """Return the cards of `keywords`, all of which are here."""
        words, texts = tuple(keywords), self.texts
        values = {key: self[key] for key in words}
        return Cards(values, self.comments, {key: texts[key] for key in words}, self.unread)

    def without(self, keywords: set[str]) -> "Cards":
        """Return the cards but those of `keywords`."""
        return self.only([key for key in self if key not in keywords])


def _texts(values: dict[str, Value], comments: dict[str, str]) -> dict[str, str]:
    return {key: repr((value, comments.get(key))) for key, value in values.items()}


def _each(text: str) -> list[str]:
    """Return the cards before END."""
    cards = [text[start : start + CARD] for start in range(0, len(text), CARD)]
    return cards[: cards.index(_END)] if _END in cards else cards


@lru_cache(maxsize=8192)
def _read(card: str) -> tuple[str, Value, str, str, bool] | None:
    """Return keyword, value, comment and text of a card, and whether its text goes on.

    None for a card without a value that can be read. Most cards of a night are those of the file
    before.
    """
    keyword, field = _split(card)
    found = _VALUE.match(field) if keyword else None
    if found is None:
        return None
    value = _value_of(found)
    is_open = isinstance(value, str) and value.endswith("&")
    return keyword, value, (found.group(5) or "").strip(), card, is_open


def _split(card: str) -> tuple[str, str]:
    """Return keyword and value field, both empty where the card has no value."""
    if card[8:9] == "=":
        return card[:8].rstrip(), card[9:].rstrip()
    found = _HIERARCH.match(card)
    return (found.group(1).upper(), found.group(2).rstrip()) if found else ("", "")


def _value_of(found: re.Match[str]) -> Value:
    text, logical, whole, real, _ = found.groups()
    if text is not None:
        return text.replace("''", "'").rstrip() if "'" in text else text.rstrip()
    if logical is not None:
        return logical in "Tt"
    if whole is not None:
        return int(whole)
    return float(real.upper().replace("D", "E"))


def _continued(values: dict[str, Value], keyword: str, card: str) -> str:
    """Add a CONTINUE card to the text of `keyword`; return it again while more follows."""
    found = _VALUE.match(card[8:].rstrip())
    more = _value_of(found) if found else None
    if not isinstance(more, str):
        return ""
    values[keyword] = str(values[keyword]).removesuffix("&") + more
    return keyword if more.endswith("&") else ""
