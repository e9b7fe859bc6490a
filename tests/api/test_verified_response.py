"""How a verified body is handed to the server: in order, whole, and in parts a client can take."""

import asyncio
import contextlib
import math
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from astrid_sdk.api import verified_response
from astrid_sdk.api.verified_response import VerifiedResponse
from astrid_sdk.errors import CorruptionError

KIB = 1 << 10
BODY = bytes(range(256)) * (3 * KIB * 4) + b"the end"  # 3 MiB and a little
PIECE_BYTES = KIB * KIB


def pieces(body: bytes) -> Iterator[memoryview]:
    """Yield pieces in memory that is used again, as a download does."""
    rooms = [bytearray(PIECE_BYTES), bytearray(PIECE_BYTES)]
    for start in range(0, len(body), PIECE_BYTES):
        room = rooms[start // PIECE_BYTES % 2]
        piece = body[start : start + PIECE_BYTES]
        room[: len(piece)] = piece
        yield memoryview(room)[: len(piece)]
    yield memoryview(b"")


def sent(body: Iterator[memoryview]) -> tuple[list[bytes], list[bool]]:
    """Return the parts that were sent of `body`, and whether more was announced with each."""
    messages: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    response = VerifiedResponse(
        lambda: next(body),
        next(body),
        200,
        {},
        idle_s=math.inf,
        min_bytes_per_s=0,
        release=contextlib.AsyncExitStack(),
        content_hash="ab" * 32,
        damaged=lambda: None,
    )
    asyncio.run(response({"type": "http"}, receive, send))
    start, *parts = messages
    assert start["type"] == "http.response.start"
    return [part["body"] for part in parts], [part["more_body"] for part in parts]


def test_a_client_that_takes_parts_at_once_is_given_larger_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verified_response, "_AT_ONCE_S", math.inf)
    parts, more = sent(pieces(BODY))
    assert b"".join(parts) == BODY
    sizes = [256 * KIB, 512 * KIB, 256 * KIB, PIECE_BYTES, PIECE_BYTES, len(b"the end"), 0]
    assert [len(part) for part in parts] == sizes
    assert more == [True] * 6 + [False]


def test_a_slow_client_is_given_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified_response, "_AT_ONCE_S", -math.inf)
    parts, _ = sent(pieces(BODY))
    assert b"".join(parts) == BODY
    assert {len(part) for part in parts} == {256 * KIB, len(b"the end"), 0}


def test_damage_midway_ends_the_body_before_it_is_announced_to_be_whole() -> None:
    def damaged() -> Iterator[memoryview]:
        yield memoryview(BODY[:PIECE_BYTES])
        raise CorruptionError("a leaf")

    parts, more = sent(damaged())
    assert b"".join(parts) == BODY[:PIECE_BYTES]
    assert all(more)
