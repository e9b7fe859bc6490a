"""Copies of an image on two sides: contents are read in batches, and compared where they agree."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from astrid_sdk.datasets.splits.leaks import Leak, LeakKind
from astrid_sdk.datasets.splits.pixels import Likeness, likeness, outline, planes_of
from astrid_sdk.datasets.splits.ties import Numbers, Sample
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_AT_ONCE = 1_000
_MOST_COMPARED = 50  # of images that agree coarsely: more are compared with the first only


class Copies:
    """Finds copies among contents.

    Parameters
    ----------
    cas : ContentAddressedStorage
    """

    def __init__(self, cas: ContentAddressedStorage) -> None:
        self._cas = cas
        self.unread = 0

    def leaks(self, samples: Sequence[Sample], side: Numbers, names: Sequence[str]) -> list[Leak]:
        """Return the copies of one image on two sides.

        Parameters
        ----------
        samples : sequence of Sample
        side : ndarray of int64
            Of each sample; negative where it stands on none.
        names : sequence of str
            Of the sides.
        """
        on_side = [number for number in range(len(samples)) if side[number] >= 0]
        first = {samples[number].content_hash: number for number in reversed(on_side)}
        alike: defaultdict[str, list[int]] = defaultdict(list)
        for content_hash, seen in self._outlines(list(first)):
            self.unread += not seen
            if seen:
                alike[seen].append(first[content_hash])
        return [
            _leak(kind, (samples[one], names[side[one]]), (samples[other], names[side[other]]))
            for numbers in alike.values()
            if len({int(side[number]) for number in numbers}) > 1
            for one, other, kind in self._compared(numbers, samples, side)
        ]

    def _outlines(self, hashes: Sequence[str]) -> Iterator[tuple[str, str]]:
        for content_hash, content in self._read(hashes):
            yield content_hash, outline(planes_of(content))

    def _read(self, hashes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for start in range(0, len(hashes), _AT_ONCE):
            some = hashes[start : start + _AT_ONCE]
            with tempfile.TemporaryDirectory(prefix="astrid-copies-") as folder:
                for path in self._cas.retrieve_files(some, Path(folder)):
                    yield path.name, path.read_bytes()

    def _compared(
        self, numbers: Sequence[int], samples: Sequence[Sample], side: Numbers
    ) -> Iterator[tuple[int, int, Likeness]]:
        """Yield the copies on two sides, one per image that is a copy of an earlier one."""
        hashes = [samples[number].content_hash for number in numbers]
        read = {found: planes_of(content) for found, content in self._read(hashes)}
        planes = dict(zip(numbers, (read[content_hash] for content_hash in hashes), strict=True))
        for place, number in enumerate(numbers):
            for other in numbers[:place][:_MOST_COMPARED]:
                kind = likeness(planes[other], planes[number])
                if kind is not None and side[other] != side[number]:
                    yield other, number, kind
                    break


def _leak(kind: Likeness, one: tuple[Sample, str], other: tuple[Sample, str]) -> Leak:
    is_same = kind is Likeness.PIXELS
    return Leak(
        kind=LeakKind.PIXELS if is_same else LeakKind.AUGMENTATION,
        by=kind.value,
        tie="",
        side=one[1],
        sample=one[0],
        other_side=other[1],
        other_sample=other[0],
    )
