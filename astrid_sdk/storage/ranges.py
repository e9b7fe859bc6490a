"""Ranges of a blob that are verified without reading the rest of it."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.hashing import LEAF_BYTES
from astrid_sdk.storage.leaves import Leaves, leaves_of_ranges, spans
from astrid_sdk.storage.operations import Fetched, Get, Outcome

_MOST_AHEAD_BYTES = 32 << 20


class VerifiedRanges:
    """Reads leaves of one object side by side and hands out only what verifies.

    Parameters
    ----------
    storage : ObjectStorage
    bucket, key : str
        Where a copy of the blob stands.
    leaves : Leaves
    """

    def __init__(self, storage: ObjectStorage, bucket: str, key: str, leaves: Leaves) -> None:
        self._storage = storage
        self._bucket = bucket
        self._key = key
        self._leaves = leaves

    def read(
        self, ranges: Sequence[tuple[int, int]], ahead: Iterable[Outcome[Fetched]] = ()
    ) -> list[bytes]:
        """Return the bytes of each range, cut at the end of the blob as slices are.

        `ahead` is what came of `gets_ahead`, if it was asked.

        Raises
        ------
        NotFoundError
            The copy is not there.
        CorruptionError
            A leaf has other bytes than its digest says, read twice.
        """
        size = self._leaves.size_bytes
        cut = [(min(start, size), min(stop, size)) for start, stop in ranges]
        found = self._fetch(leaves_of_ranges(cut), ahead)
        return [_joined(found, start, stop) for start, stop in cut]

    def read_into(self, start: int, room: memoryview) -> None:
        """Fill `room` with the bytes from `start`, which are all in the blob; see `read`.

        Whole leaves are read where they are to be; what else is asked for is copied there.
        """
        stop = start + len(room)
        numbers = leaves_of_ranges([(start, stop)])
        is_whole = start % LEAF_BYTES == 0 and (
            stop % LEAF_BYTES == 0 or stop == self._leaves.size_bytes
        )
        if not is_whole:
            room[:] = self.read([(start, stop)])[0]
            return
        for number, leaf in self._fetch(numbers, (), _Room(start, room)).items():
            if leaf.obj is not room.obj:  # a store may hand out memory of its own
                first = number * LEAF_BYTES - start
                room[first : first + len(leaf)] = leaf

    def _fetch(
        self,
        numbers: Sequence[int],
        ahead: Iterable[Outcome[Fetched]],
        room: "_Room | None" = None,
    ) -> Mapping[int, memoryview]:
        arrived = [outcome for outcome in ahead if outcome.error is None]
        found = dict(self._sound(arrived, set(numbers)))
        wanted = [number for number in numbers if number not in found]
        found.update(self._sound(self._asked(spans(wanted), room), set(wanted)))
        missing = [number for number in wanted if number not in found]
        if missing:  # damaged on the way, or where it lies: a second look tells
            singly = self._asked([range(each, each + 1) for each in missing], room)
            found.update(self._sound(singly, set(missing)))
        still = [number for number in missing if number not in found]
        if still:
            raise CorruptionError(
                f"leaf {still[0]} of {self._leaves.content_hash} (bytes from "
                f"{still[0] * LEAF_BYTES}) in {self._key.partition('/')[0]} of "
                f"{self._storage.describe()} does not have the bytes its digest says: it was not "
                "handed out; store the original file again to mend it"
            )
        return found

    def _sound(
        self, outcomes: Iterable[Outcome[Fetched]], asked: set[int]
    ) -> Iterator[tuple[int, memoryview]]:
        """Yield the leaves among what came that verify."""
        for outcome in outcomes:
            get = outcome.operation
            assert isinstance(get, Get)  # noqa: S101 - each outcome names one of them
            data = outcome.value().data
            view = get.into if not data and get.into is not None else memoryview(data)
            first = get.start // LEAF_BYTES
            for place in range(0, len(view), LEAF_BYTES):
                number, leaf = first + place // LEAF_BYTES, view[place : place + LEAF_BYTES]
                if number in asked and self._leaves.holds(number, leaf):
                    yield number, leaf

    def _asked(self, wanted: Iterable[range], room: "_Room | None") -> Iterator[Outcome[Fetched]]:
        gets = gets_of(wanted, self._bucket, self._key)
        return self._storage.perform_many(gets if room is None else map(room.take_in, gets))


@dataclasses.dataclass(frozen=True, slots=True)
class _Room:
    """Memory for the bytes from `start` on."""

    start: int
    view: memoryview

    def take_in(self, get: Get) -> Get:
        """Return the read, with the place where its bytes belong."""
        assert get.stop is not None  # noqa: S101 - leaves have an end
        into = self.view[get.start - self.start : get.stop - self.start]
        return dataclasses.replace(get, stop=get.start + len(into), into=into)


def gets_of(wanted: Iterable[range], bucket: str, key: str) -> Iterator[Get]:
    """Yield the reads of spans of leaves."""
    for span in wanted:
        start, stop = span[0] * LEAF_BYTES, (span[-1] + 1) * LEAF_BYTES
        yield Get(bucket=bucket, key=key, start=start, stop=stop)


def gets_ahead(ranges: Sequence[tuple[int, int]], bucket: str, key: str) -> list[Get]:
    """Return the reads of the leaves of `ranges`, to be asked for before their digests came.

    Empty where they are many: then a copy that is not there would cost much.
    """
    numbers = leaves_of_ranges(ranges)
    if len(numbers) * LEAF_BYTES > _MOST_AHEAD_BYTES:
        return []
    return list(gets_of(spans(numbers), bucket, key))


def _joined(found: Mapping[int, memoryview], start: int, stop: int) -> bytes:
    pieces = []
    for number in leaves_of_ranges([(start, stop)]):
        first = number * LEAF_BYTES
        pieces.append(found[number][max(start - first, 0) : stop - first])
    return b"".join(pieces)
