"""What wrappers need to look into a batch while it passes, at constant memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Operation, Outcome

MOST_HELD = 32
"""Operations of a batch that are held back before more are drawn."""
MOST_HELD_BYTES = 32 << 20
"""What their bodies have together."""

ResultT = TypeVar("ResultT")


class Holding(Protocol):
    """What keeps an operation, and with it its body, in memory."""

    @property
    def operation(self) -> Operation[Any]:
        """The operation."""


class Source(Generic[ResultT]):
    """Operations still to be drawn.

    Parameters
    ----------
    operations : iterable of Operation
    """

    def __init__(self, operations: Iterable[Operation[ResultT]]) -> None:
        self._operations = iter(operations)
        self.is_empty = False

    def until(self, held: Sequence[Holding]) -> Iterator[Operation[ResultT]]:
        """Yield operations until none is left, or `held` holds as much as it may."""
        while not _is_full(held):
            try:
                operation = next(self._operations)
            except StopIteration:
                self.is_empty = True
                return
            yield operation


def sifted(
    inner: ObjectStorage,
    operations: Iterable[Operation[ResultT]],
    answered: Callable[[Operation[ResultT]], Outcome[ResultT] | None],
    settled: Callable[[Outcome[ResultT]], Outcome[ResultT]],
    dropped: Callable[[Operation[ResultT]], object] = lambda _: None,
) -> Iterator[Outcome[ResultT]]:
    """Carry out a batch in `inner`, looking at each operation before and after.

    Parameters
    ----------
    inner : ObjectStorage
    operations : iterable of Operation
    answered : callable
        What becomes of an operation that is not to reach `inner`; None lets it pass.
    settled : callable
        Called with each outcome of `inner`, returns the one to hand on.
    dropped : callable, optional
        Called with each operation that was passed on and whose outcome will not be known,
        because the batch was left or could not be drawn to its end.
    """
    ready: list[Outcome[ResultT]] = []
    passed: dict[int, Operation[ResultT]] = {}
    source = Source(operations)

    def passing() -> Iterator[Operation[ResultT]]:
        for operation in source.until(ready):
            outcome = answered(operation)
            if outcome is None:
                passed[id(operation)] = operation
                yield operation
            else:
                ready.append(outcome)

    try:
        while not source.is_empty:
            for outcome in inner.perform_many(passing()):
                del passed[id(outcome.operation)]
                yield settled(outcome)
                yield from _taken(ready)
            yield from _taken(ready)
    finally:
        for operation in passed.values():
            dropped(operation)


def _taken(ready: list[Outcome[ResultT]]) -> Iterator[Outcome[ResultT]]:
    while ready:
        yield ready.pop()


def _is_full(held: Sequence[Holding]) -> bool:
    held_bytes = sum(each.operation.sent_bytes for each in held)
    return len(held) >= MOST_HELD or held_bytes >= MOST_HELD_BYTES
