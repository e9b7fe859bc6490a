"""Many calls at a time, many items in batches, and never more in memory than fits."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def batched(items: Iterable[ItemT], size: int) -> Iterator[tuple[ItemT, ...]]:
    """Yield `items` in tuples of `size`, the last one shorter."""
    remaining = iter(items)
    while batch := tuple(islice(remaining, size)):
        yield batch


def bounded(
    pool: Executor,
    work: Callable[[ItemT], ResultT],
    items: Iterable[ItemT],
    *,
    most: int,
    weigh: Callable[[ItemT], int],
    most_weight: int,
) -> Iterator[ResultT]:
    """Yield ``work(item)`` for each item, as they are ready.

    Items are drawn only while fewer than `most` are under way and these weigh less than
    `most_weight` together; one is always under way, however heavy.
    """
    remaining = iter(items)
    under_way: dict[Future[ResultT], int] = {}
    is_over = False
    while True:
        while not is_over and _has_room(under_way, most, most_weight):
            try:
                item = next(remaining)
            except StopIteration:
                is_over = True
            else:
                under_way[pool.submit(work, item)] = weigh(item)
        if not under_way:
            return
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            del under_way[future]
            yield future.result()


def _has_room(under_way: dict[Future[ResultT], int], most: int, most_weight: int) -> bool:
    return not under_way or (len(under_way) < most and sum(under_way.values()) < most_weight)
