"""Short work of many requests, such as reading a small content, with few hand-overs.

Every hand-over between threads costs about as much as reading a small file, and threads that read
side by side mostly wait for the interpreter. So one thread takes whatever waits, and hands it back
by the handful while the event loop sleeps. Where it is held up, another goes on with the rest.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
_HANDFUL: Final = 8
_PATIENCE_S: Final = 0.005


class _Task(Generic[T]):
    """A piece of work, and what came of it."""

    __slots__ = ("_context", "_error", "_result", "_work", "future")

    def __init__(self, work: Callable[[], T], future: "asyncio.Future[T]") -> None:
        self._work = work
        self._context = contextvars.copy_context()
        self._result: T
        self._error: BaseException | None = None
        self.future = future

    def do(self) -> None:
        """Do it, in a thread; nobody waits for what was cancelled."""
        if self.future.cancelled():
            return
        with self:
            self._result = self._context.run(self._work)

    def __enter__(self) -> None:
        """Keep what is raised from now on, for whoever waits."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        self._error = error
        return True

    def tell(self) -> None:
        """Hand over what came of it, in the event loop."""
        if self.future.done():
            return
        if self._error is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(self._error)


class ShortWork:
    """Does work that takes about as long as waking a thread.

    Parameters
    ----------
    threads : int
        How many may be held up at a time.
    side_by_side : bool
        Whether each waits for something far away, so that all is begun at once.
    """

    def __init__(self, threads: int, *, side_by_side: bool) -> None:
        self._pool = ThreadPoolExecutor(threads, "astrid-short")
        self._threads = threads
        self._side_by_side = side_by_side
        self._crew: _Crew | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, or raise what it raises; called in a thread."""
        loop = asyncio.get_running_loop()
        if self._crew is None or self._crew.loop is not loop:  # the loop before it has ended
            self._crew = _Crew(loop, self._pool, self._threads, side_by_side=self._side_by_side)
        future: asyncio.Future[T] = loop.create_future()
        self._crew.take(_Task(work, future))
        return await future


class _Crew:
    """The threads at work for one event loop; all but `_work` is called there."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pool: ThreadPoolExecutor,
        threads: int,
        *,
        side_by_side: bool,
    ) -> None:
        self.loop = loop
        self._pool = pool
        self._threads = threads
        self._handful = 1 if side_by_side else _HANDFUL
        self._is_one_enough = not side_by_side
        self._waiting: deque[_Task[Any]] = deque()
        self._done: deque[_Task[Any]] = deque()
        self._at_work = 0
        self._taken = self._taken_before = 0
        self._is_due = False
        self._look: asyncio.TimerHandle | None = None

    def take(self, task: _Task[Any]) -> None:
        """Have a task done, with what else comes in this round of the loop."""
        self._waiting.append(task)
        if not self._is_due and self._is_short_of_hands():
            self._is_due = True
            self.loop.call_soon(self._begin)

    def _is_short_of_hands(self) -> bool:
        return bool(self._waiting) and not (self._at_work and self._is_one_enough)

    def _begin(self) -> None:
        self._is_due = False
        wanted = min(len(self._waiting), 1 if self._is_one_enough else self._threads)
        for _ in range(min(wanted, self._threads - self._at_work)):
            self._at_work += 1
            self._pool.submit(self._work)
        if self._look is None and self._at_work:
            self._look = self.loop.call_later(_PATIENCE_S, self._look_after)

    def _work(self) -> None:
        """Do what waits, in a thread."""
        with suppress(IndexError):  # nothing waits any more
            while True:
                task = self._waiting.popleft()
                self._taken += 1
                task.do()
                self._done.append(task)
                if len(self._done) >= self._handful:
                    self._call(self._hand_over)
        self._call(self._end)

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self.loop.call_soon_threadsafe(function)

    def _hand_over(self) -> None:
        while self._done:
            self._done.popleft().tell()

    def _end(self) -> None:
        self._at_work -= 1
        self._hand_over()
        if self._is_short_of_hands():
            self._begin()

    def _look_after(self) -> None:
        """Hand over what is done, and have one more thread go on where nothing was taken up."""
        self._look = None
        self._hand_over()
        is_held_up = self._taken == self._taken_before
        self._taken_before = self._taken
        if is_held_up and self._waiting:
            self._begin()
        elif self._at_work:
            self._look = self.loop.call_later(_PATIENCE_S, self._look_after)
