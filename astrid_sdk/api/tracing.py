"""A span per request, and below it one per storage operation, where OpenTelemetry is installed.

Only its API is used, and nothing is set up: without a provider that the program installs, a span
costs next to nothing and goes nowhere.
"""

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any, Protocol

from starlette.types import Scope

from astrid_sdk.observe import OK, Event

_NAME = "astrid_sdk.api"
_FAILED = 500


class Answered(Protocol):
    """What is known of a request when it is over."""

    request_id: str
    status: int


@contextlib.contextmanager
def traced(scope: Scope, told: Answered) -> Iterator[None]:
    """Make what is done inside a span, named after the route that took the request."""
    trace = _trace()
    if trace is None or not _is_set_up(trace):
        yield
        return
    parent = _parent(scope)
    with trace.get_tracer(_NAME).start_as_current_span(
        scope["method"], context=parent, kind=trace.SpanKind.SERVER, record_exception=False
    ) as span:
        try:
            yield
        finally:
            name = getattr(scope.get("route"), "operation_id", None)
            if name:
                span.update_name(name)
            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("http.response.status_code", told.status)
            span.set_attribute("astrid.request_id", told.request_id)
            if told.status >= _FAILED:
                span.set_status(trace.StatusCode.ERROR)


def trace_event(event: Event) -> None:
    """Make a storage event a span below the one of its request."""
    trace = _trace()
    if trace is None or not event.call_id or not _is_set_up(trace):
        return
    ended_ns = int(event.at.timestamp() * 1e9)
    began_ns = ended_ns - int(event.duration_s * 1e9)
    span = trace.get_tracer(_NAME).start_span(f"storage {event.verb}", start_time=began_ns)
    span.set_attribute("astrid.tier", event.tier)
    span.set_attribute("astrid.size_bytes", event.size_bytes)
    span.set_attribute("astrid.outcome", event.outcome)
    if event.outcome != OK:
        span.set_status(trace.StatusCode.ERROR)
    span.end(end_time=ended_ns)


def _parent(scope: Scope) -> Any:
    """Return the caller's own span, by the ``traceparent`` header (W3C Trace Context)."""
    from opentelemetry.propagate import extract  # noqa: PLC0415 - only where it is installed

    return extract(
        {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    )


def _is_set_up(trace: Any) -> bool:
    """Return whether spans go anywhere: until a program sets that up, there is a proxy only."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@cache
def _trace() -> Any:
    try:
        from opentelemetry import trace  # noqa: PLC0415 - it may not be there
    except ImportError:
        return None
    return trace
