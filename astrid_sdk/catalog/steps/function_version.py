"""Which code a function of a notebook is: its source, what it names, and the libraries behind.

A function in a cell has no module whose source could be hashed. What it computes depends on its
own source, on the values it closes over or takes by default, on the globals it names (plain
values, and functions of the same notebook, which count in the same way), on the source of modules
that lie beside it, and on the versions of the libraries that it names or imports. What cannot be
told is refused: a result remembered under a wrong name would be given to everybody.
"""

import builtins
import dis
import functools
import importlib.metadata
import inspect
import logging
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from astrid_sdk.canonical import JsonValue, json_hash
from astrid_sdk.catalog.steps.code_version import (
    imported_modules,
    is_counted,
    library_versions,
    module_sources,
)
from astrid_sdk.catalog.steps.plain_values import plain
from astrid_sdk.errors import InvalidInputError

_LOADS_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME"}
_OWN = __name__.partition(".")[0]
_NUMPY = {np.ufunc: "numpy"}  # older ones do not say where they are from


def function_version(function: Callable[..., Any], libraries: tuple[str, ...]) -> str:
    """Return the hash that changes when what `function` computes may change.

    Parameters
    ----------
    function : callable
        Made by ``def``, in a notebook, a script or a module.
    libraries : tuple of str
        Distributions whose version counts beside those that the function names.

    Raises
    ------
    InvalidInputError
        The source of the function, or of something it names, cannot be told (kind ``no_source``).
    """
    reader = _Reader(function)
    versions = {**reader.libraries, **library_versions(libraries)}
    return json_hash({"functions": reader.told(), "libraries": versions})


def source_of(function: Callable[..., Any]) -> str:
    """Return the source of a function, as if it stood at the left margin.

    Raises
    ------
    InvalidInputError
        It cannot be told (kind ``no_source``).
    """
    if not isinstance(function, types.FunctionType) or function.__name__ == "<lambda>":
        called = getattr(function, "__qualname__", type(function).__name__)
        raise _untold(called, "it is no function made by def")
    return _source(function.__code__)


@functools.lru_cache(maxsize=10_000)
def _source(code: types.CodeType) -> str:
    """Read a source once: a file that is edited later does not change what is in memory."""
    try:
        return textwrap.dedent(inspect.getsource(code)).rstrip()
    except (OSError, TypeError):  # which say no more than that
        raise _untold(code.co_qualname, "its source cannot be found") from None


class _Reader:
    """Reads a function and the functions of its notebook that it names, each once."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._home = function.__module__
        self._names: dict[int, str] = {}  # by identity: a decorator gives its name to many
        self._told: dict[str, JsonValue] = {}
        self.libraries: dict[str, str] = {}
        self._read(function)

    def told(self) -> JsonValue:
        return self._told

    def _read(self, function: Callable[..., Any]) -> str:
        """Take a function in and return what it is called here."""
        source = source_of(function)
        if id(function) in self._names or not isinstance(function, types.FunctionType):
            return self._names[id(function)]
        name = f"{len(self._names)} {function.__code__.co_qualname}"
        self._names[id(function)] = name  # before the others: two functions may name each other
        named = {**_closure(function), **_defaults(function), **_globals(function)}
        told = {word: self._value(name, word, value) for word, value in sorted(named.items())}
        imported = [self._module(name, module) for module in _imported(function.__code__)]
        self._told[name] = {"source": source, "names": told, "imports": imported}
        return name

    def _value(self, function: str, word: str, value: Any) -> JsonValue:
        """Return what stands for `value`, which `function` knows as `word`."""
        if isinstance(value, types.ModuleType):
            return self._module(function, value.__name__)
        if isinstance(value, logging.Logger):  # it tells, and changes no result
            return {"logger": value.name}
        if hasattr(value, "__wrapped__") and not isinstance(value, types.FunctionType):
            return self._value(function, word, inspect.unwrap(value))  # a step, or a cache
        if _is_code(value):
            return self._callable(function, value)
        try:
            return {"value": plain(value)}
        except TypeError as error:
            raise _untold(
                function,
                f"it names {word}, {error}, whose value cannot be part of a name: give it as an "
                "input or a parameter",
            ) from error

    def _callable(self, function: str, value: Any) -> JsonValue:
        module = getattr(value, "__module__", None) or _NUMPY.get(type(value), builtins.__name__)
        called = getattr(value, "__qualname__", value.__name__)
        if module != self._home:
            return {"from": self._module(function, module), "name": called}
        return self._class(value) if isinstance(value, type) else {"function": self._read(value)}

    def _class(self, value: type) -> JsonValue:
        """Return a class of the notebook by its methods: a cell's classes have no source."""
        told: dict[str, JsonValue] = {"bases": [base.__qualname__ for base in value.__bases__]}
        for name, member in sorted(vars(value).items()):
            method = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(method, types.FunctionType):
                told[name] = self._read(method) if _is_written(method) else ""
            elif not name.startswith("__"):
                told[name] = self._value(value.__qualname__, name, member)
        return {"class": told}

    def _module(self, function: str, module: str) -> JsonValue:
        """Return what stands for a module: its sources where it is beside us, else its name."""
        if not _is_beside_us(module):
            self._count_library(module)
            return {"module": module}
        try:
            sources = module_sources(module, _is_beside_us)
            for name in sources:
                for library in imported_modules(name, _is_library):
                    self._count_library(library)
        except (InvalidInputError, SyntaxError) as error:
            raise _untold(function, f"it uses {module}, which has no source file") from error
        return {"module": module, "sources": sources}

    def _count_library(self, module: str) -> None:
        if _is_library(module):
            name = _distributions()[_top(module)]
            self.libraries[name] = importlib.metadata.version(name)


def _is_code(value: Any) -> bool:
    """Return whether `value` is a class or a function: a method also is what it is bound to."""
    if isinstance(value, types.BuiltinFunctionType):
        return value.__self__ is None or isinstance(value.__self__, types.ModuleType)
    return isinstance(value, (type, types.FunctionType, np.ufunc))


def _is_library(module: str) -> bool:
    return _top(module) in _distributions() and _top(module) != _OWN


def _is_beside_us(module: str) -> bool:
    """Return whether a module is somebody's own, or one of ours where numbers are made."""
    top = _top(module)
    if top == _OWN:
        return is_counted(module)
    return top not in sys.stdlib_module_names and not _is_library(module)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _globals(function: types.FunctionType) -> dict[str, Any]:
    """Return the globals that a function and the functions inside it name, with their values."""
    space = function.__globals__
    words = {word for code in _codes(function.__code__) for word in _named(code)}
    return {word: space[word] for word in words if word in space}


def _named(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in _LOADS_GLOBAL:
            yield str(instruction.argval)


def _imported(code: types.CodeType) -> list[str]:
    """Return the modules that are imported inside a function."""
    found = {
        str(instruction.argval)
        for inner in _codes(code)
        for instruction in dis.get_instructions(inner)
        if instruction.opname == "IMPORT_NAME"
    }
    return sorted(found - {"__future__"})


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _closure(function: types.FunctionType) -> dict[str, Any]:
    closed: dict[str, Any] = {}
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        with suppress(ValueError):  # it is not filled yet
            closed[name] = cell.cell_contents
    return closed


def _defaults(function: types.FunctionType) -> dict[str, Any]:
    parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    return {
        f"{parameter.name}=": parameter.default
        for parameter in parameters
        if parameter.default is not inspect.Parameter.empty
    }


def _is_written(method: types.FunctionType) -> bool:
    """Return whether somebody wrote the method: a dataclass makes its own from its fields."""
    return not method.__code__.co_filename.startswith("<string>")


@functools.cache
def _distributions() -> dict[str, str]:
    """Return by top-level module the distribution that it comes with."""
    found = importlib.metadata.packages_distributions()
    return {module: min(names) for module, names in found.items()}


def _untold(function: str, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"cannot tell which code {function} is: {reason}; or say which it is yourself with "
        'version="1", and raise that with every change',
        kind="no_source",
    )
