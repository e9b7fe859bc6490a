"""Answers told from one header, for the next one that says the same."""

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.remembered import remembered
from astrid_sdk.sky.words import Header, comment_of

FIELD = st.sampled_from(["T", "1", "1.0", "-0.0", "0.0", "'1'", "'x'", "'x' / of y", "'x' / of z"])
HEADER = st.dictionaries(st.sampled_from(["A", "B", "C", "D"]), FIELD)


def header(fields: dict[str, str]) -> Cards:
    return Cards.parse("".join(f"{word:8}= {field}".ljust(80) for word, field in fields.items()))


def told(cards: Header, more: str = "") -> str:
    """Return what depends on values, types, comments and presence, and on where it looks next."""
    first = cards.get("A")
    if "B" in cards:
        return f"{first!r} {cards['B']!r} {comment_of(cards, 'B')}{more}"
    return f"{first!r} {cards.get('C', 'none')!r}{more}"


@given(st.lists(st.tuples(HEADER, st.sampled_from(["", "more"])), max_size=30))
def test_a_remembered_answer_is_the_answer(asked: list[tuple[dict[str, str], str]]) -> None:
    function = remembered(told)
    for fields, more in asked:
        assert function(header(fields), more) == told(header(fields), more)


def test_the_same_cards_are_asked_once() -> None:
    calls = []
    function = remembered(lambda cards: calls.append(cards.get("A")))
    for changing in range(10):
        function(header({"A": "1", "B": str(changing)}))
    assert calls == [1]


def test_a_refusal_is_raised_each_time() -> None:
    function = remembered(lambda cards: cards["A"])
    for _ in range(2):
        with pytest.raises(KeyError):
            function(header({}))


def test_a_header_of_astropy_is_asked_itself() -> None:
    assert remembered(told)(fits.Header({"A": 1, "B": "x"})) == "1 'x' "


def test_cards_that_were_put_over_others_are_told_from_them() -> None:
    function = remembered(told)
    below = header({"A": "1"})
    assert [function(Cards({"A": value}, {"A": ""}).over(below)) for value in (True, 1.0, 1)] == [
        "True 'none'",
        "1.0 'none'",
        "1 'none'",
    ]


def test_many_different_headers_do_not_pile_up() -> None:
    function = remembered(lambda cards: cards.get(str(cards.get("A"))))
    for number in range(100):
        assert function(header({"A": str(number)})) is None
