"""Our own client, doing what its users call: hashes, records and verification included."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import Fetched, Get, Operation, Outcome, Put
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.wrapping import WrapperStorage
from astrid_sdk.tiers import Tier
from benchmarks.contenders import Contender
from benchmarks.inputs import Inputs
from benchmarks.peers import check_count, check_stamp, rows_of_stamp
from benchmarks.servers import Place, Traffic

_FITS = "application/fits"
_BLOCK_BYTES = 2880

ResultT = TypeVar("ResultT")


class CountedStorage(WrapperStorage):
    """Counts the operations that pass and the bytes of their bodies."""

    def __init__(self, inner: ObjectStorage) -> None:
        super().__init__(inner)
        self.traffic = Traffic(0, 0, 0)

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        result = self.inner.perform(operation)
        self._count(operation, result)
        return result

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        for outcome in self.inner.perform_many(operations):
            self._count(outcome.operation, outcome.result)
            yield outcome

    def _count(self, operation: Operation[ResultT], result: object) -> None:
        received = 0
        if isinstance(result, Fetched) and isinstance(operation, Get):
            received = len(result.data) or len(operation.into or b"")
        self.traffic = Traffic(
            self.traffic.requests + 1,
            self.traffic.sent_bytes + operation.sent_bytes,
            self.traffic.received_bytes + received,
        )


class Astrid(Contender):
    """`ContentAddressedStorage` over `R2StorageClient`, or over a folder."""

    title = "astrid"
    works_on_folders = True

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        super().__init__(place, inputs, scratch, threads)
        self._storage: ObjectStorage = (
            LocalStorageClient(place.folder)
            if place.endpoint is None
            else R2StorageClient(place.config())
        )
        if place.take_traffic() is None:
            self._storage = CountedStorage(self._storage)
        self._contents = ContentAddressedStorage(
            self._storage, place.bucket, seen=SeenContents(scratch / "seen.sqlite")
        )

    @override
    def traffic(self) -> Traffic | None:
        return self._storage.traffic if isinstance(self._storage, CountedStorage) else None

    @override
    def close(self) -> None:
        self._storage.close()

    def file_store(self) -> None:
        """`store_file`."""
        stored = self._contents.store_file(self.inputs.large, _FITS, tier=Tier.RAW_OBSERVATIONS)
        self._remember("large", [stored])

    def file_store_again(self) -> None:
        """`store_file` of what is there."""
        self._contents.store_file(self.inputs.large, _FITS, tier=Tier.RAW_OBSERVATIONS)

    def file_retrieve(self) -> None:
        """`retrieve_file`, verified."""
        (content_hash,) = self._remembered("large")
        self._contents.retrieve_file(content_hash, self.destination, tier=Tier.RAW_OBSERVATIONS)

    def files_store(self) -> None:
        """`store_files`."""
        report = self._contents.store_files(
            self.inputs.small_files(), _FITS, tier=Tier.RAW_OBSERVATIONS
        )
        check_all(self.inputs, len(report.stored))
        self._remember("small", [each.content_hash for each in report.stored])

    def files_store_again(self) -> None:
        """`store_files` of what is there."""
        report = self._contents.store_files(
            self.inputs.small_files(), _FITS, tier=Tier.RAW_OBSERVATIONS
        )
        check_all(self.inputs, len(report.stored))

    def files_retrieve(self) -> None:
        """`retrieve_files`, each verified."""
        folder = self.destination
        folder.mkdir()
        self._contents.retrieve_files(self._remembered("small"), folder)
        check_all(self.inputs, sum(1 for _ in folder.iterdir()))

    def store_image(self) -> None:
        """Put the image where the cutouts are made."""
        self._remember(
            "image",
            [self._contents.store_file(self.inputs.image, _FITS, tier=Tier.RAW_OBSERVATIONS)],
        )

    def cutout(self) -> None:
        """Read the header, then the rows of the stamp, all of it verified."""
        (content_hash,) = self._remembered("image")
        self._contents.read_range(content_hash, 0, _BLOCK_BYTES, tier=Tier.RAW_OBSERVATIONS)
        rows = self._contents.read_ranges(
            content_hash, list(rows_of_stamp(self.inputs)), tier=Tier.RAW_OBSERVATIONS
        )
        check_stamp(sum(len(row) for row in rows))

    def fill(self) -> None:
        """Put the keys where listings are made."""
        puts = (
            Put(
                bucket=self.place.bucket,
                key=self.inputs.key(number),
                data=b".",
                content_type=_FITS,
                confirm=False,
            )
            for number in range(self.inputs.keys)
        )
        for outcome in self._storage.perform_many(puts):
            outcome.value()

    def listing(self) -> None:
        """Read all pages, each entry checked."""
        listed = self._storage.list_objects(self.place.bucket, "")
        check_count(self.inputs, sum(1 for _ in listed))

    def _remember(self, what: str, content_hashes: list[str]) -> None:
        (self.scratch / f"{what}.hashes").write_text("\n".join(content_hashes))

    def _remembered(self, what: str) -> list[str]:
        return (self.scratch / f"{what}.hashes").read_text().split()


def check_all(inputs: Inputs, count: int) -> None:
    """Refuse to have measured a batch that is not whole."""
    if count != inputs.count:
        raise ValueError(f"{count} of {inputs.count} files arrived")
