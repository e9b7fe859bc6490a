"""What was asked some seconds ago: a request must not wait for the store, or an issuer."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from astrid_sdk.errors import StorageUnavailableError

AnswerT = TypeVar("AnswerT")
_AGAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Asked(Generic[AnswerT]):
    answer: AnswerT
    at: float


class Remembered(Generic[AnswerT]):
    """An answer, as old as it may be; who gives it may be away for a while.

    Parameters
    ----------
    ask : callable
        Returns the answer; raises StorageUnavailableError where it cannot be had now.
    grace_s : callable
        Returns how long an answer holds while there is no other.
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(
        self,
        ask: Callable[[], AnswerT],
        grace_s: Callable[[AnswerT], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._grace_s = grace_s
        self._clock = clock
        self._asked: _Asked[AnswerT] | None = None
        self._turn = threading.Lock()
        self._not_before = -math.inf

    @property
    def last(self) -> AnswerT | None:
        """The last answer, however old; None before the first."""
        return None if self._asked is None else self._asked.answer

    def recent(self, within_s: float) -> AnswerT | None:
        """Return the answer as of at most `within_s` seconds ago, None where there is none."""
        asked = self._asked
        if asked is None or self._clock() - asked.at > within_s:
            return None
        return asked.answer

    def look(self, within_s: float) -> AnswerT:
        """Return the answer as of at most `within_s` seconds ago, asking if need be.

        Where it cannot be had the last one holds on for the time of grace.

        Raises
        ------
        StorageUnavailableError
            It cannot be had, and has not been for too long.
        """
        found, spare = self.recent(within_s), self._spare()
        if found is not None:
            return found
        if spare is not None and self._clock() < self._not_before:
            return spare
        if not self._turn.acquire(blocking=spare is None) and spare is not None:
            return spare  # another thread asks just now
        try:
            found = self.recent(within_s)  # another thread may have been first
            return self._asked_now() if found is None else found
        except StorageUnavailableError:
            self._not_before = self._clock() + _AGAIN_S
            if (spare := self._spare()) is None:
                raise
            return spare
        finally:
            self._turn.release()

    def _spare(self) -> AnswerT | None:
        last = self.last
        return None if last is None else self.recent(self._grace_s(last))

    def _asked_now(self) -> AnswerT:
        at = self._clock()
        answer = self._ask()
        self._asked = _Asked(answer, at)
        return answer
