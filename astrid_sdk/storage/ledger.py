"""What a tier may hold and what it holds: limits as values, and the book that is kept."""

import dataclasses
import re
import threading
from collections.abc import Callable
from typing import Any, Self

from typing_extensions import override

from astrid_sdk.errors import (
    InvalidInputError,
    NotFoundError,
    QuotaExceededError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    Delete,
    Operation,
    Outcome,
    UploadPart,
    Written,
)

_RECOUNT_S = 600.0
_TRUSTED_S = 10.0  # a count this young is not made again to refuse
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kKMGTP]?i?B)?")
_UNITS = {"B": 1, "iB": 1} | {
    f"{letter}{infix}B": base**power
    for power, letter in enumerate("KMGTP", start=1)
    for infix, base in (("i", 1024), ("", 1000))
}


@dataclasses.dataclass(frozen=True, slots=True)
class Amount:
    """So many bytes in so many objects."""

    size_bytes: int = 0
    objects: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.size_bytes + other.size_bytes, self.objects + other.objects)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.size_bytes - other.size_bytes, self.objects - other.objects)


@dataclasses.dataclass(frozen=True, slots=True)
class Quota:
    """What a tier may hold; None for no limit.

    Parameters
    ----------
    size_bytes : int or None
    objects : int or None
    """

    size_bytes: int | None = None
    objects: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``size``, ``size:objects`` or ``:objects``, such as ``"2TiB:500000"``.

        Raises
        ------
        InvalidInputError
            It cannot be read.
        """
        size, _, objects = (part.strip() for part in text.partition(":"))
        number = _SIZE.fullmatch(size) if size else None
        if (size and number is None) or (objects and not objects.isdecimal()) or not text.strip():
            raise InvalidInputError(
                f"{text!r} is no quota; write it as '10GiB', '2TiB:500000' or ':500000'",
                kind="config",
            )
        return cls(None if number is None else _bytes_of(number), int(objects) if objects else None)

    def holds(self, amount: Amount) -> bool:
        """Return whether `amount` is within the limits."""
        return (self.size_bytes is None or amount.size_bytes <= self.size_bytes) and (
            self.objects is None or amount.objects <= self.objects
        )

    @override
    def __str__(self) -> str:
        limits = (
            None if self.size_bytes is None else f"{self.size_bytes} bytes",
            None if self.objects is None else f"{self.objects} objects",
        )
        return " and ".join(limit for limit in limits if limit) or "no limit"


@dataclasses.dataclass(frozen=True, slots=True)
class Reservation:
    """Room that is kept for an operation; exact where what it replaces was looked up."""

    amount: Amount = dataclasses.field(default_factory=Amount)
    is_exact: bool = False


class Ledger:
    """What one tier of one bucket holds, and what is on its way there; of all threads.

    Parameters
    ----------
    store : ObjectStorage
        Is listed to count.
    bucket, tier : str
    quota : Quota
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        store: ObjectStorage,
        bucket: str,
        tier: str,
        quota: Quota,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._tier = tier
        self._quota = quota
        self._clock = clock
        self._lock = threading.Lock()
        self._counted = Amount()
        self._under_way = Amount()
        self._uploads: dict[str, dict[int, int]] = {}  # the sizes of the parts that have arrived
        self._counted_at = float("-inf")
        self._is_doubtful = True

    def reserve(self, asked: Amount, operation: Operation[Any]) -> Reservation:
        """Keep room for what `operation` is about to add.

        Raises
        ------
        QuotaExceededError
            There is none.
        """
        if asked == Amount():
            return Reservation()
        with self._lock:
            if self._clock() - self._counted_at > _RECOUNT_S:
                self._count()
            if not self._fits(asked) and self._may_count():
                self._count()
            reservation = Reservation(asked)
            if not self._fits(asked):
                reservation = Reservation(self._added(asked, operation), is_exact=True)
            if not self._fits(reservation.amount):
                raise self._refusal(asked)
            self._under_way += reservation.amount
            return reservation

    def settle(self, reservation: Reservation, outcome: Outcome[Any]) -> None:
        """Book what became of an operation that a reservation was for."""
        with self._lock:
            self._under_way -= reservation.amount
            if outcome.error is None or outcome.error.wrote is None:
                self._book(reservation, outcome)
            if isinstance(outcome.operation, AbortUpload):  # also where it could not be aborted
                self._forget(outcome.operation.upload.upload_id)

    def _book(self, reservation: Reservation, outcome: Outcome[Any]) -> None:
        operation, result = outcome.operation, outcome.result
        if outcome.error is not None or isinstance(operation, Delete):
            self._is_doubtful = True
        if isinstance(operation, BeginUpload) and result is not None:
            self._uploads[result.upload_id] = {}
        elif isinstance(operation, UploadPart):
            parts = self._uploads.setdefault(operation.upload.upload_id, {})
            self._counted -= Amount(parts.get(operation.number, 0))
            parts[operation.number] = operation.sent_bytes
        elif isinstance(operation, CompleteUpload) and result is not None and result.is_new:
            self._uploads.pop(operation.upload.upload_id, None)
        if isinstance(result, Written) and not result.is_new:
            return
        self._counted += reservation.amount
        if not (reservation.is_exact or getattr(operation, "create_only", False)):
            self._is_doubtful = True  # what was written over is not known

    def _forget(self, upload_id: str) -> None:
        parts = self._uploads.pop(upload_id, None)
        if parts is not None:
            self._counted -= Amount(sum(parts.values()), 1)

    def _fits(self, asked: Amount) -> bool:
        return self._quota.holds(self._counted + self._under_way + asked)

    def _may_count(self) -> bool:
        return self._is_doubtful or self._clock() - self._counted_at > _TRUSTED_S

    def _count(self) -> None:
        try:
            found = self._store.list_objects(self._bucket, f"{self._tier}/")
            sizes = [each.size_bytes for each in found]
        except NotFoundError:  # no bucket: the write will say so
            sizes = []
        except StorageUnavailableError:
            self._is_doubtful = True
            return
        arrived = [sum(parts.values()) for parts in self._uploads.values()]
        self._counted = Amount(sum(sizes) + sum(arrived), len(sizes) + len(arrived))
        self._counted_at = self._clock()
        # what is on its way may be in the listing already, and is then counted twice
        self._is_doubtful = self._under_way != Amount() or bool(arrived)

    def _added(self, asked: Amount, operation: Operation[Any]) -> Amount:
        """Return what is added where an object stands already: asked only at the limit."""
        found = self._store.head(self._bucket, operation.where)
        if found is None:
            return asked
        if getattr(operation, "create_only", False):
            return Amount()
        return Amount(max(0, asked.size_bytes - found.size_bytes))

    def _refusal(self, asked: Amount) -> QuotaExceededError:
        used = self._counted + self._under_way
        return QuotaExceededError(
            f"tier {self._tier} of bucket {self._bucket} may hold {self._quota} and holds "
            f"{used.size_bytes} bytes in {used.objects} objects: {asked.size_bytes} bytes more "
            "do not fit, and nothing was sent; delete what is not needed there, or raise its "
            "quota (ASTRID_QUOTAS)"
        )


def _bytes_of(size: re.Match[str]) -> int:
    unit = (size["unit"] or "B").replace("k", "K")
    return int(float(size["number"]) * _UNITS[unit])
