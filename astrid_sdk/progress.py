"""A bar for work that takes a while: in a notebook, on a terminal, and nowhere else."""

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO, TypeAlias

Progress: TypeAlias = Callable[[int, int, str], object]
"""Called with parts done, parts in all, and the part at hand."""

_EVERY_S = 0.2
_BAR_CELLS = 24
_LINE_CELLS = 78


class _Display(Protocol):
    def show(self, done: int, total: int, said: str) -> None:
        """Show how far it is."""

    def end(self) -> None:
        """Show no more."""


@contextmanager
def shown(progress: "Progress | bool", verb: str) -> Iterator[Progress | None]:
    """Yield what to tell how far it is: `progress` itself, or a bar where that is True.

    Parameters
    ----------
    progress : callable or bool
    verb : str
        What is done, such as ``"ingesting"``.
    """
    display = _display(verb) if progress is True else None
    if display is None:
        yield None if isinstance(progress, bool) else progress
        return
    shown_s = [float("-inf")]

    def tell(done: int, total: int, said: str) -> None:
        now_s = time.monotonic()
        if done == total or now_s - shown_s[0] >= _EVERY_S:
            shown_s[0] = now_s
            display.show(done, total, said)

    try:
        yield tell
    finally:
        display.end()


def _display(verb: str) -> _Display | None:
    """Return the bar for where this runs; None where nobody watches."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is not None:
        return _NotebookBar(verb)
    if sys.stderr is not None and sys.stderr.isatty():
        return _TerminalBar(verb, sys.stderr)
    return None


class _TerminalBar:
    """One line that is written over and over, and is gone at the end."""

    def __init__(self, verb: str, stream: TextIO) -> None:
        self._verb = verb
        self._stream = stream

    def show(self, done: int, total: int, said: str) -> None:
        filled = _BAR_CELLS * done // max(total, 1)
        bar = "█" * filled + "░" * (_BAR_CELLS - filled)
        line = f"{self._verb} {bar} {done:,}/{total:,} {_printable(said)}"
        self._write(f"\r{line[:_LINE_CELLS]:{_LINE_CELLS}}")

    def end(self) -> None:
        self._write(f"\r{'':{_LINE_CELLS}}\r")

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "ascii"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


class _NotebookBar:
    """One output that is replaced over and over; the last state stays."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._handle: Any = None

    def show(self, done: int, total: int, said: str) -> None:
        text = f"{self._verb} {done:,}/{total:,}"
        bar = f'<progress value="{done}" max="{max(total, 1)}"></progress>'
        page = f"{bar} {text} <code>{html.escape(_printable(said))}</code>"
        bundle = {"text/plain": text, "text/html": page}
        if self._handle is None:
            display = sys.modules["IPython"].display.display
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def end(self) -> None:
        self._handle = None


def _printable(text: str) -> str:
    """Return `text` without what moves the cursor: file names may hold anything."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
