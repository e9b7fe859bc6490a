"""Which code made this: a hash over a function's module, our modules it imports, and libraries."""

import ast
import functools
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from astrid_sdk.canonical import json_hash, sha256_hex
from astrid_sdk.errors import InvalidInputError

# Where numbers are made. Storage and catalogue move bytes; they cannot change what is computed.
_COUNTED = ("astrid_sdk.pipeline", "astrid_sdk.sky", "astrid_sdk.datasets")


@functools.cache
def code_version(function: Callable[..., Any], libraries: tuple[str, ...]) -> str:
    """Return the hash that changes when what `function` computes may change.

    Parameters
    ----------
    function : callable
        Defined at the top of one of our modules.
    libraries : tuple of str
        Distributions whose version counts.

    Raises
    ------
    InvalidInputError
        The function's module has no source file, as in a notebook.
    """
    sources = {name: sha256_hex(Path(_origin(name)).read_bytes()) for name in _reach(function)}
    return json_hash({"sources": sources, "libraries": library_versions(libraries)})


def library_versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each distribution."""
    return {name: version(name) for name in libraries}


def _reach(function: Callable[..., Any]) -> list[str]:
    """Return the names of our modules that the module of `function` imports, itself included."""
    reached: set[str] = set()
    waiting = [function.__module__]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting.extend(_imported(module))
    return sorted(reached)


def _imported(module: str) -> Iterator[str]:
    tree = ast.parse(Path(_origin(module)).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _counts(node.module or ""):
            yield from _imported_from(node.module or "", [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _counts(alias.name))


def _imported_from(module: str, names: Sequence[str]) -> Iterator[str]:
    """Yield `module`, and those of `names` that are modules in it rather than names."""
    yield module
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.submodule_search_locations is not None:
        inner = (f"{module}.{name}" for name in names)
        yield from (name for name in inner if importlib.util.find_spec(name) is not None)


def _counts(module: str) -> bool:
    return module.startswith(tuple(f"{name}." for name in _COUNTED)) or module in _COUNTED


def _origin(module: str) -> str:
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:  # __main__ of a notebook
        spec = None
    if spec is None or spec.origin is None:
        raise InvalidInputError(
            f"a step must live in a module with a source file, not in {module}: its source is part "
            "of the name of what it computes",
            kind="no_source",
        )
    return spec.origin
