"""A large object comes down in pieces, in any order, and is verified as a whole."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from stores import BUCKET
from typing_extensions import override

from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage import downloading
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Fetched, Get, Operation, Outcome
from astrid_sdk.storage.wrapping import WrapperStorage

PIECE_BYTES = 1 << 16
PIECES = 12
ResultT = TypeVar("ResultT")


class InOrder(WrapperStorage):
    """Hands on the pieces of an object in an order of the test's, put where they are wanted."""

    order = tuple(range(PIECES - 1))
    puts_in_place = True

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        found = {_start(each.operation): each for each in self.inner.perform_many(operations)}
        starts = sorted(found)
        return (self._put_in_place(found[starts[place]]) for place in self.order)

    def _put_in_place(self, outcome: Outcome[ResultT]) -> Outcome[ResultT]:
        asked, fetched = outcome.operation, outcome.result
        if self.puts_in_place and isinstance(asked, Get) and isinstance(fetched, Fetched):
            assert asked.into is not None
            asked.into[:] = fetched.data
            return dataclasses.replace(outcome, result=dataclasses.replace(fetched, data=b""))
        return outcome


def _start(operation: Operation[ResultT]) -> int:
    assert isinstance(operation, Get)
    return operation.start


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> InOrder:
    monkeypatch.setattr(downloading, "PIECE_BYTES", PIECE_BYTES)
    memory = MemoryStorageClient()
    memory.create_bucket(BUCKET)
    return InOrder(memory)


BODY = hashlib.shake_256(b"an image").digest(PIECES * PIECE_BYTES - 100)


@pytest.mark.parametrize("puts_in_place", [True, False])
@pytest.mark.parametrize("order", ["as it is", "from the end", "every third"])
def test_pieces_may_come_in_any_order(
    store: InOrder, tmp_path: Path, order: str, *, puts_in_place: bool
) -> None:
    places = store.order
    store.puts_in_place = puts_in_place
    store.order = {
        "as it is": places,
        "from the end": places[::-1],
        "every third": places[::3] + places[1::3] + places[2::3],
    }[order]
    store.upload_file(BUCKET, "key", BODY, "text/plain")
    arrived: list[int] = []
    path = store.download_to(
        BUCKET,
        "key",
        tmp_path / "image",
        content_hash=hashlib.sha256(BODY).hexdigest(),
        progress=arrived.append,
    )
    assert path.read_bytes() == BODY
    assert (len(arrived), arrived[-1]) == (PIECES, len(BODY))


def test_other_bytes_are_no_file(store: InOrder, tmp_path: Path) -> None:
    store.order = store.order[::-1]
    store.upload_file(BUCKET, "key", BODY, "text/plain")
    with pytest.raises(CorruptionError):
        store.download_to(BUCKET, "key", tmp_path / "image", content_hash="0" * 64)
    assert list(tmp_path.iterdir()) == []
