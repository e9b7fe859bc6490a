"""Short work: few hand-overs, contents read together, and nobody waits behind who is held up."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from stores import BUCKET

from astrid_sdk import observe
from astrid_sdk.api.short_work import ShortWork, Wanted
from astrid_sdk.errors import (
    AstridError,
    CorruptionError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.logged import LoggedStorage
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Get
from astrid_sdk.testing.stores import (
    CorruptingStore,
    Damage,
    Failure,
    FlakyStore,
    RecordingStore,
    flip_bit,
)
from astrid_sdk.tiers import Tier

_KINDS = pytest.mark.parametrize("is_near", [False, True])
MEDIA = "application/octet-stream"


@dataclasses.dataclass(frozen=True)
class Shelf:
    """A store with some contents."""

    store: ObjectStorage
    contents: dict[str, bytes]

    def work(self, *, is_near: bool = False, threads: int = 4) -> ShortWork:
        """Return what reads from it, as a new process does."""
        return ShortWork(threads, ContentAddressedStorage(self.store, BUCKET), is_near=is_near)


@pytest.fixture
def shelf() -> Shelf:
    memory = MemoryStorageClient()
    memory.create_bucket(BUCKET)
    cas = ContentAddressedStorage(memory, BUCKET)
    bodies = [f"content {number}".encode() for number in range(9)]
    contents = {str(cas.store_data(body, MEDIA)): body for body in bodies}
    return Shelf(memory, contents)


async def _all(work: ShortWork, count: int) -> list[tuple[int, str]]:
    def of(number: int) -> tuple[int, str]:
        return number, threading.current_thread().name

    return await asyncio.gather(*(work.run(partial(of, number)) for number in range(count)))


def wanted(content_hash: str) -> Wanted[bytes]:
    return Wanted(content_hash, Tier.ARTIFACTS, bytes.upper)


async def _read(work: ShortWork, hashes: list[str]) -> list[Any]:
    """Ask for contents at the same time, each as a request of its own."""

    async def one(content_hash: str) -> bytes:
        observe.call_id.set(content_hash[:8])
        return await work.run(partial(wanted, content_hash))

    asked = (asyncio.ensure_future(one(content_hash)) for content_hash in hashes)
    return await asyncio.gather(*asked, return_exceptions=True)


@_KINDS
def test_everybody_gets_what_came_of_their_own_work(shelf: Shelf, is_near: bool) -> None:  # noqa: FBT001
    work = shelf.work(is_near=is_near)
    assert [number for number, _ in asyncio.run(_all(work, 100))] == list(range(100))


def test_what_comes_together_is_done_by_one_thread(shelf: Shelf) -> None:
    found = asyncio.run(_all(shelf.work(), 5))
    assert len({name for _, name in found}) == 1


@_KINDS
def test_who_is_held_up_holds_nobody_else_up(shelf: Shelf, is_near: bool) -> None:  # noqa: FBT001
    work, held = shelf.work(is_near=is_near, threads=2), threading.Event()

    async def run() -> bool:
        slow = asyncio.ensure_future(work.run(lambda: held.wait(60)))
        await _all(work, 20)
        held.set()
        return await slow

    assert asyncio.run(run())


@_KINDS
def test_a_content_is_not_left_behind_with_who_is_held_up(
    shelf: Shelf,
    is_near: bool,  # noqa: FBT001
) -> None:
    work, held = shelf.work(is_near=is_near, threads=2), threading.Event()
    content_hash, body = next(iter(shelf.contents.items()))

    async def run() -> tuple[bytes, bool]:
        # Begun by one thread, in this order: the second is at work when the first is to be read.
        ask: Callable[[], bytes | Wanted[bytes]] = partial(wanted, content_hash)
        small = asyncio.ensure_future(work.run(ask))
        slow = asyncio.ensure_future(work.run(lambda: held.wait(60)))
        found = await small
        held.set()
        return found, await slow

    assert asyncio.run(run()) == (body.upper(), True)


@_KINDS
def test_an_error_is_raised_where_it_is_waited_for(shelf: Shelf, is_near: bool) -> None:  # noqa: FBT001
    def fail() -> None:
        raise NotFoundError("it is not there")

    with pytest.raises(NotFoundError):
        asyncio.run(shelf.work(is_near=is_near).run(fail))


def test_work_knows_the_request_it_is_for(shelf: Shelf) -> None:
    async def run() -> str:
        observe.call_id.set("a-request")
        return await shelf.work().run(observe.call_id.get)

    assert asyncio.run(run()) == "a-request"


@_KINDS
def test_what_was_given_up_is_not_in_the_way_of_the_next_loop(shelf: Shelf, is_near: bool) -> None:  # noqa: FBT001
    work, held = shelf.work(is_near=is_near, threads=1), threading.Event()

    async def given_up() -> None:
        task = asyncio.ensure_future(work.run(lambda: held.wait(60)))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(given_up())
    held.set()
    assert len(asyncio.run(_all(work, 3))) == 3


@_KINDS
def test_what_is_wanted_is_read_and_gone_on_with(shelf: Shelf, is_near: bool) -> None:  # noqa: FBT001
    hashes = list(shelf.contents) * 3
    found = asyncio.run(_read(shelf.work(is_near=is_near), hashes))
    assert found == [shelf.contents[content_hash].upper() for content_hash in hashes]


def test_contents_wanted_together_are_asked_for_in_one_batch(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []
    really = ContentAddressedStorage.retrieve_each

    def counted(self: ContentAddressedStorage, contents: Any) -> Iterator[Any]:
        listed = list(contents)
        batches.append([content_hash for content_hash, _ in listed])
        return really(self, listed)

    monkeypatch.setattr(ContentAddressedStorage, "retrieve_each", counted)
    recorded = RecordingStore(shelf.store)
    asyncio.run(_read(dataclasses.replace(shelf, store=recorded).work(), list(shelf.contents)))
    assert batches == [list(shelf.contents)]
    assert [type(operation) for operation in recorded.operations] == [Get] * 9


def test_each_read_is_told_under_the_request_it_is_for(shelf: Shelf) -> None:
    heard: list[observe.Event] = []
    logged = dataclasses.replace(shelf, store=LoggedStorage(shelf.store))
    with observe.subscribe(heard.append):
        asyncio.run(_read(logged.work(), list(shelf.contents)))
    assert len(heard) == 9
    assert all(event.call_id == event.key.rpartition("/")[2][:8] for event in heard)


@_KINDS
def test_one_that_is_not_there_is_missing_to_who_wants_it_only(
    shelf: Shelf,
    is_near: bool,  # noqa: FBT001
) -> None:
    there = list(shelf.contents)
    lost, *found = asyncio.run(_read(shelf.work(is_near=is_near), ["ab" * 32, *there]))
    assert isinstance(lost, NotFoundError)
    assert found == [body.upper() for body in shelf.contents.values()]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (
            lambda store: FlakyStore(
                store,
                [Failure(StorageUnavailableError("away"), verbs={"get"}, times=None)],
            ),
            StorageUnavailableError,
        ),
        (
            lambda store: CorruptingStore(store, [Damage(flip_bit, where="", times=None)]),
            CorruptionError,
        ),
    ],
)
def test_bytes_are_sound_or_withheld(
    shelf: Shelf, make: Callable[[Any], Any], error: type[AstridError]
) -> None:
    ill = dataclasses.replace(shelf, store=make(shelf.store))
    found = asyncio.run(_read(ill.work(), list(shelf.contents)))
    assert [type(each) for each in found] == [error] * 9


def test_a_failure_of_the_batch_leaves_nobody_waiting(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    really = ContentAddressedStorage.retrieve_each

    def failing(self: ContentAddressedStorage, contents: Any) -> Iterator[Any]:
        for count, each in enumerate(really(self, contents)):
            if count == 2:
                raise RuntimeError("a mistake of ours")
            yield each

    monkeypatch.setattr(ContentAddressedStorage, "retrieve_each", failing)
    work = shelf.work()
    found = asyncio.run(_read(work, list(shelf.contents)))
    assert found == [body.upper() for body in shelf.contents.values()]
    work._pool.shutdown()
    assert "reading contents together failed" in caplog.text
