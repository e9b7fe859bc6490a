"""Ranges of a blob that are verified without reading the rest of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.hashing import LEAF_BYTES
from astrid_sdk.storage.leaves import Leaves, leaves_of_ranges, spans
from astrid_sdk.storage.operations import Get


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

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range, cut at the end of the blob as slices are.

        Raises
        ------
        NotFoundError
            The copy is not there.
        CorruptionError
            A leaf has other bytes than its digest says, read twice.
        """
        size = self._leaves.size_bytes
        cut = [(min(start, size), min(stop, size)) for start, stop in ranges]
        found = self._fetch(leaves_of_ranges(cut))
        return [_joined(found, start, stop) for start, stop in cut]

    def _fetch(self, numbers: Sequence[int]) -> Mapping[int, memoryview]:
        found = dict(self._sound(spans(numbers), set(numbers)))
        missing = [number for number in numbers if number not in found]
        if missing:  # damaged on the way, or where it lies: a second look tells
            found.update(self._sound([range(each, each + 1) for each in missing], set(missing)))
        still = [number for number in missing if number not in found]
        if still:
            raise CorruptionError(
                f"leaf {still[0]} of {self._leaves.content_hash} (bytes from "
                f"{still[0] * LEAF_BYTES}) in {self._key.partition('/')[0]} of "
                f"{self._storage.describe()} does not have the bytes its digest says: it was not "
                "handed out; store the original file again to mend it"
            )
        return found

    def _sound(self, wanted: Iterable[range], asked: set[int]) -> Iterator[tuple[int, memoryview]]:
        """Yield the leaves that verify among the spans `wanted`."""
        for outcome in self._storage.perform_many(self._gets(wanted)):
            get = outcome.operation
            assert isinstance(get, Get)  # noqa: S101 - each outcome names one of them
            view = memoryview(outcome.value().data)
            first = get.start // LEAF_BYTES
            for place in range(0, len(view), LEAF_BYTES):
                number, leaf = first + place // LEAF_BYTES, view[place : place + LEAF_BYTES]
                if number in asked and self._leaves.holds(number, leaf):
                    yield number, leaf

    def _gets(self, wanted: Iterable[range]) -> Iterator[Get]:
        for span in wanted:
            start, _ = self._leaves.bounds(span[0])
            _, stop = self._leaves.bounds(span[-1])
            yield Get(bucket=self._bucket, key=self._key, start=start, stop=stop)


def _joined(found: Mapping[int, memoryview], start: int, stop: int) -> bytes:
    pieces = []
    for number in leaves_of_ranges([(start, stop)]):
        first = number * LEAF_BYTES
        pieces.append(found[number][max(start - first, 0) : stop - first])
    return b"".join(pieces)
