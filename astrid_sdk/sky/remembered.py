"""Answers that were found in one header, for the next header that says the same.

The thousands of headers of a camera differ in a few cards. What is told from the other ones (the
site, the filter, the detector) is told once: while a function answers, the words it asks for are
noted, and the answer counts wherever all of these cards are the same, letter for letter. Nothing
has to be said about which function reads what, so nothing said about it can be wrong.
"""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Generic, TypeAlias, TypeVar

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.words import Header

AnswerT = TypeVar("AnswerT")
_Plan: TypeAlias = tuple[tuple[str, ...], dict[Hashable, AnswerT]]

_MOST_PLANS = 16
"""Sets of words that a function asks for, depending on what it finds: more are searched slowly."""
_MOST_ANSWERS = 2048
_MOST_WORDS = 100


def remembered(function: Callable[..., AnswerT]) -> Callable[..., AnswerT]:
    """Return `function` of a header, which remembers its answers; None is one as well.

    Parameters
    ----------
    function : callable
        Of a header, and of more arguments that are told apart by equality. Its answers are never
        changed by who gets them.
    """
    memory: _Memory[AnswerT] = _Memory()

    @wraps(function)
    def asked(header: Header, *more: Hashable) -> AnswerT:
        if type(header) is not Cards:
            return function(header, *more)
        text_of = header.texts.get
        for words, answers in memory.plans:
            key = (more, *map(text_of, words))
            if key in answers:
                return answers[key]
        watched = _Watched(header)
        answer = function(watched, *more)
        words = tuple(watched.asked)
        memory.keep(words, (more, *map(text_of, words)), answer)
        return answer

    return asked


class _Memory(Generic[AnswerT]):
    """The answers of one function, by the cards they were told from."""

    __slots__ = ("plans",)

    def __init__(self) -> None:
        self.plans: list[_Plan[AnswerT]] = []

    def keep(self, words: tuple[str, ...], key: Hashable, answer: AnswerT) -> None:
        if len(words) > _MOST_WORDS:
            return
        answers = next((found for asked, found in self.plans if asked == words), None)
        if answers is None or len(answers) >= _MOST_ANSWERS:
            others = [plan for plan in self.plans if plan[0] != words]
            answers = {}
            self.plans = [*others[1 - _MOST_PLANS :], (words, answers)]
        answers[key] = answer


class _Watched:
    """A header that notes which words it is asked for."""

    __slots__ = ("_header", "asked")
    __iter__ = None  # who looks at all the words cannot be remembered

    def __init__(self, header: Cards) -> None:
        self._header = header
        self.asked: dict[str, None] = {}

    @property
    def comments(self) -> "_WatchedComments":
        """Comments by keyword."""
        return _WatchedComments(self._header.comments, self.asked)

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the value of `key`, or `default`."""
        self.asked[key] = None
        return self._header.get(key, default)

    def __getitem__(self, key: str, /) -> Any:
        self.asked[key] = None
        return self._header[key]

    def __contains__(self, key: Any, /) -> bool:
        self.asked[key] = None
        return key in self._header


class _WatchedComments:
    __slots__ = ("_asked", "_comments")

    def __init__(self, comments: dict[str, str], asked: dict[str, None]) -> None:
        self._comments = comments
        self._asked = asked

    def __getitem__(self, key: str, /) -> str:
        self._asked[key] = None
        return self._comments[key]
