"""Trying again what failed for a moment: the policy as data, and the wrapper that follows it."""

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from typing_extensions import override

from astrid_sdk import observe
from astrid_sdk.errors import AstridError, CorruptionError, InvalidInputError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.batches import Source
from astrid_sdk.storage.operations import Operation, Outcome
from astrid_sdk.storage.wrapping import WrapperStorage

UNREACHABLE = "unreachable"
_CORRUPTION_ATTEMPTS = 3  # the source is read again at most twice

ResultT = TypeVar("ResultT")


@dataclasses.dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and for how long an operation is tried.

    The wait before try n + 1 is drawn evenly from 0 to ``min(most_s, base_s * 2**(n - 1))`` (full
    jitter), and is at least what the store asked for; none goes beyond the deadline.

    Parameters
    ----------
    attempts : int, optional
        Tries in all.
    unreachable_attempts : int, optional
        Tries that may end without any connection.
    deadline_s : float, optional
        From the first try on; a try under way is not interrupted. In a batch it runs from an
        operation's first failure.
    base_s, most_s : float, optional
        The first and the longest span that waits are drawn from.
    seed : int, optional
        Makes the waits repeatable.
    """

    attempts: int = 12
    unreachable_attempts: int = 5
    deadline_s: float = 120.0
    base_s: float = 0.1
    most_s: float = 10.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if min(self.attempts, self.unreachable_attempts) < 1:
            raise InvalidInputError("a retry policy needs at least one try", kind="config")
        if min(self.deadline_s, self.base_s, self.most_s) < 0:
            raise InvalidInputError("a retry policy's times must not be negative", kind="config")

    def most_tries(self, error: AstridError) -> int:
        """Return how many tries may end as `error` did."""
        if isinstance(error, CorruptionError):
            return min(self.attempts, _CORRUPTION_ATTEMPTS)
        if error.kind == UNREACHABLE:
            return min(self.attempts, self.unreachable_attempts)
        return self.attempts


class RetryingStorage(WrapperStorage):
    """Tries again while the error is transient and the policy has patience.

    When it gives up it raises the last error, which then says how often it was tried. Where an
    earlier try may have written, the error's `wrote` is None.

    Parameters
    ----------
    inner : ObjectStorage
    policy : RetryPolicy, optional
    sleep, clock : callable, optional
        Time, for tests that do not wait.
    """

    def __init__(
        self,
        inner: ObjectStorage,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self.policy = policy or RetryPolicy()
        self._sleep = sleep
        self._clock = clock
        self._random = random.Random(self.policy.seed)  # noqa: S311 - spreads waits, hides nothing
        self._lock = threading.Lock()

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        effort = _Effort(operation, operation, self._clock())
        while True:
            try:
                with _numbered(effort.tries + 1):
                    return self.inner.perform(effort.asked)
            except AstridError as error:
                effort.failed(error)
                wait_s = self._wait_s(effort, error)
                if wait_s is None:
                    raise effort.verdict(self._clock()) from error.__cause__
            self._sleep(wait_s)

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        source = Source(operations)
        patient = True  # until a whole round of another try found the store away
        while not source.is_empty:
            failed: list[_Effort[ResultT]] = []
            for outcome in self.inner.perform_many(source.until(failed)):
                if outcome.error is None or not (patient and outcome.error.transient):
                    patient = patient or outcome.error is None
                    yield outcome
                else:
                    effort = _Effort(outcome.operation, outcome.operation, self._clock())
                    effort.failed(outcome.error)
                    failed.append(effort)
            if failed:
                patient = False
                for outcome in self._again(failed):
                    patient = patient or not _is_away(outcome)
                    yield outcome

    def _again(self, efforts: "list[_Effort[ResultT]]") -> "Iterator[Outcome[ResultT]]":
        """Try operations that have failed until each succeeds or is given up."""
        while efforts:
            waits = {id(effort): self._wait_s(effort, effort.last) for effort in efforts}
            yield from (each.given_up(self._clock()) for each in efforts if waits[id(each)] is None)
            efforts = [effort for effort in efforts if waits[id(effort)] is not None]
            if not efforts:
                return
            self._sleep(max(wait for wait in waits.values() if wait is not None))
            asked = {id(effort.asked): effort for effort in efforts}
            with _numbered(efforts[0].tries + 1):
                outcomes = self.inner.perform_many([effort.asked for effort in efforts])
            efforts = []
            for outcome in outcomes:
                effort = asked[id(outcome.operation)]
                if outcome.error is None:
                    yield dataclasses.replace(outcome, operation=effort.operation)
                else:
                    effort.failed(outcome.error)
                    efforts.append(effort)

    def _wait_s(self, effort: "_Effort[Any]", error: AstridError) -> float | None:
        """Return how long to wait before the next try; None to give up."""
        remaining_s = effort.began + self.policy.deadline_s - self._clock()
        alike = effort.tries_ended_like(error)
        if not error.transient or remaining_s <= 0 or effort.tries >= self.policy.attempts:
            return None
        if alike >= self.policy.most_tries(error):
            return None
        with self._lock:
            spread = self._random.random()
        longest_s = min(self.policy.most_s, self.policy.base_s * 2.0 ** min(effort.tries - 1, 60))
        return min(max(spread * longest_s, error.retry_after_s or 0.0), remaining_s)


class _Effort(Generic[ResultT]):
    """One operation and what became of its tries."""

    def __init__(
        self, operation: Operation[ResultT], asked: Operation[ResultT], began: float
    ) -> None:
        self.operation = operation
        self.asked = asked
        self.began = began
        self.errors: list[AstridError] = []

    @property
    def tries(self) -> int:
        return len(self.errors)

    @property
    def last(self) -> AstridError:
        return self.errors[-1]

    def failed(self, error: AstridError) -> None:
        self.errors.append(error)
        self.asked = self.asked.again(error)

    def tries_ended_like(self, error: AstridError) -> int:
        return sum(
            isinstance(each, CorruptionError)
            if isinstance(error, CorruptionError)
            else each.kind == error.kind
            for each in self.errors
        )

    def verdict(self, now: float) -> AstridError:
        """Return the last error, saying what the tries before it amount to."""
        last = self.last
        if self.tries == 1:
            return last
        unknown = any(error.wrote is None for error in self.errors)
        said = f"{last.message} (tried {self.tries} times in {now - self.began:.1f} s"
        if unknown and last.wrote is not None:
            said += "; whether an earlier try was carried out is not known"
        return last.saying(f"{said})", wrote=None if unknown else last.wrote)

    def given_up(self, now: float) -> Outcome[ResultT]:
        error = self.verdict(now)
        error.__cause__ = self.last.__cause__
        return Outcome(self.operation, error=error)


class _numbered:  # noqa: N801 - reads as a verb where it is used
    """Say the number of the try under way while the block runs."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> None:
        self._token = observe.attempt.set(self._number)

    def __exit__(self, *_: object) -> None:
        observe.attempt.reset(self._token)


def _is_away(outcome: Outcome[Any]) -> bool:
    return outcome.error is not None and outcome.error.transient
