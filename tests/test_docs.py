"""What the documentation says is there, is there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "changelog.d/*.md", "benchmarks/**/*.md")
    for path in sorted(ROOT.glob(pattern))
]
FENCE = re.compile(r"^```[^\n]*\n.*?^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```(?:bash|sh|shell|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
COMMAND = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
MIGHT_BE_ELSEWHERE = ("http://", "https://", "mailto:")


def _commands(program: str) -> list[str]:
    """Return the words that follow `program` in the shell examples of all pages."""
    wanted = re.compile(rf"^(?:\$ )?(?:\.venv/bin/)?{program} ([a-z][\w-]*)", re.MULTILINE)
    return sorted(
        {
            found[1]
            for page in PAGES
            for example in SHELL.finditer(page.read_text())
            for found in wanted.finditer(example[1])
        }
    )


def _links(page: Path) -> Iterator[str]:
    for found in LINK.finditer(FENCE.sub("", page.read_text())):
        if not found[1].startswith(MIGHT_BE_ELSEWHERE):
            yield found[1]


def _anchors(page: Path) -> set[str]:
    """Return the anchors that a Markdown page's headings get."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in _anchors(target)


def test_the_readme_has_the_two_commands() -> None:
    assert {"demo", "test"} <= set(_commands("make"))


@pytest.mark.parametrize("target", _commands("make"))
def test_every_make_target_shown_exists(target: str) -> None:
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", _commands("astrid"))
def test_every_astrid_command_shown_exists(command: str) -> None:
    asked = [sys.executable, "-c", COMMAND, command, "--help"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    assert "Usage: astrid" in answer.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert [link for link in _links(page) if not _leads_somewhere(page, link)] == []
