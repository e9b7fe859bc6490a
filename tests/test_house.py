"""What holds for the project as a whole: its names, its errors, the order of its house."""

import ast
import importlib
import importlib.metadata
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

import astrid_sdk
import astrid_sdk.errors
from astrid_sdk.errors import AstridError

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 400
HEAVY = {
    *("PIL", "astropy", "boto3", "botocore", "dagster", "deltalake", "dvc", "fastapi", "galsim"),
    *("ipywidgets", "matplotlib", "mlflow", "numpy", "obstore", "pandas", "pyarrow", "scipy"),
}
IMPORT_PROBE = """
import json, sys
sockets = []
sys.addaudithook(lambda event, _: sockets.append(event) if event.startswith("socket.") else None)
before = set(sys.modules)
import astrid_sdk
print(json.dumps({"modules": sorted(set(sys.modules) - before), "sockets": sockets}))
"""
# Written in pieces, so that this file does not hold what it looks for.
PLACES_OF_ONE_MACHINE = re.compile(r"(?<![\w.])/(?:work|farm|root|home|Users)" + "/")
REGISTRIES = re.compile(
    "|".join(
        re.escape(f"{host}.{domain}")
        for host, domain in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("debian", "org"),
            ("anaconda", "org"),
        )
    )
)
BLANKET = {"Exception", "BaseException"}
LOCK_FILES = re.compile(r"uv\.lock|poetry\.lock|pylock.*\.toml|package-lock\.json")
BRANCH = re.compile(r"^(?P<indent>[│ ]*)(?:[├└]── )?(?P<name>[A-Z]\w+Error)(?: \((?P<also>\w+)\))?")


@pytest.fixture(scope="module")
def ours(require: Callable[[str], NoReturn]) -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        answer = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        require("not a git checkout: there is no list of files")
    return [path for name in answer.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def python_files(ours: list[Path]) -> list[Path]:
    return [path for path in ours if path.suffix == ".py"]


@pytest.fixture(scope="module")
def probe() -> dict[str, list[str]]:
    """What `import astrid_sdk` does in a new interpreter."""
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT_PROBE], check=True, capture_output=True, text=True, cwd=ROOT
    )
    found: dict[str, list[str]] = json.loads(answer.stdout)
    return found


def test_importing_the_sdk_loads_no_heavy_library(probe: dict[str, list[str]]) -> None:
    assert HEAVY & {name.partition(".")[0] for name in probe["modules"]} == set()


def test_importing_the_sdk_opens_no_socket(probe: dict[str, list[str]]) -> None:
    assert probe["sockets"] == []


def test_the_public_names_are_sorted_and_resolve() -> None:
    assert list(astrid_sdk.__all__) == sorted(astrid_sdk.__all__)
    for name in astrid_sdk.__all__:
        assert getattr(astrid_sdk, name) is not None
        assert name in dir(astrid_sdk)


@pytest.mark.parametrize("name", astrid_sdk.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    said = inspect.getdoc(getattr(astrid_sdk, name)) or ""
    made_by_dataclass = said.startswith(f"{name}(")
    assert said
    assert not made_by_dataclass


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = astrid_sdk.no_such_name


def test_the_exception_tree_is_the_one_drawn() -> None:
    assert dict(_drawn_tree()) == dict(_real_tree(AstridError))


def test_no_module_adds_an_error_of_its_own() -> None:
    for module in pkgutil.walk_packages(astrid_sdk.__path__, "astrid_sdk."):
        importlib.import_module(module.name)
    assert {kind for kind, _ in _real_tree(AstridError)} == {kind for kind, _ in _drawn_tree()}


def test_the_version_is_the_installed_one(require: Callable[[str], NoReturn]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    try:
        installed = importlib.metadata.version(project["name"])
    except importlib.metadata.PackageNotFoundError:
        require("the project is not installed here: run make setup")
    assert installed == project["version"]


def test_constraints_are_a_name_and_one_version_a_line() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    parts = [re.fullmatch(r"([a-z0-9-]+)==([\w.]+)", line) for line in lines]
    names = [part[1] for part in parts if part]
    assert len(names) == len(lines)
    assert names == sorted(set(names))


def test_no_python_file_is_long(python_files: list[Path]) -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in python_files}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_a_blanket_except_hands_the_error_on(python_files: list[Path]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files
        if ROOT / "tests" not in path.parents  # a test may collect what its threads raise
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and _swallows_everything(node)
    ]
    assert found == []


def test_no_file_names_a_place_on_one_machine(ours: list[Path]) -> None:
    assert _holding(PLACES_OF_ONE_MACHINE, ours) == []


def test_no_file_names_a_registry(ours: list[Path]) -> None:
    assert _holding(REGISTRIES, ours) == []


def test_no_lock_file_with_download_addresses_is_kept(ours: list[Path]) -> None:
    assert [path.name for path in ours if LOCK_FILES.fullmatch(path.name)] == []


def _drawn_tree() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give each error in the drawing with the names of its bases."""
    above: dict[int, str] = {}
    for line in inspect.cleandoc(astrid_sdk.errors.__doc__ or "").splitlines():
        found = BRANCH.match(line.removeprefix("    "))
        if found:
            depth = len(found["indent"]) // 4 + ("── " in line)
            above[depth] = found["name"]
            bases = (above.get(depth - 1, "Exception"), found["also"])
            yield found["name"], tuple(base for base in bases if base)


def _real_tree(kind: type[Exception]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield kind.__name__, tuple(base.__name__ for base in kind.__bases__)
    for child in kind.__subclasses__():
        if child.__module__.startswith("astrid_sdk."):
            yield from _real_tree(child)


def _swallows_everything(handler: ast.ExceptHandler) -> bool:
    named = ast.walk(handler.type) if handler.type else [ast.Name("BaseException")]
    is_blanket = any(isinstance(node, ast.Name) and node.id in BLANKET for node in named)
    last = handler.body[-1]
    return is_blanket and not (isinstance(last, ast.Raise) and last.exc is None)


def _holding(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return `file:line: text` for each match of `pattern`."""
    return [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}: {found[0].strip()}"
        for path in paths
        for text in [path.read_text(encoding="utf-8", errors="ignore")]
        for found in pattern.finditer(text)
    ]
