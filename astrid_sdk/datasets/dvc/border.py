"""The border to DVC: one call at a time, silent, its errors made ours.

DVC is a program first: it logs, shows bars, and counts on being alone in its process. What is ours
to decide is decided without it; what is its own (a new repository, its configuration, its ignore
rules, YAML) goes through here.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from astrid_sdk.errors import AstridError, ConflictError, InvalidInputError, NotFoundError

_LOCK = threading.RLock()
_LOGGERS = ("dvc", "dvc_data", "dvc_objects", "scmrepo")
_KINDS: Mapping[str, type[AstridError]] = {
    "LockError": ConflictError,
    "RemoteNotFoundError": NotFoundError,
    "NoRemoteError": NotFoundError,
}
"""What DVC's errors are here, by name; all others mean that something is to be mended."""


@contextmanager
def dvc_calls(doing: str) -> Iterator[None]:
    """Hold DVC alone and silent, and say what went wrong as one of our errors.

    Parameters
    ----------
    doing : str
        What is done, for the message: ``"set up DVC in data/"``.

    Raises
    ------
    InvalidInputError, NotFoundError, ConflictError
        DVC refused, with what it said.
    """
    with _LOCK:
        from dvc.exceptions import DvcException  # noqa: PLC0415 - dvc takes a second to import

        try:
            with _silent():  # importing it sets up its logging
                yield
        except DvcException as error:
            kind = next((_KINDS[name] for name in _names(error) if name in _KINDS), None)
            said = " ".join(str(error).split()) or type(error).__name__
            message = f"DVC could not {doing}: {said}"
            raise (kind or InvalidInputError)(message, kind="dvc") from error
        except OSError as error:
            raise InvalidInputError(
                f"could not {doing}: {error.strerror or error}; check the path and its rights",
                kind="unreadable",
            ) from error


@contextmanager
def _silent() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]
