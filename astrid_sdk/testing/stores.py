"""Stores that behave badly in known ways around a good one, to test what stands on a store.

>>> store = FlakyStore(inner, [Failure(StorageUnavailableError("gone"), verbs={"put"}, times=2)])

Each is a wrapper: give it any store, and use it as one.
"""

import copy
import dataclasses
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from typing_extensions import override

from astrid_sdk.errors import AstridError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Get, Operation, Outcome, Put, UploadPart
from astrid_sdk.storage.wrapping import WrapperStorage

ResultT = TypeVar("ResultT")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which operations something happens to.

    Parameters
    ----------
    verbs : collection of str, optional
        Their verbs, such as ``{"put", "part"}``; empty for every one.
    where : str, optional
        How their keys start.
    skip : int, optional
        How many of these pass first.
    times : int or None, optional
        How many are hit after that; None for all.
    """

    verbs: Collection[str] = ()
    where: str = ""
    skip: int = 0
    times: int | None = 1

    def is_about(self, operation: Operation[Any]) -> bool:
        """Return whether `operation` is one of them, whatever was hit before."""
        is_verb = not self.verbs or operation.verb in self.verbs
        return is_verb and operation.where.startswith(self.where)

    def hits(self, number: int) -> bool:
        """Return whether the one of that number, counted from 0, is hit."""
        return number >= self.skip and (self.times is None or number < self.skip + self.times)


@dataclasses.dataclass(frozen=True)
class Failure(Chosen):
    """An error that chosen operations end with.

    Parameters
    ----------
    error : AstridError
        What is raised: a copy each time.
    takes_effect : bool, optional, keyword-only
        Whether the operation is carried out first, as when only its answer is lost.
    verbs, where, skip, times
        As `Chosen`.
    """

    error: AstridError
    takes_effect: bool = dataclasses.field(default=False, kw_only=True)


@dataclasses.dataclass(frozen=True)
class Damage(Chosen):
    """What becomes of bytes that chosen reads bring.

    Parameters
    ----------
    change : callable
        `flip_bit`, `cut_end`, `swap_halves`, or any other from bytes to bytes.
    verbs, where, skip, times
        As `Chosen`.
    """

    change: Callable[[bytes], bytes]


def flip_bit(data: bytes) -> bytes:
    """Return `data` with one bit in the middle turned over."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else b"\0"


def cut_end(data: bytes) -> bytes:
    """Return the first half of `data`."""
    return data[: len(data) // 2]


def swap_halves(data: bytes) -> bytes:
    """Return the second half of `data`, then the first: as long, and other bytes mostly."""
    middle = len(data) // 2
    return data[middle:] + data[:middle]


class SteppedStore(WrapperStorage):
    """Takes the operations of `perform_many` one by one through `perform`, with threads as ever.

    The base for a store in a test: what is overridden in `perform` holds for many, too.
    """

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        return ObjectStorage.perform_many(self, operations)


class FlakyStore(SteppedStore):
    """Ends chosen operations with errors, before or after they took effect.

    Parameters
    ----------
    inner : ObjectStorage
    failures : sequence of Failure
        The first that hits an operation is raised; each counts for itself.
    """

    def __init__(self, inner: ObjectStorage, failures: Sequence[Failure]) -> None:
        super().__init__(inner)
        self._failures = _Counted(failures)

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        failure = self._failures.hitting(operation)
        if failure is None:
            return self.inner.perform(operation)
        if failure.takes_effect:
            self.inner.perform(operation)
        raise copy.copy(failure.error)


class CorruptingStore(SteppedStore):
    """Hands out other bytes than those that are stored.

    Parameters
    ----------
    inner : ObjectStorage
    damages : sequence of Damage
        The first that hits a read changes its bytes; each counts for itself.
    """

    def __init__(self, inner: ObjectStorage, damages: Sequence[Damage]) -> None:
        super().__init__(inner)
        self._damages = _Counted(damages)

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        if not isinstance(operation, Get):
            return self.inner.perform(operation)
        damage = self._damages.hitting(operation)
        # A buffer of the caller's would be filled with the true bytes.
        fetched: Any = self.inner.perform(dataclasses.replace(operation, into=None))
        if damage is not None:
            fetched = dataclasses.replace(fetched, data=damage.change(fetched.data))
        result: ResultT = fetched
        return result


class RecordingStore(SteppedStore):
    """Remembers every operation that was asked of it, in `operations`.

    Parameters
    ----------
    inner : ObjectStorage
    """

    def __init__(self, inner: ObjectStorage) -> None:
        super().__init__(inner)
        self.operations: list[Operation[Any]] = []

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        self.operations.append(_kept(operation))
        return self.inner.perform(operation)

    def keys(self, *verbs: str) -> list[str]:
        """Return the keys or prefixes of the operations with these verbs, or of all."""
        asked = list(self.operations)
        return [each.where for each in asked if not verbs or each.verb in verbs]


ChosenT = TypeVar("ChosenT", bound=Chosen)


class _Counted(Generic[ChosenT]):
    """Counts for each of several rules how many operations it was about."""

    def __init__(self, rules: Sequence[ChosenT]) -> None:
        self._rules = tuple(rules)
        self._seen = [0] * len(self._rules)
        self._lock = threading.Lock()

    def hitting(self, operation: Operation[Any]) -> ChosenT | None:
        """Return the first rule that hits `operation`."""
        hit: ChosenT | None = None
        with self._lock:
            for place, rule in enumerate(self._rules):
                if rule.is_about(operation):
                    if hit is None and rule.hits(self._seen[place]):
                        hit = rule
                    self._seen[place] += 1
        return hit


def _kept(operation: Operation[Any]) -> Operation[Any]:
    """Return `operation` with bytes of its own: senders use their buffers again."""
    if isinstance(operation, Put | UploadPart):
        return dataclasses.replace(operation, data=bytes(operation.data))
    return operation
