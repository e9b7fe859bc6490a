"""Whether the service runs, and whether it can work."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal

import anyio.to_thread

from astrid_sdk.api.problems import STILL_WORKS
from astrid_sdk.api.schemas import Ready
from astrid_sdk.errors import AccessDeniedError, AstridError, NotFoundError
from astrid_sdk.session import AstridSession

_PROBE: Final = "temp/ready"
_PATIENCE_S = 5.0
_FRESH_S = 2.0

StoreState = Literal["ok", "away", "refused"]


class Readiness:
    """Looks whether the store answers, and not more often than makes sense.

    Parameters
    ----------
    session : AstridSession
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(self, session: AstridSession, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._clock = clock
        self._until = float("-inf")
        self._state: StoreState = "ok"
        self._asking = asyncio.Lock()

    async def state(self) -> Ready:
        """Return what works and what does not."""
        async with self._asking:
            if self._clock() >= self._until:
                self._state = await self._asked()
                self._until = self._clock() + _FRESH_S
        pending = await anyio.to_thread.run_sync(lambda: self._session.pending)
        return _told(self._state, pending)

    async def _asked(self) -> StoreState:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await anyio.to_thread.run_sync(self._look, abandon_on_cancel=True)
        except TimeoutError:
            return "away"

    def _look(self) -> StoreState:
        try:
            self._session.r2.head(self._session.bucket, _PROBE)
        except (AccessDeniedError, NotFoundError):
            return "refused"
        except AstridError:
            return "away"
        return "ok"


def _told(store: StoreState, pending: int) -> Ready:
    degraded = []
    if store == "away":
        degraded.append("the store does not answer: what is not in the cache cannot be read")
    if store == "refused":
        degraded.append("the store refuses this service, or the bucket is not there")
    if pending:
        degraded.append(f"{pending} writes wait on this machine for the store to be back")
    status: Literal["ready", "degraded", "unavailable"] = "degraded" if degraded else "ready"
    return Ready(
        status=status if store == "ok" else "unavailable",
        store=store,
        pending_writes=pending,
        degraded=degraded,
        still_works=[] if store == "ok" else list(STILL_WORKS),
    )


def status_of(ready: Ready) -> int:
    """Return the status that says the same to a load balancer."""
    return 503 if ready.status == "unavailable" else 200
