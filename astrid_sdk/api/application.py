"""The application: routes, what stands around them, and how errors become answers."""

import contextlib
import importlib.metadata
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from astrid_sdk import observe
from astrid_sdk.api.access import Authenticator
from astrid_sdk.api.documented import document
from astrid_sdk.api.guards import Deadline, Guard
from astrid_sdk.api.health import Readiness
from astrid_sdk.api.identity.store_access import authenticator_of
from astrid_sdk.api.problems import problem, problem_of, refused_by_router, unexpected
from astrid_sdk.api.quick import QuickDownloads
from astrid_sdk.api.requests import RequestLog
from astrid_sdk.api.routes import contents, datasets, health, searches
from astrid_sdk.api.service import Service
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.api.tracing import trace_event
from astrid_sdk.api.wrong_input import told
from astrid_sdk.connecting import connect
from astrid_sdk.errors import AstridError
from astrid_sdk.session import AstridSession

_DESCRIPTION: Final = (
    "Contents by their SHA-256, what is known of them, and why they exist. Errors are problem "
    "details (RFC 9457) with a stable `code` and the request's id."
)
_LOGGER = logging.getLogger("astrid_sdk.api")
_ITS_OWN: Final = ("tracing", "metrics", "logs", "operation_spans", "auto_configure")
_SILENT: Final[Any] = dict.fromkeys(_ITS_OWN, False)
"""FastAPI's own telemetry would send messages of errors along."""


def create_app(
    session: AstridSession | None = None,
    settings: ApiSettings | None = None,
    authenticator: Authenticator | None = None,
) -> FastAPI:
    """Return the service as an ASGI application.

    Parameters
    ----------
    session : AstridSession, optional
        The store to serve; by default the one of `connect`, closed when the service ends.
    settings : ApiSettings, optional
        By default those of the environment.
    authenticator : Authenticator, optional
        Who is let in; by default who has an API key of the store, or without any the users of
        this machine.

    Raises
    ------
    InvalidInputError
        The environment cannot be read.
    """
    is_own = session is None
    opened = connect() if session is None else session
    limits = settings or ApiSettings.from_environment()
    service = Service(opened, limits, authenticator or authenticator_of(opened, limits))
    app = FastAPI(
        title="Astrid",
        summary="The place where a transient-hunting team keeps its sky.",
        description=_DESCRIPTION,
        version=importlib.metadata.version("astrid-sdk"),
        lifespan=lambda _: _lifespan(service, close=is_own),
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_SILENT,
    )
    app.state.service = service
    app.state.readiness = Readiness(opened)
    _add_routes(app, service)
    _add_errors(app, service.hidden)
    _surround(app, service)
    return app


@contextlib.asynccontextmanager
async def _lifespan(service: Service, *, close: bool) -> AsyncIterator[None]:
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = service.settings.threads
    with contextlib.ExitStack() as stack:
        if close:
            stack.callback(service.session.close)
        stack.enter_context(observe.subscribe(service.metrics.heard))
        stack.enter_context(observe.subscribe(trace_event))
        yield


def _add_routes(app: FastAPI, service: Service) -> None:
    for module in (contents, searches, datasets, health):
        app.include_router(module.router)
    app.openapi = lambda: document(  # type: ignore[method-assign]  # as FastAPI's manual says
        app, needs_credentials=service.authenticator.needs_credentials
    )


def _surround(app: FastAPI, service: Service) -> None:
    """Put the behaviours around the routes; the last is the outermost."""
    app.add_middleware(QuickDownloads, service=service)
    app.add_middleware(Deadline, settings=service.settings)
    app.add_middleware(
        Guard,
        settings=service.settings,
        needs_credentials=lambda: service.authenticator.needs_credentials,
    )
    app.add_middleware(RequestLog, metrics=service.metrics)


def _add_errors(app: FastAPI, hidden: Sequence[str]) -> None:
    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, AstridError)  # noqa: S101 - it is registered for these
        return problem_of(error, _id(request), hidden)

    handlers: dict[type[Exception], Callable[[Request, Any], Any]] = {
        AstridError: ours,
        RequestValidationError: _invalid,
        HTTPException: _unrouted,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    extra = {"errors": told(error.errors())}
    return problem(422, "invalid_input", "The request cannot be used", _id(request), extra)


async def _unrouted(request: Request, error: HTTPException) -> Response:
    return refused_by_router(error.status_code, _id(request), error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    fields = {"request_id": _id(request), "path": request.url.path}
    _LOGGER.error("an error that nobody foresaw", exc_info=error, extra={"fields": fields})
    answer = unexpected(_id(request))
    answer.headers["X-Request-ID"] = _id(request)  # it is made outside of what adds it
    return answer


def _id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
