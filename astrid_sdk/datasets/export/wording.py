"""Texts of strangers within Markdown and YAML: what they hold stays text."""

import re

_MARKS = re.compile(r"([\\`*_\[\]<>|~&])")
_LINE_STARTS = re.compile(r"^(\s*)([#+=-]|\d+[.)](?=\s|$))", re.MULTILINE)


def markdown(text: str) -> str:
    """Return `text` as Markdown that shows it, line by line; it can hold no mark-up of its own."""
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)
    marked = _MARKS.sub(r"\\\1", shown).replace("\\<", "&lt;").replace("\\&", "&amp;")
    return _LINE_STARTS.sub(_held, marked)


def one_line(text: str) -> str:
    """Return `text` for a cell of a Markdown table."""
    return markdown(" ".join(text.split())) or "(empty)"


def yaml(text: str) -> str:
    """Return `text` in the double quotes of YAML 1.2, section 5.7, on one line."""
    written = []
    for letter in text:
        if letter in '"\\':
            written.append(f"\\{letter}")
        else:
            written.append(letter if letter.isprintable() else f"\\U{ord(letter):08x}")
    return f'"{"".join(written)}"'


def _held(found: re.Match[str]) -> str:
    space, mark = found.groups()
    return f"{space}{mark[:-1]}\\{mark[-1]}"
