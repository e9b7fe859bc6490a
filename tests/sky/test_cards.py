import io
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.sky.cards import Cards

# a quote before a slash is misread by astropy itself; quotes have their own test below
TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="'"), max_size=150
)
VALUE = st.one_of(TEXT, st.booleans(), st.integers(-(2**62), 2**62), st.floats(-1e300, 1e300))


def card(text: str) -> str:
    assert len(text) <= 80
    return text.ljust(80)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_-]{0,7}", fullmatch=True), VALUE, max_size=9))
def test_cards_say_what_astropy_wrote(values: dict[str, str | bool | float]) -> None:
    header = fits.Header()
    reserved = {"END", "COMMENT", "HISTORY", "CONTINUE", "HIERARCH"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, value in values.items():
            if key not in reserved:
                header[key] = value
        text = header.tostring(padding=False)  # where long numbers are rounded to fit
        found, read = Cards.parse(text), fits.Header.fromstring(text)
        assert set(found) == set(read)
        for key, value in read.items():
            assert found[key] == (value.rstrip() if isinstance(value, str) else value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("KEY     =                 1.D+02 / Fortran's double", 100.0),
        ("KEY     =                   -.5", -0.5),
        ("KEY     =                     2.", 2.0),
        ("KEY     = 'it''s    '           / a quote", "it's"),
        ("KEY     = 'a / b'", "a / b"),
        ("KEY     = ''", ""),
        ("KEY     =                    T", True),
        ("KEY     =                    F/no space", False),
        ("HIERARCH KEY = 'r.00000' / a long keyword", "r.00000"),
    ],
)
def test_values_are_read_as_the_standard_says(text: str, value: object) -> None:
    assert Cards.parse(card(text))["KEY"] == value


@pytest.mark.parametrize(
    "text",
    [
        "KEY     = 'never closed",
        "KEY     =",
        "KEY     = (1.0, 2.0)",
        "KEY     = 12 monkeys",
        "KEY       no value",
        "COMMENT   KEY = 1",
        "KEY     = 'closed' and more",
    ],
)
def test_a_card_that_cannot_be_read_costs_only_itself(text: str) -> None:
    found = Cards.parse(card(text) + card("NEXT    =                    1"))
    assert dict(found) == {"NEXT": 1}


def test_long_words_are_continued_and_hierarchies_kept() -> None:
    header = fits.Header()
    header["LONG"] = "x" * 150
    header["HIERARCH ESO INS FILT1 NAME"] = ("R#642", "filter")
    found = Cards.parse(header.tostring(padding=False))
    assert found["LONG"] == "x" * 150
    assert found["ESO INS FILT1 NAME"] == "R#642"
    assert found.comments["ESO INS FILT1 NAME"] == "filter"


def test_of_a_repeated_keyword_the_first_counts_and_after_end_nothing_does() -> None:
    text = card("A       =                    1") + card("A       =                    2")
    assert dict(Cards.parse(text + card("END") + card("B       =                    3"))) == {
        "A": 1
    }


def test_comments_are_kept() -> None:
    found = Cards.parse(card("EXPOSURE=                  0.5 / [d] time on source"))
    assert found.comments["EXPOSURE"] == "[d] time on source"


def test_noise_is_read_without_an_error() -> None:
    rng = np.random.default_rng(5)
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.zeros((9, 9))).writeto(buffer)
    for _ in range(200):
        raw = bytearray(buffer.getvalue()[:2880])
        for place in rng.integers(0, 2880, 40):
            raw[place] = rng.integers(32, 127)
        Cards.parse(raw.decode("ascii"))
