"""Faults as data: what goes wrong (a play), with which requests, how often.

A `Play` says what the proxy does to one request; `PLAYS` in `astrid_sdk.testing.plays` names the
ones seen in the field. A `Fault` arms a play for some requests::

    Fault("503", on={"put"}, times=4)
    Fault("lost-answer", on={"complete"})
    Fault(Play(edit=lambda _, answer: answer.with_body(b"")), on={"list"}, key="nights/")
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeAlias

from astrid_sdk.testing.wire import Answer, Request

FOR_EVER = 1_000_000_000

Edit: TypeAlias = Callable[[Request, Answer], Answer]


@dataclasses.dataclass(frozen=True)
class Delivery:
    """How the bytes of an answer travel.

    Parameters
    ----------
    keep : float, optional
        The part of the body that arrives, between 0 and 1.
    then : {"", "close", "reset", "stall"}, optional
        What happens after that; ``""``: the connection stays open.
    half_head : bool, optional
        Only half of the headers arrive before `then`.
    byte_every_s : float, optional
        The body comes in single bytes, so many seconds apart.
    delay_s : float, optional
        The answer comes that much later.
    raw : bytes, optional
        What is sent instead of the answer.
    preface, trailer : bytes, optional
        What is sent before and after it.
    chunked : bool, optional
        The body comes in chunks of unannounced length.
    says_close : bool, optional
        The answer announces that the connection ends with it.
    unsized : bool, optional
        The answer does not say how long it is.
    """

    keep: float = 1.0
    then: str = ""
    half_head: bool = False
    byte_every_s: float = 0.0
    delay_s: float = 0.0
    raw: bytes | None = None
    preface: bytes = b""
    trailer: bytes = b""
    chunked: bool = False
    says_close: bool = False
    unsized: bool = False


NORMAL = Delivery()


@dataclasses.dataclass(frozen=True)
class Play:
    """What is done to one request; every part may be left out.

    Parameters
    ----------
    early : {"", "reset", "answer"}, optional
        The server acts before it has read the body: it drops the connection, or sends `answer`
        and closes.
    change : callable, optional
        Gives the request that is forwarded instead.
    answer : callable, optional
        Gives the answer without asking the server, which never sees the request.
    loses_request : bool, optional
        The server never sees the request, and `delivery` says how its connection ends.
    twice : bool, optional
        The server gets the request two times; the second answer is handed on.
    edit : callable, optional
        Gives the answer that is handed on instead of the server's.
    delivery : Delivery, optional
    """

    early: str = ""
    change: Callable[[Request], Request] | None = None
    answer: Callable[[Request], Answer] | None = None
    loses_request: bool = False
    twice: bool = False
    edit: Edit | None = None
    delivery: Delivery = NORMAL


@dataclasses.dataclass(frozen=True)
class Fault:
    """A play, the requests it is for, and how often.

    Parameters
    ----------
    play : str or Play
        One of `PLAYS` by name, or one of your own.
    on : frozenset of str
        The operations it is for, as `Request.operation` names them; empty: all.
    times : int, optional
        How many requests it meets before it is over; `FOR_EVER` for one that stays.
    skip : int, optional
        How many such requests pass before the first one is met.
    key : str, optional
        Only requests for keys (of listings: prefixes) that start so.
    when : callable, optional
        Only requests for which this says yes; it sees them without their body.
    """

    play: "str | Play"
    on: frozenset[str] = frozenset()
    times: int = 1
    skip: int = 0
    key: str = ""
    when: Callable[[Request], bool] | None = None

    @property
    def name(self) -> str:
        """The play's name."""
        return self.play if isinstance(self.play, str) else "own play"

    def meets(self, request: Request) -> bool:
        """Return whether the fault is for `request`."""
        place = request.key or request.query.get("prefix", "")
        return (
            (not self.on or request.operation in self.on)
            and place.startswith(self.key)
            and (self.when is None or self.when(request))
        )


class Armed:
    """The faults that are still to come; not for more than one thread at a time.

    Parameters
    ----------
    plays : Mapping[str, Play]
        What the faults' names mean.
    """

    def __init__(self, plays: Mapping[str, Play]) -> None:
        self._plays = plays
        self._faults: list[list[int]] = []
        self._specs: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Arm `fault`; an unknown name is a KeyError at once, not when it is met."""
        self._play_of(fault)
        self._specs.append(fault)
        self._faults.append([fault.skip, fault.times])

    def clear(self) -> None:
        """Disarm all."""
        self._specs.clear()
        self._faults.clear()

    def left(self) -> list[Fault]:
        """Return the faults that have not been met as often as they were to be."""
        pairs = zip(self._specs, self._faults, strict=True)
        return [fault for fault, (_, times) in pairs if times]

    def next_for(self, request: Request) -> tuple[str, Play] | None:
        """Return the name and the play of the first fault that meets `request`, and count it."""
        for fault, counts in zip(self._specs, self._faults, strict=True):
            if not counts[1] or not fault.meets(request):
                continue
            if counts[0]:
                counts[0] -= 1
                continue
            counts[1] -= 1
            return fault.name, self._play_of(fault)
        return None

    def _play_of(self, fault: Fault) -> Play:
        return self._plays[fault.play] if isinstance(fault.play, str) else fault.play
