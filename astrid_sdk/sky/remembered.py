"""Answers that were found in one header, for the next header that says the same.

The thousands of headers of a camera differ in a few cards. What is told from the other ones (the
site, the filter, the detector) is told once: while a function answers, the words it asks for are
noted, and the answer counts wherever all of these cards are the same, letter for letter, in a
header of the same keywords. Nothing has to be said about which function reads what, so nothing said
about it can be wrong.
"""

from collections.abc import Callable, Hashable, Iterator
from functools import wraps
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.words import Header

AnswerT = TypeVar("AnswerT")
_Texts: TypeAlias = Callable[[dict[str, str]], Hashable]
_Plan: TypeAlias = tuple[tuple[str, ...], _Texts, dict[Hashable, AnswerT]]

_MOST_LAYOUTS = 64
"""Kinds of headers that are known at a time: so many cameras are rarely in one folder."""
_MOST_PLANS = 8
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
    plans_of = memory.plans.get

    @wraps(function)
    def asked(header: Header, *more: Hashable) -> AnswerT:
        if type(header) is not Cards:
            return function(header, *more)
        texts = header.texts
        for _, texts_of, answers in plans_of(header.layout, ()):
            key = (texts_of(texts), more)
            if key in answers:
                return answers[key]
        watched = _Watched(header)
        answer = function(watched, *more)
        memory.keep(header, tuple(word for word in watched.asked if word in texts), more, answer)
        return answer

    return asked


class _Memory(Generic[AnswerT]):
    """The answers of one function, by the keywords of a header and the cards they were told from.

    A word that is not there is told by the keywords: only those that are there are looked at.
    """

    __slots__ = ("plans",)

    def __init__(self) -> None:
        self.plans: dict[tuple[str, ...], list[_Plan[AnswerT]]] = {}

    def keep(self, header: Cards, words: tuple[str, ...], more: Hashable, answer: AnswerT) -> None:
        if len(words) > _MOST_WORDS:
            return
        if header.layout not in self.plans and len(self.plans) == _MOST_LAYOUTS:
            del self.plans[next(iter(self.plans))]
        plans = self.plans.setdefault(header.layout, [])
        plan = next((plan for plan in plans if plan[0] == words), None)
        if plan is None or len(plan[2]) >= _MOST_ANSWERS:
            others = [other for other in plans if other[0] != words]
            plan = (words, _texts_of(words), {})
            plans[:] = [*others[1 - _MOST_PLANS :], plan]
        plan[2][plan[1](header.texts), more] = answer


def _texts_of(words: tuple[str, ...]) -> _Texts:
    return itemgetter(*words) if words else lambda _texts: ()


class _Watched:
    """A header that notes which words it is asked for.

    To go through its keywords is to ask for no card: they are the same wherever an answer counts.
    """

    __slots__ = ("_header", "asked")

    def __init__(self, header: Cards) -> None:
        self._header = header
        self.asked: dict[str, None] = {}

    @property
    def comments(self) -> "_WatchedComments":
        """Comments by keyword."""
        return _WatchedComments(self._header.comments, self.asked)

    @property
    def layout(self) -> tuple[str, ...]:
        """The keywords, in their order."""
        return self._header.layout

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the value of `key`, or `default`."""
        self.asked[key] = None
        return self._header.get(key, default)

    def __getitem__(self, key: str, /) -> Any:
        self.asked[key] = None
        return self._header[key]

    def __contains__(self, key: Any, /) -> bool:
        return key in self._header

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)


class _WatchedComments:
    __slots__ = ("_asked", "_comments")

    def __init__(self, comments: dict[str, str], asked: dict[str, None]) -> None:
        self._comments = comments
        self._asked = asked

    def __getitem__(self, key: str, /) -> str:
        self._asked[key] = None
        return self._comments[key]
