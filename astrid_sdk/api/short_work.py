"""Short work of many requests, such as reading a small content, with few hand-overs.

Every hand-over between threads costs about as much as reading a small file, and threads that work
side by side mostly wait for the interpreter. So one thread takes whatever waits, reads what all of
it wants of the store in one batch, and hands it back by the handful while the event loop sleeps.
Where it is held up, another goes on with the rest.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from astrid_sdk import observe
from astrid_sdk.errors import AstridError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

T = TypeVar("T")
_LOGGER = logging.getLogger("astrid_sdk.api")
_HANDFUL: Final = 8
_MOST: Final = 32
"""So many are taken in a row; contents read in one batch are small, and in memory together."""
_PATIENCE_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Wanted(Generic[T]):
    """A small content that work wants, to go on with.

    Attributes
    ----------
    content_hash : str
    tier : Tier or str
        Where to look first.
    then : callable
        Makes the result of the bytes.
    """

    content_hash: str
    tier: Tier | str
    then: Callable[[bytes], T]


class _Task(Generic[T]):
    """A piece of work, and what came of it."""

    __slots__ = ("_context", "_error", "_result", "_work", "future", "wanted")

    def __init__(self, work: Callable[[], T | Wanted[T]], future: "asyncio.Future[T]") -> None:
        self._work = work
        self._context = contextvars.copy_context()
        self._result: T
        self._error: BaseException | None = None
        self.future = future
        self.wanted: Wanted[T] | None = None

    @property
    def call_id(self) -> str:
        """What the request is called that this is for."""
        return self._context.get(observe.call_id, "")

    def do(self) -> None:
        """Do it, in a thread; nobody waits for what was cancelled."""
        if self.future.cancelled():
            return
        with self:
            found = self._context.run(self._work)
            if isinstance(found, Wanted):
                self.wanted = found
            else:
                self._result = found

    def go_on(self, found: bytes | AstridError) -> None:
        """Make the result of what was wanted."""
        assert self.wanted is not None  # noqa: S101 - or nothing was read for it
        with self:
            if isinstance(found, AstridError):
                raise found
            self._result = self._context.run(self.wanted.then, found)

    def go_alone(self, cas: ContentAddressedStorage) -> None:
        """Read what is wanted by itself, and make the result of it."""
        with self:
            self._result = self._context.run(self._alone, cas)

    def _alone(self, cas: ContentAddressedStorage) -> T:
        assert self.wanted is not None  # noqa: S101 - or there is nothing to read
        return self.wanted.then(cas.retrieve_data(self.wanted.content_hash, tier=self.wanted.tier))

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
    """Does work that takes about as long as waking a thread, and reads what it wants.

    Parameters
    ----------
    threads : int
        How many may be held up at a time.
    cas : ContentAddressedStorage
    is_near : bool
        Whether to read a content takes less than to ask for many at a time.
    """

    def __init__(self, threads: int, cas: ContentAddressedStorage, *, is_near: bool) -> None:
        self._pool = ThreadPoolExecutor(threads, "astrid-short")
        self._threads = threads
        self._cas = cas
        self._is_near = is_near
        self._crew: _Crew | None = None

    async def run(self, work: Callable[[], T | Wanted[T]]) -> T:
        """Return what `work` returns, or what becomes of what it wants; called in a thread."""
        loop = asyncio.get_running_loop()
        if self._crew is None or self._crew.loop is not loop:  # the loop before it has ended
            self._crew = _Crew(loop, self._pool, self._threads, self._cas, is_near=self._is_near)
        future: asyncio.Future[T] = loop.create_future()
        self._crew.take(_Task(work, future))
        return await future


class _Crew:
    """The threads at work for one event loop; what is called in one of them says so."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pool: ThreadPoolExecutor,
        threads: int,
        cas: ContentAddressedStorage,
        *,
        is_near: bool,
    ) -> None:
        self.loop = loop
        self._pool = pool
        self._threads = threads
        self._cas = cas
        self._is_near = is_near
        # Any thread takes of these, so that nobody is left behind with one that is held up.
        self._waiting: deque[_Task[Any]] = deque()
        self._wanting: deque[_Task[Any]] = deque()
        self._alone: deque[_Task[Any]] = deque()
        self._done: deque[_Task[Any]] = deque()
        self._at_work = 0
        self._taken = self._taken_before = 0
        self._is_due = False
        self._look: asyncio.TimerHandle | None = None

    def take(self, task: _Task[Any]) -> None:
        """Have a task done, with what else comes in this round of the loop."""
        self._waiting.append(task)
        if not self._is_due and not self._at_work:
            self._is_due = True
            self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._is_due = False
        if self._at_work < self._threads:
            self._at_work += 1
            self._pool.submit(self._work).add_done_callback(_tell_of_failure)
        if self._look is None:
            self._look = self.loop.call_later(_PATIENCE_S, self._look_after)

    @property
    def _is_idle(self) -> bool:
        return not (self._waiting or self._wanting or self._alone)

    def _work(self) -> None:
        """Do what there is to do, in a thread."""
        try:
            while not self._is_idle:
                for task in self._taken_of(self._waiting):
                    self._do(task)
                self._read_together([*self._taken_of(self._wanting)])
                for task in self._taken_of(self._alone):
                    task.go_alone(self._cas)
                    self._finished(task)
        finally:
            self._call(self._end)

    def _taken_of(self, tasks: deque[_Task[Any]]) -> Iterator[_Task[Any]]:
        """Yield some tasks, each taken when it is asked for, in a thread."""
        with suppress(IndexError):  # there is none any more
            for _ in range(_MOST):
                task = tasks.popleft()
                self._taken += 1
                yield task

    def _do(self, task: _Task[Any]) -> None:
        """Do a task's own part, in a thread."""
        task.do()
        if task.wanted is None:
            self._finished(task)
        elif self._is_near:
            self._alone.append(task)
        else:
            self._wanting.append(task)

    def _read_together(self, wanting: Sequence[_Task[Any]]) -> None:
        """Read what tasks want in one batch, and go on with them, in a thread."""
        left = dict(enumerate(wanting))
        try:
            if len(wanting) > 1:
                for number, found in self._cas.retrieve_each(_asked(wanting)):
                    task = left.pop(number)
                    task.go_on(found)
                    self._finished(task)
        finally:
            self._alone.extend(left.values())  # it is elsewhere, or it can say what is wrong

    def _finished(self, task: _Task[Any]) -> None:
        """Hand over a handful, in a thread."""
        self._done.append(task)
        if len(self._done) >= _HANDFUL:
            self._call(self._hand_over)

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self.loop.call_soon_threadsafe(function)

    def _hand_over(self) -> None:
        while self._done:
            self._done.popleft().tell()

    def _end(self) -> None:
        self._at_work -= 1
        self._hand_over()
        if not self._is_idle and not self._at_work:
            self._begin()

    def _look_after(self) -> None:
        """Hand over what is done, and have one more thread go on where nothing was taken up."""
        self._look = None
        self._hand_over()
        is_held_up = self._taken == self._taken_before
        self._taken_before = self._taken
        if is_held_up and not self._is_idle:
            self._begin()
        elif self._at_work:
            self._look = self.loop.call_later(_PATIENCE_S, self._look_after)


def _asked(wanting: Iterable[_Task[Any]]) -> Iterator[tuple[str, Tier | str]]:
    """Yield what tasks want, each under the name of the request it is for."""
    token = observe.call_id.set("")
    try:
        for task in wanting:
            assert task.wanted is not None  # noqa: S101 - it wants something
            observe.call_id.set(task.call_id)
            yield task.wanted.content_hash, task.wanted.tier
    finally:
        observe.call_id.reset(token)


def _tell_of_failure(work: "Future[None]") -> None:
    """Log what ended a thread: nobody waits for it."""
    if (error := work.exception()) is not None:
        _LOGGER.error("reading contents together failed", exc_info=error)
