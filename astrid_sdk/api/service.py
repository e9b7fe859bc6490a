"""What all routes share: the session, what is remembered, the limits, and who asks."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, TypeVar

import anyio.to_thread
from fastapi import Depends, Request

from astrid_sdk import observe
from astrid_sdk.api.access import Authenticator, Caller, Credentials
from astrid_sdk.api.limits import RateLimiter, TransferSlots
from astrid_sdk.api.metrics import Metrics
from astrid_sdk.api.references import References
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.api.short_work import ShortWork, Wanted
from astrid_sdk.api.spool import spool_folder
from astrid_sdk.config import Secret
from astrid_sdk.session import AstridSession

T = TypeVar("T")
_FORWARDED: Final = (b"forwarded", b"x-forwarded-for", b"x-real-ip")
_BEARER: Final = b"authorization"
_KEY: Final = b"x-api-key"
_TELLING: Final = frozenset({_BEARER, _KEY, *_FORWARDED})


class Service:
    """The service on one session.

    Parameters
    ----------
    session : AstridSession
    settings : ApiSettings
    authenticator : Authenticator
    """

    def __init__(
        self, session: AstridSession, settings: ApiSettings, authenticator: Authenticator
    ) -> None:
        self.session = session
        self.settings = settings
        self.authenticator = authenticator
        self.references = References(session.catalog, settings.freshness_s)
        self.metrics = Metrics(lambda: session.pending)
        self.transfers = TransferSlots(settings.transfers, settings.transfer_wait_s)
        self.rates = RateLimiter(settings.requests_per_s, settings.request_burst)
        self._reading = ShortWork(
            settings.threads, session.cas, is_near=session.r2.capabilities.is_near
        )
        self.hidden = (str(session.home), session.r2.describe())

    @cached_property
    def uploads(self) -> Path:
        """The folder for bodies that come in."""
        return spool_folder(self.session.home)

    async def begin_reading(self, read: Callable[[], T | Wanted[T]]) -> T:
        """Return what `read` returns, or makes of the content it wants; called in a thread."""
        return await self._reading.run(read)

    async def caller_of(self, request: Request) -> Caller:
        """Return who sent `request`, and count it.

        Raises
        ------
        AccessDeniedError
            Nobody whom this service knows.
        RateLimitedError
            Too often.
        """
        brought = credentials_of(request)
        caller = self.authenticator.recall(brought)
        if caller is None:
            caller = await anyio.to_thread.run_sync(self.authenticator.authenticate, brought)
        self.rates.take(caller.key_id)
        request.state.caller = caller.name
        observe.caller.set(caller.name)  # for the audit; each request is a task of its own
        return caller


def credentials_of(request: Request) -> Credentials:
    """Return what a request brings to say who asks."""
    pairs = reversed(request.scope["headers"])  # of several with one name the first counts
    told = {name: value.decode("latin-1") for name, value in pairs if name in _TELLING}
    kind, _, token = told.get(_BEARER, "").partition(" ")
    found = token.strip() if kind.lower() == "bearer" else told.get(_KEY, "")
    address = request.client.host if request.client else ""
    is_forwarded = not told.keys().isdisjoint(_FORWARDED)
    return Credentials(Secret(found) if found else None, address, is_forwarded)


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service


async def _service(request: Request) -> Service:
    return service_of(request)  # a coroutine: it needs no thread


async def _caller(request: Request) -> Caller:
    return await service_of(request).caller_of(request)


ServiceOf = Annotated[Service, Depends(_service)]
CallerOf = Annotated[Caller, Depends(_caller)]
