"""What the code version of a notebook's function counts, and what it refuses to guess."""

import importlib.metadata
import linecache
import textwrap
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from astrid_sdk.catalog.steps.function_step import step_of
from astrid_sdk.catalog.steps.function_version import function_version
from astrid_sdk.errors import InvalidInputError

CELLS = count()
PLAIN = """
def step(inputs):
    return inputs.read("text")
"""


def cell(source: str, space: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run `source` as a notebook's cell and return the notebook's names."""
    text = textwrap.dedent(source)
    name = f"<cell {next(CELLS)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    notebook = {"__name__": "__main__"} if space is None else space
    exec(compile(text, name, "exec"), notebook)  # noqa: S102 - as a notebook does
    return notebook


def version(source: str, *more: str) -> str:
    """Return the version of ``step`` after a cell and further cells of the same notebook."""
    notebook = cell(source)
    for each in more:
        cell(each, notebook)
    return function_version(notebook["step"], ("numpy",))


def test_the_same_source_is_the_same_version_in_any_notebook() -> None:
    assert version(PLAIN) == version(PLAIN) == version("\n\n" + PLAIN)


def test_another_source_is_another_version() -> None:
    assert version(PLAIN) != version(PLAIN.replace("text", "words"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMIT = '3'"),
        ("LIMIT = [1, {'a': (2,)}]", "LIMIT = [1, {'a': (3,)}]"),
        ("LIMIT = {1, 2}", "LIMIT = {1, 3}"),
        ("import numpy as np; LIMIT = np.arange(3)", "import numpy as np; LIMIT = np.arange(4)"),
        (
            "from astropy import units; LIMIT = 3 * units.deg",
            "from astropy import units; LIMIT = 3 * units.arcsec",
        ),
        ("import re; LIMIT = re.compile('a')", "import re; LIMIT = re.compile('b')"),
        ("def LIMIT(): return 1", "def LIMIT(): return 2"),
        ("class LIMIT:\n  x = 1", "class LIMIT:\n  x = 2"),
        ("class LIMIT:\n  def x(self): return 1", "class LIMIT:\n  def x(self): return 2"),
    ],
)
def test_globals_that_the_function_names_count(one: str, other: str) -> None:
    uses = "def step(inputs):\n    return [LIMIT for _ in range(3)]\n"
    assert version(one + "\n" + uses) == version(one + "\n" + uses)
    assert version(one + "\n" + uses) != version(other + "\n" + uses)


def test_what_stands_in_the_notebook_and_is_not_named_does_not_count() -> None:
    assert version("OTHER = object()" + PLAIN) == version(PLAIN)


def test_functions_behind_functions_count_and_may_name_each_other() -> None:
    source = """
    def step(inputs): return first(3)
    def first(n): return second(n - 1) if n else 0
    def second(n): return first(n) + {}
    """
    assert version(source.format(1)) == version(source.format(1))
    assert version(source.format(1)) != version(source.format(2))


def test_a_cell_that_is_run_again_counts_at_once() -> None:
    source = "def step(inputs): return helper()\ndef helper(): return 1\n"
    assert version(source, "def helper(): return 2") == version(source.replace("1", "2"))


def test_defaults_and_closures_count() -> None:
    closed = "def make(n):\n    def step(inputs): return n\n    return step\nstep = make({})\n"
    assert version(closed.format(1)) != version(closed.format(2))
    default = "N = {}\ndef step(inputs, n=N): return n\n"
    assert version(default.format(1)) != version(default.format(2))


def test_a_decorator_of_the_notebook_counts() -> None:
    source = """
    import functools
    def twice(function):
        @functools.wraps(function)
        def wrapper(*args): return {} * function(*args)
        return wrapper
    @twice
    def helper(x): return x
    def step(inputs): return helper(1)
    """
    assert version(source.format(2)) == version(source.format(2))
    assert version(source.format(2)) != version(source.format(3))


def test_the_versions_of_libraries_it_names_count(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import scipy.ndimage as nd\ndef step(inputs): return nd.label(inputs)\n"
    inside = "def step(inputs):\n    import scipy\n    return scipy\n"
    before = [version(source), version(inside), version(PLAIN)]
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "9.9" if name == "scipy" else real(name)
    )
    after = [version(source), version(inside), version(PLAIN)]
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, False]


def test_a_module_beside_the_notebook_counts_with_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "beside_helper.py").write_text("import beside_deeper\nGAIN = 1\n")
    (tmp_path / "beside_deeper.py").write_text("BIAS = 1\n")
    source = "import beside_helper\ndef step(inputs): return beside_helper.GAIN\n"
    named = "from beside_helper import GAIN as f\ndef step(inputs): return f\n"
    before = version(source)
    assert version(source) == before
    assert version(named)
    (tmp_path / "beside_deeper.py").write_text("BIAS = 2\n")
    assert version(source) != before


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("T = object()\ndef step(inputs): return T", "it names T, a object"),
        (
            "import pandas as pd\nT = pd.DataFrame()\ndef step(inputs): return T",
            "it names T, a DataFrame",
        ),
        (
            "import numpy\nT = numpy.array([None])\ndef step(inputs): return T",
            "an array of Python objects",
        ),
        ("T = [].append\ndef step(inputs): return T", "it names T"),
        ("step = lambda inputs: 1", "no function made by def"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_to_do(source: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as caught:
        version(source)
    assert caught.value.kind == "no_source"
    assert 'version="1"' in caught.value.message


def test_a_function_without_a_source_is_refused_unless_its_author_names_it() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def step(inputs): return 1", space)  # noqa: S102 - as python -c does
    with pytest.raises(InvalidInputError, match=r"step is: its source cannot be found") as refused:
        step_of(space["step"])
    assert refused.value.__suppress_context__
    assert step_of(space["step"], version="1").code_version == "1"


def test_what_takes_no_inputs_is_no_step() -> None:
    with pytest.raises(InvalidInputError, match="is no step"):
        step_of(cell("def step(): return 1")["step"])
