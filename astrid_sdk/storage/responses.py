"""Foreign errors become ours here and nowhere else: one border, over the tables of `verdicts`."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from astrid_sdk.errors import AstridError
from astrid_sdk.storage.http_limits import TransportError
from astrid_sdk.storage.operations import Operation
from astrid_sdk.storage.refusals import place
from astrid_sdk.storage.verdicts import (
    BROKEN,
    BUSY,
    CLASSES,
    CODES,
    DIGEST,
    DISK,
    ELSEWHERE,
    ERRNOS,
    LOST,
    REFUSED,
    STATUSES,
    TRANSPORT,
    UNEXPECTED,
    UNREADABLE,
    Attempt,
    Verdict,
)

__all__ = ["Attempt", "Verdict", "place", "translate", "translated"]


def attempt_of(operation: Operation[Any], store: str) -> Attempt:
    """Return the first half of what is said when `operation` fails on `store`."""
    where = place(store, operation.bucket, operation.where)
    return Attempt(operation.doing, where, writes=operation.writes)


def translate(error: Exception, attempt: Attempt) -> AstridError:
    """Return our error for a foreign one.

    Parameters
    ----------
    error : Exception
        From the operating system, or a library's that has its place by its class.
    attempt : Attempt
        What was being done.
    """
    verdict, seen = _verdict_of(error)
    return verdict.raised_for(attempt, seen)


@contextlib.contextmanager
def translated(
    attempt: Attempt,
    foreign: tuple[type[Exception], ...] = (OSError,),
    ours: Callable[[Exception, Attempt], AstridError] = translate,
) -> Iterator[None]:
    """Raise our error, chained with ``from``, for every foreign one inside.

    Parameters
    ----------
    attempt : Attempt
        What is being done, for the message.
    foreign : tuple of exception classes, optional
        The operating system's, and those of a library.
    ours : callable, optional
        Returns our error for one of them.
    """
    try:
        yield
    except AstridError:  # some of ours are OSErrors too
        raise
    except foreign as error:
        # The frames inside an S3 library hold credentials, and some tracebacks show locals.
        raise ours(error, attempt) from error.with_traceback(None)


def answered(attempt: Attempt, status: int, code: str, retry_after: str = "") -> AstridError:
    """Return our error for an answer that is none of success.

    Parameters
    ----------
    attempt : Attempt
    status : int
        HTTP's.
    code : str
        S3's, "" where the body told none.
    retry_after : str, optional
        The header of that name: seconds, or a date.
    """
    verdict = CODES.get(code) or _verdict_of_status(status)
    if status in {429, 503} and verdict is BROKEN and retry_after:
        verdict = BUSY
    seen = f"{code}, HTTP {status}" if code else f"HTTP {status}"
    return verdict.raised_for(attempt, seen, _seconds(retry_after))


def unanswered(attempt: Attempt, error: TransportError) -> AstridError:
    """Return our error where no whole answer came."""
    told = dataclasses.replace(attempt, is_unsent=error.is_unsent)
    return TRANSPORT[error.kind].raised_for(told, error.seen)


def unreadable(attempt: Attempt, missing: str) -> AstridError:
    """Return our error for an answer that is not what was asked for."""
    return UNREADABLE.raised_for(attempt, f"it lacks {missing}")


def not_kept(attempt: Attempt, seen: str) -> AstridError:
    """Return our error for a write that was acknowledged and cannot be found."""
    return LOST.raised_for(attempt, seen)


def mangled(attempt: Attempt, seen: str, *, is_transient: bool = True) -> AstridError:
    """Return our error for bytes that are not those that were sent, or recorded."""
    return dataclasses.replace(DIGEST, is_transient=is_transient).raised_for(attempt, seen)


def verdict_of_class(error_class: type[BaseException]) -> Verdict | None:
    """Return the place of an exception class by its own name or its nearest base's."""
    named = (CLASSES.get(base.__name__) for base in error_class.__mro__)
    return next((verdict for verdict in named if verdict is not None), None)


def _verdict_of(error: Exception) -> tuple[Verdict, str]:
    verdict = verdict_of_class(type(error))
    if verdict is not None:
        return verdict, type(error).__name__
    if isinstance(error, OSError):
        return ERRNOS.get(error.errno or 0, DISK), error.strerror or type(error).__name__
    return UNEXPECTED, type(error).__name__


def _verdict_of_status(status: int) -> Verdict:
    if status in STATUSES:
        return STATUSES[status]
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own numbers
        return ELSEWHERE
    if 200 <= status < 300:  # noqa: PLR2004 - an error dressed as success
        return UNREADABLE
    return REFUSED if 400 <= status < 500 else BROKEN  # noqa: PLR2004


def _seconds(retry_after: str) -> float | None:
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
