"""Seeing what the storage does: one event per try of an operation, as log records and calls.

>>> import sys
>>> from astrid_sdk import observe
>>> handler = observe.log_to(sys.stderr)                 # one line of JSON per event
>>> with observe.subscribe(lambda event: print(event.verb, event.duration_s)):
...     pass                                             # work with the store

The logger is ``astrid_sdk.storage``: DEBUG for what succeeded, INFO where the answer was "not
there" or "somebody was first", WARNING for what failed. No event holds a secret.
"""

import dataclasses
import datetime as dt
import json
import logging
import re
import threading
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Self, TextIO

from typing_extensions import override

LOGGER_NAME: Final = "astrid_sdk.storage"
OK: Final = "ok"
MASK: Final = "•••"

attempt: ContextVar[int] = ContextVar("astrid_attempt", default=1)
"""The number of the try under way, from 1; set by what retries."""

last_request_id: ContextVar[str] = ContextVar("astrid_request_id", default="")
"""What the server called the last request of this thread or task; set by the client."""

answered_request_id: ContextVar[str] = ContextVar("astrid_answered_request_id", default="")
"""The same of the last operation that ended, for whoever stands around what emits events."""

call_id: ContextVar[str] = ContextVar("astrid_call_id", default="")
"""What the face that the work is for calls it, such as a REST request's id; set by the face."""

caller: ContextVar[str] = ContextVar("astrid_caller", default="")
"""Who the work is for, where a face knows it; else it is for whoever is logged in here."""

face: ContextVar[str] = ContextVar("astrid_face", default="")
"""What the work came by: ``"cli"``, ``"dagster"`` or ``"rest"``; set by the face."""

_LOGGER = logging.getLogger(LOGGER_NAME)
_ROOT = logging.getLogger("astrid_sdk")
_ROOT.addHandler(logging.NullHandler())  # a library stays silent until somebody asks

_NAMES = (
    r"(?:x-amz-(?:signature|credential|security-token)|signature|awsaccesskeyid|authorization|"
    r"[a-z0-9_.-]*(?:secret|password|passwd|token|access[_-]?key(?:[_-]?id)?)[a-z0-9_.-]*)"
)
_SECRETS = re.compile(
    rf"(?P<name>{_NAMES})(?P<sign>['\"]?\s*(?:=|:|%3D)\s*['\"]?)"
    r"(?:AWS4-HMAC-SHA256 .*|(?:Bearer|Basic) \S+|[^&\s'\",;#)}\]]+)",
    re.IGNORECASE,
)
_SIGN = re.compile(r"[=:]|%3[Dd]")  # what stands before a secret
_JSON = json.JSONEncoder(ensure_ascii=False)
_USER_INFO = re.compile(r"(?P<scheme>\w://)[^/\s@]+@")


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One try of one operation.

    Parameters
    ----------
    verb : str
        What was asked, such as ``"put"``.
    tier : str
        The first part of the key where that is a tier, else "".
    bucket, key : str
        What it was about; `key` may be a prefix. What looks like a credential is masked.
    size_bytes : int
        Bytes of content sent or read.
    duration_s : float
        How long the try took.
    attempts : int
        Which try it was, from 1.
    outcome : str
        ``"ok"``, or the `kind` of the error.
    request_id : str
        The server's name of the request, or "".
    at : datetime.datetime
        When it ended, in UTC.
    call_id : str
        What the face that asked calls the work, such as a REST request's id; "" where none did.
    """

    verb: str
    tier: str
    bucket: str
    key: str
    size_bytes: int
    duration_s: float
    attempts: int
    outcome: str
    request_id: str
    at: dt.datetime
    call_id: str = ""

    def as_fields(self) -> dict[str, Any]:
        """Return the event as JSON values."""
        return {
            name: getattr(self, name).isoformat() if name == "at" else getattr(self, name)
            for name in _FIELDS
        }


_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Event))
Subscriber = Callable[[Event], object]


class Subscription:
    """A callback that hears of every event until it is closed; also a context manager."""

    def __init__(self, callback: Subscriber) -> None:
        self.callback = callback

    def close(self) -> None:
        """Hear no more; may be called twice."""
        _change(lambda heard: tuple(each for each in heard if each is not self))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_lock = threading.Lock()
_subscriptions: list[tuple[Subscription, ...]] = [()]  # replaced whole: read without the lock


def subscribe(callback: Subscriber) -> Subscription:
    """Call `callback` with every event, in the thread that did the work, until it is closed.

    The callback must be quick and must not raise.
    """
    subscription = Subscription(callback)
    _change(lambda heard: (*heard, subscription))
    return subscription


def is_heard(level: int) -> bool:
    """Return whether anybody listens to events of this logging level."""
    return bool(_subscriptions[0]) or _LOGGER.isEnabledFor(level)


def emit(event: Event, level: int) -> None:
    """Hand `event` to whoever listens."""
    for subscription in _subscriptions[0]:
        subscription.callback(event)
    if _LOGGER.isEnabledFor(level):
        fields = {name: getattr(event, name) for name in _FIELDS}
        _LOGGER.log(level, _sentence(event), extra={"event": event, **fields})


def redact(text: str) -> str:
    """Return `text` with everything masked that looks like a credential or a signature."""
    if _SIGN.search(text) is None:
        return text
    masked = _USER_INFO.sub(rf"\g<scheme>{MASK}@", text)
    return _SECRETS.sub(rf"\g<name>\g<sign>{MASK}", masked)


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON; what looks like a credential is masked.

    A record that is no event may carry values of its own: ``extra={"fields": {...}}``.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        event = getattr(record, "event", None)
        if isinstance(event, Event):
            line |= event.as_fields()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        masked = {
            name: redact(value) if isinstance(value, str) else value for name, value in line.items()
        }
        time = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat()
        return _JSON.encode({"time": time, **masked})


class TextFormatter(logging.Formatter):
    """A log record as a line for people; what looks like a credential is masked."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def log_to(stream: TextIO, *, json: bool = True, level: int = logging.DEBUG) -> logging.Handler:
    """Write what this package logs to `stream`, and return the handler.

    Parameters
    ----------
    stream : text file
    json : bool, optional
        One JSON object per line; False: lines for people.
    level : int, optional
        The lowest level that is written.

    Notes
    -----
    Undo it with ``logging.getLogger("astrid_sdk").removeHandler(handler)``.
    """
    handler = logging.StreamHandler(stream)
    handler.setLevel(level)
    handler.setFormatter(JsonFormatter() if json else TextFormatter())
    _ROOT.addHandler(handler)
    _ROOT.setLevel(min(level, _ROOT.level or level))
    return handler


def _change(
    change: Callable[[tuple[Subscription, ...]], tuple[Subscription, ...]],
) -> None:
    with _lock:
        _subscriptions[0] = change(_subscriptions[0])


def _sentence(event: Event) -> str:
    return (
        f"{event.verb} {event.bucket}/{event.key}: {event.outcome}, {event.size_bytes} bytes in "
        f"{event.duration_s:.3f} s, try {event.attempts}"
    )
