"""Short work: few hand-overs, and nobody waits behind somebody who is held up."""

import asyncio
import threading
from functools import partial

import pytest

from astrid_sdk import observe
from astrid_sdk.api.short_work import ShortWork
from astrid_sdk.errors import NotFoundError

_KINDS = pytest.mark.parametrize("side_by_side", [False, True])


async def _all(work: ShortWork, count: int) -> list[tuple[int, str]]:
    def of(number: int) -> tuple[int, str]:
        return number, threading.current_thread().name

    return await asyncio.gather(*(work.run(partial(of, number)) for number in range(count)))


@_KINDS
def test_everybody_gets_what_came_of_their_own_work(side_by_side: bool) -> None:  # noqa: FBT001
    work = ShortWork(4, side_by_side=side_by_side)
    assert [number for number, _ in asyncio.run(_all(work, 100))] == list(range(100))


def test_what_comes_together_is_done_by_one_thread() -> None:
    found = asyncio.run(_all(ShortWork(4, side_by_side=False), 5))
    assert len({name for _, name in found}) == 1


@_KINDS
def test_who_is_held_up_holds_nobody_else_up(side_by_side: bool) -> None:  # noqa: FBT001
    work, held = ShortWork(2, side_by_side=side_by_side), threading.Event()

    async def run() -> bool:
        slow = asyncio.ensure_future(work.run(lambda: held.wait(60)))
        await _all(work, 20)
        held.set()
        return await slow

    assert asyncio.run(run())


@_KINDS
def test_an_error_is_raised_where_it_is_waited_for(side_by_side: bool) -> None:  # noqa: FBT001
    def fail() -> None:
        raise NotFoundError("it is not there")

    with pytest.raises(NotFoundError):
        asyncio.run(ShortWork(2, side_by_side=side_by_side).run(fail))


def test_work_knows_the_request_it_is_for() -> None:
    async def run() -> str:
        observe.call_id.set("a-request")
        return await ShortWork(2, side_by_side=False).run(observe.call_id.get)

    assert asyncio.run(run()) == "a-request"


@_KINDS
def test_what_was_given_up_is_not_in_the_way_of_the_next_loop(side_by_side: bool) -> None:  # noqa: FBT001
    work, held = ShortWork(1, side_by_side=side_by_side), threading.Event()

    async def given_up() -> None:
        task = asyncio.ensure_future(work.run(lambda: held.wait(60)))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(given_up())
    held.set()
    assert len(asyncio.run(_all(work, 3))) == 3
