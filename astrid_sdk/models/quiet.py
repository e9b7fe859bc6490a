"""MLflow as a library: imported late, with its telemetry off, and silent while it works for us.

MLflow is told everything through arguments. Nothing is set in the process environment, nor in
MLflow's own globals but for two: its telemetry is off when it is we who import it first, and its
log handlers ask here whether they are to speak.
"""

import contextlib
import functools
import importlib
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

_LOGGERS = ("mlflow", "alembic")
_importing = threading.Lock()
_working: ContextVar[bool] = ContextVar("astrid_mlflow_working", default=False)


def mlflow_module(name: str = "mlflow") -> Any:
    """Return MLflow, or one of its modules, imported now if need be (seconds, the first time)."""
    found = sys.modules.get(name)
    return found if found is not None and _prepared.cache_info().currsize else _imported(name)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Let MLflow log nothing in this thread for as long as this lasts."""
    token = _working.set(True)
    try:
        yield
    finally:
        _working.reset(token)


def _imported(name: str) -> Any:
    with _importing, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries below it
        _prepared()
        return importlib.import_module(name)


@functools.cache
def _prepared() -> None:
    is_first = "mlflow" not in sys.modules
    importlib.import_module("mlflow")
    if is_first:
        _switch_telemetry_off()
    for logger in _LOGGERS:
        for handler in logging.getLogger(logger).handlers:
            handler.addFilter(_may_speak)


def _switch_telemetry_off() -> None:
    """Take away the client that would send, before anything was recorded to be sent.

    MLflow's documented switch is a variable of the environment, which is not ours to write. What
    importing MLflow wrote there, a session's id, goes with the client.
    """
    client = importlib.import_module("mlflow.telemetry.client")
    if client.get_telemetry_client() is not None:
        client._set_telemetry_client(None)  # noqa: SLF001 - there is no public way


def _may_speak(_record: logging.LogRecord) -> bool:
    return not _working.get()
