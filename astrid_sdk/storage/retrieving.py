"""One blob out of a store: whichever tier holds a sound copy, and nothing unverified."""

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import (
    AstridError,
    CorruptionError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.blob_file import BlobFile
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.storage.keys import check_content_hash, check_range
from astrid_sdk.storage.leaves import LeafStore, Leaves
from astrid_sdk.storage.operations import Fetched, Get, Head, ListPage, Outcome
from astrid_sdk.storage.ranges import VerifiedRanges, gets_ahead
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.transfers import Progress
from astrid_sdk.tiers import Tier

T = TypeVar("T")
_PIECE_BYTES = 4 * 1024 * 1024
_PIECES_AHEAD = 8
_BUFFER_BYTES = 64 * 1024


class BlobReader:
    """Reads blobs of one bucket, from any tier.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    seen : SeenContents
        Tells which tier is worth asking first.
    leaves : LeafStore
    """

    def __init__(
        self, storage: ObjectStorage, bucket: str, seen: SeenContents, leaves: LeafStore
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._seen = seen
        self._leaves = leaves
        self._place = f"{storage.describe()} {bucket}"

    def locate(self, content_hash: str, hint: Tier | None) -> Tier:
        """Return a tier that holds the content, asking `hint` first.

        Raises
        ------
        NotFoundError
            No tier holds it.
        """
        for tier in self._likely(content_hash, hint):
            if self._is_in(content_hash, tier):
                return tier
        for tier in self._holders(content_hash, list(Tier)):
            return tier
        raise self._unusable(content_hash, [])

    def is_there(self, content_hash: str, tier: Tier | None) -> bool:
        """Return whether a tier, or this one, holds the content."""
        if tier is not None:
            return self._is_in(content_hash, tier)
        return any(True for _ in self._holders(content_hash, list(Tier)))

    def data(self, content_hash: str, hint: Tier | None) -> bytes:
        """Return the bytes, verified."""
        return self._from_tiers(content_hash, hint, lambda tier: self._read(content_hash, tier))

    def data_of_each(
        self, contents: Iterable[tuple[str, Tier | None]]
    ) -> Iterator[tuple[int, bytes | StorageUnavailableError]]:
        """Yield small contents as they come; see `ContentAddressedStorage.retrieve_each`."""
        asked: dict[int, tuple[Get, int, str]] = {}  # by identity

        def gets() -> Iterator[Get]:
            for number, (content_hash, hint) in enumerate(contents):
                for tier in self._likely(check_content_hash(content_hash), hint)[:1]:
                    key = blob_key(content_hash, tier)
                    get = Get(bucket=self._bucket, key=key, content_hash=content_hash)
                    asked[id(get)] = get, number, content_hash
                    yield get

        etags: dict[str, str | None] = {}
        for outcome in self._storage.perform_many(gets()):
            get, number, content_hash = asked[id(outcome.operation)]
            if isinstance(outcome.error, StorageUnavailableError):
                yield number, outcome.error
            elif outcome.error is None and sha256_hex(outcome.value().data) == content_hash:
                etags[get.key] = outcome.value().stored.etag
                yield number, outcome.value().data
        self._seen.remember_etags(self._place, etags)

    def file(
        self, content_hash: str, path: Path, hint: Tier | None, progress: Progress | None
    ) -> Path:
        """Write the bytes to the file `path`, verified, all or nothing."""

        def download(tier: Tier) -> Path:
            key = blob_key(content_hash, tier)
            return _at_most_twice(
                lambda: self._storage.download_to(
                    self._bucket, key, path, content_hash=content_hash, progress=progress
                )
            )

        return self._from_tiers(content_hash, hint, download)

    def ranges(
        self, content_hash: str, ranges: Sequence[tuple[int, int]], hint: Tier | None
    ) -> list[bytes]:
        """Return ranges of the bytes, each verified."""
        for start, stop in ranges:
            check_range(start, stop)
        leaves, ahead = self._load_and_ask(check_content_hash(content_hash), ranges, hint)
        if leaves is None:
            data = self.data(content_hash, hint)
            return [data[start:stop] for start, stop in ranges]
        return self._from_tiers(content_hash, hint, self._ranged(leaves, ranges, ahead))

    def _load_and_ask(
        self, content_hash: str, ranges: Sequence[tuple[int, int]], hint: Tier | None
    ) -> "tuple[Leaves | None, list[Outcome[Fetched]]]":
        """Load the leaf digests and, in the same breath, ask the likely tier for the ranges."""
        likely = self._likely(content_hash, hint)
        if self._leaves.knows(content_hash) or not likely:
            return self._leaves.load(content_hash), []
        asked = self._leaves.asked(content_hash)
        early = gets_ahead(ranges, self._bucket, blob_key(content_hash, likely[0]))
        leaves: Leaves | None = None
        ahead = []
        for outcome in self._storage.perform_many([asked, *early]):
            if outcome.operation is asked:
                leaves = self._leaves.take(content_hash, outcome.value)
            else:
                ahead.append(outcome)
        return leaves, ahead

    def stream(self, content_hash: str, hint: Tier | None) -> Iterator[bytes]:
        """Yield the bytes in order, each piece verified before it is handed out."""
        leaves = self._leaves.load(check_content_hash(content_hash))
        if leaves is None:
            with self._spooled(content_hash, hint) as file:
                while piece := file.read(_PIECE_BYTES):
                    yield piece
            return
        starts = range(0, leaves.size_bytes, _PIECE_BYTES)
        for at in range(0, len(starts), _PIECES_AHEAD):
            pieces = [(start, start + _PIECE_BYTES) for start in starts[at : at + _PIECES_AHEAD]]
            yield from self._from_tiers(content_hash, hint, self._ranged(leaves, pieces))

    def open(self, content_hash: str, hint: Tier | None) -> io.BufferedReader:
        """Return a seekable file of the bytes, verified as they are read."""
        leaves = self._leaves.load(check_content_hash(content_hash))
        if leaves is None:
            return self._spooled(content_hash, hint)

        def read(start: int, room: memoryview) -> None:
            self._from_tiers(
                content_hash, hint, lambda tier: self._of(leaves, tier).read_into(start, room)
            )

        return io.BufferedReader(BlobFile(leaves.size_bytes, read), _BUFFER_BYTES)

    def _ranged(
        self,
        leaves: Leaves,
        ranges: Sequence[tuple[int, int]],
        ahead: Iterable[Outcome[Fetched]] = (),
    ) -> Callable[[Tier], list[bytes]]:
        def read(tier: Tier) -> list[bytes]:
            return self._of(leaves, tier).read(ranges, ahead)

        return read

    def _of(self, leaves: Leaves, tier: Tier) -> VerifiedRanges:
        key = blob_key(leaves.content_hash, tier)
        return VerifiedRanges(self._storage, self._bucket, key, leaves)

    def _spooled(self, content_hash: str, hint: Tier | None) -> io.BufferedReader:
        """Return the bytes as a temporary file that goes when it is closed."""
        with tempfile.TemporaryDirectory(prefix="astrid-") as folder:
            path = self.file(content_hash, Path(folder) / content_hash, hint, None)
            return path.open("rb")  # the open file outlives its name

    def _read(self, content_hash: str, tier: Tier) -> bytes:
        key = blob_key(content_hash, tier)
        get = Get(bucket=self._bucket, key=key, content_hash=content_hash)
        fetched = _at_most_twice(lambda: _checked(self._storage.perform(get), content_hash))
        self._seen.remember_etags(self._place, {key: fetched.stored.etag})
        return fetched.data

    def _from_tiers(self, content_hash: str, hint: Tier | None, read: Callable[[Tier], T]) -> T:
        """Return what `read` makes of the first tier whose copy is there and sound."""
        damaged: dict[Tier, CorruptionError] = {}
        for tier in self._candidates(check_content_hash(content_hash), hint):
            try:
                return read(tier)
            except NotFoundError as error:
                if error.kind == "no_such_bucket":
                    raise
            except CorruptionError as error:
                damaged[tier] = error
        raise self._unusable(content_hash, list(damaged)) from next(iter(damaged.values()), None)

    def _candidates(self, content_hash: str, hint: Tier | None) -> Iterator[Tier]:
        """Yield the tiers to read from, the likely ones without asking whether they hold it."""
        likely = self._likely(content_hash, hint)
        yield from likely
        others = [tier for tier in Tier if tier not in likely]
        try:
            yield from self._holders(content_hash, others)
        except StorageUnavailableError:
            kept = self._kept_here(content_hash, others)
            if not kept:
                raise
            yield from kept

    def _likely(self, content_hash: str, hint: Tier | None) -> list[Tier]:
        keys = {blob_key(content_hash, tier): tier for tier in Tier}
        seen = [keys[key] for key in self._seen.etags(self._place, keys)]
        return list(dict.fromkeys([hint, *seen] if hint is not None else seen))

    def _holders(self, content_hash: str, tiers: Sequence[Tier]) -> list[Tier]:
        """Return which of `tiers` hold something under the name, asked side by side."""
        keys = {blob_key(content_hash, tier): tier for tier in tiers}
        heads = [Head(bucket=self._bucket, key=key) for key in keys]
        there: set[Tier] = set()
        away: StorageUnavailableError | None = None
        for outcome in self._storage.perform_many(heads):
            if isinstance(outcome.error, StorageUnavailableError):
                away = outcome.error
            elif outcome.value() is not None:
                there.add(keys[outcome.operation.where])
        if away is not None and not there:
            raise away
        return [tier for tier in tiers if tier in there]

    def _kept_here(self, content_hash: str, tiers: Sequence[Tier]) -> list[Tier]:
        """Return the tiers whose copy can be read although the store is away."""
        keys = {blob_key(content_hash, tier): tier for tier in tiers}
        gets = [Get(bucket=self._bucket, key=key, start=0, stop=1) for key in keys]
        outcomes = self._storage.perform_many(gets)
        return [keys[each.operation.where] for each in outcomes if each.error is None]

    def _is_in(self, content_hash: str, tier: Tier) -> bool:
        head = Head(bucket=self._bucket, key=blob_key(content_hash, tier))
        return self._storage.perform(head) is not None

    def _unusable(self, content_hash: str, damaged: Sequence[Tier]) -> AstridError:
        where = self._storage.describe()
        if damaged:
            return CorruptionError(
                f"{content_hash} in {', '.join(damaged)} of {where} does not hold the bytes its "
                "name says: it was not handed out; to mend it, store the original file again"
            )
        # A look in a bucket that is not there finds nothing; a listing tells the two apart.
        self._storage.perform(ListPage(bucket=self._bucket, prefix="_records/", limit=1))
        return NotFoundError(
            f"no tier of {where} holds {content_hash}; check the hash, or store the file"
        )


def _checked(fetched: Fetched, content_hash: str) -> Fetched:
    """Verify here too: what lies between the store and here may have changed a byte."""
    if sha256_hex(fetched.data) != content_hash:
        raise CorruptionError(
            f"{fetched.stored.key} does not hold the bytes its name says; it was not handed out: "
            "store the original file again"
        )
    return fetched


def _at_most_twice(read: Callable[[], T]) -> T:
    """Read once more what was damaged: on the way it may have been, where it lies it stays so."""
    with suppress(CorruptionError):
        return read()
    return read()
