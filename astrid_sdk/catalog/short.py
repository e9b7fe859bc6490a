"""How a single value shows itself: one line that names what it is."""

_MOST_CHARACTERS = 120
_NAME_CHARACTERS = 48
_HASH_DIGITS = 8


def line(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return ``<text>`` as one line of at most `most` characters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"<{plain}>" if len(plain) <= most - 2 else f"<{plain[: most - 3]}…>"


def called(name: str, content_hash: str, most: int = _NAME_CHARACTERS) -> str:
    """Return ``name@hash8``, the middle of a long name left out."""
    if len(name) > most:
        half = most // 2
        name = f"{name[: half - 1]}…{name[-half:]}"
    return f"{name}@{content_hash[:_HASH_DIGITS]}"


def known(*words: str | None) -> str:
    """Return the words that are known, blanks between them."""
    return " ".join(word for word in words if word)


def position(ra_deg: float | None, dec_deg: float | None) -> str:
    """Return a position in degrees, "" where it is not known."""
    if ra_deg is None or dec_deg is None:
        return ""
    return f"at {ra_deg:.5f} {dec_deg:+.5f}"
