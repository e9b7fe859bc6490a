"""How much at a time, and how often: counted in this process."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from astrid_sdk.errors import InvalidInputError, RateLimitedError

_MOST_CALLERS = 10_000


class TransferSlots:
    """Turns for uploads and downloads, of which each has memory of its own.

    Parameters
    ----------
    count : int
    wait_s : float
        How long one more waits for its turn.
    """

    def __init__(self, count: int, wait_s: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._wait_s = wait_s

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and give it back at the end.

        Raises
        ------
        RateLimitedError
            ``kind="busy"``: none came free in time.
        """
        try:
            if self._free.locked():
                async with asyncio.timeout(self._wait_s):
                    await self._free.acquire()
            else:
                await self._free.acquire()  # at once
        except TimeoutError:
            raise RateLimitedError(
                "as many uploads and downloads as this service takes at a time are under way: "
                "try again in a moment",
                kind="busy",
                retry_after_s=self._wait_s,
            ) from None
        try:
            yield
        finally:
            self._free.release()


class RateLimiter:
    """A bucket of tokens per caller: each request takes one, and they come back at a pace.

    Parameters
    ----------
    per_s : float or None
        How many come back in a second; None for no limit.
    burst : int
        How many there are at most.
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(
        self, per_s: float | None, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller_id: str) -> None:
        """Take a token; called in the event loop, so there is no lock.

        Raises
        ------
        RateLimitedError
            ``kind="too_many_requests"``: there is none; the error says when the next comes.
        """
        if self._per_s is None:
            return
        now = self._clock()
        left, at = self._left.pop(caller_id, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._per_s)
        is_free = left >= 1
        self._left[caller_id] = (left - is_free, now)
        while len(self._left) > _MOST_CALLERS:
            self._left.popitem(last=False)
        if not is_free:
            raise RateLimitedError(
                "you asked more often than this service answers one caller: slow down",
                kind="too_many_requests",
                retry_after_s=(1 - left) / self._per_s,
            )


class Pace:
    """Watches that a body under way moves.

    Parameters
    ----------
    idle_s : float
        How long nothing may come.
    min_bytes_per_s : float
        The least pace, once `idle_s` has passed.
    clock : callable, optional

    Attributes
    ----------
    last_s : float
        How long the last wait took.
    """

    def __init__(
        self, idle_s: float, min_bytes_per_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.idle_s = idle_s
        self._min_bytes_per_s = min_bytes_per_s
        self._clock = clock
        self._moving_s = 0.0
        self._moved = 0
        self.last_s = 0.0

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait for the client, and no longer than it may take.

        Raises
        ------
        InvalidInputError
            ``kind="slow_client"``.
        """
        began = self._clock()
        try:
            async with asyncio.timeout(self.idle_s):
                yield
        except TimeoutError:
            raise self._slow() from None
        finally:
            self.last_s = self._clock() - began
            self._moving_s += self.last_s

    def moved(self, size_bytes: int) -> None:
        """Count what came or went.

        Raises
        ------
        InvalidInputError
            ``kind="slow_client"``: it is too little by now.
        """
        self._moved += size_bytes
        late_s = self._moving_s - self.idle_s
        if late_s > 0 and self._moved < late_s * self._min_bytes_per_s:
            raise self._slow()

    def _slow(self) -> InvalidInputError:
        return InvalidInputError(
            f"nothing came for {self.idle_s:g} s, or less than {self._min_bytes_per_s} bytes per "
            "second: send it again on a better line, or in smaller files",
            kind="slow_client",
        )
