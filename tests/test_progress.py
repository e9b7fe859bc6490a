"""Where a bar is shown, and what it looks like."""

import io
import sys
import types
from typing import Any

import pytest
from typing_extensions import override

from astrid_sdk.progress import Progress, shown


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


class Ascii(Terminal):
    encoding = "ascii"


class Shown:
    """What a notebook keeps of one output."""

    def __init__(self) -> None:
        self.pages: list[dict[str, str]] = []

    def display(self, bundle: dict[str, str], **options: Any) -> "Shown":
        assert options == {"raw": True, "display_id": True}
        self.pages.append(bundle)
        return self

    def update(self, bundle: dict[str, str], **_: Any) -> None:
        self.pages.append(bundle)


def work(*, progress: Progress | bool) -> None:
    with shown(progress, "ingesting") as tell:
        if tell is not None:
            tell(0, 2, "a\x1b[2J.fits")
            tell(1, 2, "throttled")
            tell(2, 2, "")


def test_a_callable_is_told_itself() -> None:
    told: list[Any] = []
    work(progress=lambda *step: told.append(step))
    assert len(told) == 3


def test_where_nobody_watches_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    work(progress=True)
    work(progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_one_line_and_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    work(progress=True)
    lines = terminal.getvalue().split("\r")
    assert "ingesting" in lines[1]
    assert "0/2 a?[2J.fits" in lines[1]
    assert "2/2" in lines[2]
    assert (lines[-2].strip(), lines[-1]) == ("", "")
    assert "\n" not in terminal.getvalue()


def test_a_terminal_that_knows_few_letters_is_spared_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Ascii())
    work(progress=True)
    assert terminal.getvalue().isascii()


def test_a_notebook_has_one_output_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Shown()
    shell = types.SimpleNamespace(kernel=object())
    fake = types.SimpleNamespace(
        get_ipython=lambda: shell, display=types.SimpleNamespace(display=output.display)
    )
    monkeypatch.setitem(sys.modules, "IPython", fake)
    work(progress=True)
    assert [page["text/plain"] for page in output.pages] == ["ingesting 0/2", "ingesting 2/2"]
    assert "<progress" in output.pages[0]["text/html"]


def test_a_bar_is_taken_away_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with pytest.raises(ZeroDivisionError), shown(progress=True, verb="ingesting") as tell:
        tell(1 // 0, 2, "a.fits") if tell is not None else None
    assert terminal.getvalue().endswith("\r")
