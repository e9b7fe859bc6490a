"""Digests of the leaves of large blobs, kept beside them so that ranges can be verified.

The object ``_leaves/<hash[:2]>/<hash>`` holds, big-endian (format version 1): the eight bytes
``ASTRIDLF``, the version (4 bytes), the bytes per leaf (4), the blob's size (8), its SHA-256 (32),
the BLAKE3-256 of each leaf (32 each), and the SHA-256 of all that (32), so that damage to it is
told from damage to the blob. It guards against damage, not against somebody who may write to the
bucket: reading a whole blob does both.
"""

import hashlib
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from blake3 import blake3

from astrid_sdk.errors import CorruptionError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.hashing import LEAF_BYTES, Digests
from astrid_sdk.storage.operations import Body, Fetched, Get, Head, Put, Written

FORMAT_VERSION = 1
PREFIX = "_leaves/"
MEDIA_TYPE = "application/octet-stream"
_MAGIC = b"ASTRIDLF"
_HEADER = struct.Struct(">8sIIQ32s")
_DIGEST_BYTES = 32
_REMEMBERED = 256
_MOST_LEAVES_OF_A_SPAN = 16  # 4 MiB: enough for the wire, little to fetch again
_WIDEST_GAP = 1  # a leaf that nobody asked for costs less than one more request


def leaves_key(content_hash: str) -> str:
    """Return where the leaf digests of a blob stand, whatever its tier."""
    return f"{PREFIX}{content_hash[:2]}/{content_hash}"


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaf digests of one blob.

    Parameters
    ----------
    content_hash : str
    size_bytes : int
        Of the blob.
    digests : bytes
        BLAKE3-256 of each leaf, one behind the other.
    """

    content_hash: str
    size_bytes: int
    digests: bytes

    @classmethod
    def of(cls, digests: Digests) -> Self:
        """Return the leaves that hashing found."""
        return cls(digests.content_hash, digests.size_bytes, digests.leaves)

    @property
    def count(self) -> int:
        """How many leaves there are."""
        return -(-self.size_bytes // LEAF_BYTES)

    def bounds(self, number: int) -> tuple[int, int]:
        """Return the first byte of a leaf, and the one behind its last."""
        return number * LEAF_BYTES, min((number + 1) * LEAF_BYTES, self.size_bytes)

    def holds(self, number: int, data: Body) -> bool:
        """Return whether `data` are the bytes of leaf `number`."""
        start, stop = self.bounds(number)
        digest = self.digests[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]
        return len(data) == stop - start and blake3(data).digest() == digest

    def to_bytes(self) -> bytes:
        """Return the object that is stored."""
        named = bytes.fromhex(self.content_hash)
        header = _HEADER.pack(_MAGIC, FORMAT_VERSION, LEAF_BYTES, self.size_bytes, named)
        content = header + self.digests
        return content + hashlib.sha256(content).digest()

    @classmethod
    def from_bytes(cls, content: bytes, content_hash: str) -> Self:
        """Return what `to_bytes` wrote for the blob `content_hash`.

        Raises
        ------
        CorruptionError
            These are not the leaf digests of that blob, or not in this format version.
        """
        body, checksum = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        if len(body) < _HEADER.size or hashlib.sha256(body).digest() != checksum:
            raise _unusable(content_hash)
        magic, version, leaf_bytes, size_bytes, named = _HEADER.unpack_from(body)
        made = cls(content_hash, size_bytes, body[_HEADER.size :])
        expected = (_MAGIC, FORMAT_VERSION, LEAF_BYTES, bytes.fromhex(content_hash))
        is_complete = len(made.digests) == made.count * _DIGEST_BYTES
        if (magic, version, leaf_bytes, named) != expected or not is_complete:
            raise _unusable(content_hash)
        return made


def leaves_of_ranges(ranges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the numbers of all leaves that hold bytes of `ranges`, sorted."""
    found: set[int] = set()
    for start, stop in ranges:
        if start < stop:
            found.update(range(start // LEAF_BYTES, (stop - 1) // LEAF_BYTES + 1))
    return sorted(found)


def spans(numbers: Sequence[int]) -> list[range]:
    """Join sorted leaf numbers to spans that are worth one request each."""
    if not numbers:
        return []
    ends = [
        place
        for place, (one, other) in enumerate(pairwise(numbers), 1)
        if other - one - 1 > _WIDEST_GAP
    ]
    borders = [0, *ends, len(numbers)]
    joined = [range(numbers[low], numbers[high - 1] + 1) for low, high in pairwise(borders)]
    most = _MOST_LEAVES_OF_A_SPAN
    return [span[at : at + most] for span in joined for at in range(0, len(span), most)]


class LeafStore:
    """The leaf digests of one bucket; those used lately are kept in memory.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Leaves | None] = OrderedDict()

    def load(self, content_hash: str) -> Leaves | None:
        """Return the leaf digests of a blob; None where there are none that can be used."""
        if self.knows(content_hash):
            return self._known.get(content_hash)
        return self.take(content_hash, lambda: self._storage.perform(self.asked(content_hash)))

    def knows(self, content_hash: str) -> bool:
        """Return whether `load` answers from memory."""
        with self._lock:
            if content_hash not in self._known:
                return False
            self._known.move_to_end(content_hash)
            return True

    def asked(self, content_hash: str) -> Get:
        """Return what `load` asks the store, for callers that ask for more in the same breath."""
        return Get(bucket=self._bucket, key=leaves_key(content_hash))

    def take(self, content_hash: str, fetched: Callable[[], Fetched]) -> Leaves | None:
        """Return the leaf digests that came of `asked`, and keep them in memory."""
        try:
            found = Leaves.from_bytes(fetched().data, content_hash)
        except (NotFoundError, CorruptionError):  # the blob can be read whole
            found = None
        self._keep(content_hash, found)
        return found

    def keep(self, digests: Digests) -> Leaves | None:
        """Keep in memory what hashing found; return it, or None for a short content."""
        leaves = Leaves.of(digests) if digests.leaves else None
        self._keep(digests.content_hash, leaves)
        return leaves

    def put(self, digests: Digests) -> Put | None:
        """Return the write of a blob's leaf digests; None for a short content, which has none.

        It has no condition: everybody writes the same bytes, and a damaged object is mended.
        """
        leaves = self.keep(digests)
        if leaves is None:
            return None
        return Put(
            bucket=self._bucket,
            key=leaves_key(digests.content_hash),
            data=leaves.to_bytes(),
            content_type=MEDIA_TYPE,
        )

    def write(self, digests: Digests) -> Written | None:
        """Write the leaf digests that hashing found, if any."""
        put = self.put(digests)
        return None if put is None else self._storage.perform(put)

    def write_missing(self, digests: Digests) -> None:
        """Write the leaf digests of a blob that was found stored, where they are not there."""
        key = leaves_key(digests.content_hash)
        if digests.leaves and self._storage.perform(Head(bucket=self._bucket, key=key)) is None:
            self.write(digests)

    def _keep(self, content_hash: str, leaves: Leaves | None) -> None:
        with self._lock:
            self._known[content_hash] = leaves
            self._known.move_to_end(content_hash)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


def _unusable(content_hash: str) -> CorruptionError:
    return CorruptionError(
        f"the leaf digests of {content_hash} are damaged, or of a later format: the blob is read "
        "whole; storing it again mends them",
        kind="leaves",
    )
