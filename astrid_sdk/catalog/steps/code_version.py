"""Which code made this: a hash over a function's module, our modules it imports, and libraries."""

import ast
import functools
import importlib.util
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from pathlib import Path
from typing import Any

from astrid_sdk.canonical import json_hash, sha256_hex
from astrid_sdk.errors import InvalidInputError

# Where numbers are made. Storage and catalogue move bytes; they cannot change what is computed.
_COUNTED = (
    "astrid_sdk.pipeline",
    "astrid_sdk.sky",
    "astrid_sdk.datasets",
    "astrid_sdk.models.real_bogus",
)

Counts = Callable[[str], bool]
"""Says whether a module's source counts."""


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
    sources = module_sources(function.__module__, is_counted)
    return json_hash({"sources": sources, "libraries": library_versions(libraries)})


def library_versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each distribution."""
    return {name: version(name) for name in libraries}


def is_counted(module: str) -> bool:
    """Return whether `module` is one of ours where numbers are made."""
    return module.startswith(tuple(f"{name}." for name in _COUNTED)) or module in _COUNTED


def module_sources(module: str, counts: Counts) -> dict[str, str]:
    """Return the hash of the source of `module` and of the modules that count which it reaches.

    Raises
    ------
    InvalidInputError
        One has no source file.
    """
    return {name: sha256_hex(_path(name).read_bytes()) for name in _reach(module, counts)}


def imported_modules(module: str, counts: Counts) -> Iterator[str]:
    """Yield the modules that count among those that the source of `module` imports.

    Of a name that is imported from a package its own module is yielded, where it is one.
    """
    package = _spec(module).parent or ""
    for node in ast.walk(ast.parse(_path(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            if counts(source):
                yield from _imported_from(source, [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if counts(alias.name))


def _reach(module: str, counts: Counts) -> list[str]:
    """Return `module` and the modules that count which it imports, directly or not."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(imported_modules(name, counts))
    return sorted(reached)


def _imported_from(module: str, names: list[str]) -> Iterator[str]:
    """Yield `module`, and those of `names` that are modules in it rather than names."""
    yield module
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.submodule_search_locations is not None:
        inner = (f"{module}.{name}" for name in names)
        yield from (name for name in inner if importlib.util.find_spec(name) is not None)


def _path(module: str) -> Path:
    return Path(_spec(module).origin or "")


def _spec(module: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:  # __main__ of a notebook
        spec = None
    if spec is None or not spec.has_location:
        raise InvalidInputError(
            f"a step must live in a module with a source file, not in {module}: its source is part "
            "of the name of what it computes",
            kind="no_source",
        )
    return spec
