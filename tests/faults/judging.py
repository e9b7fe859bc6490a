"""The verdict on one client in one case, by the truth behind the proxy."""

import dataclasses
import enum
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from faults.cases import SURVIVE, Case
from faults.works import Scene, Work

from astrid_sdk.errors import AstridError, NotFoundError
from astrid_sdk.testing.fault_proxy import FaultProxy

REFUSED_S = 0.06
_AFTERWARDS_S = 30.0


class Named(Protocol):
    """Whoever is judged."""

    name: str


class Verdict(enum.StrEnum):
    """What became of it."""

    SURVIVED = "survived"
    TOLD = "clean error"
    GAVE_UP = "gave up"
    """A clean error where the fault had passed."""
    FALSE_FAILURE = "FALSE FAILURE"
    """An error though it took effect, or one that says what is not true."""
    SILENT = "SILENT"
    """A success that is none."""
    HANG = "HANG"
    FOREIGN = "foreign error"
    """An error that is not one of ours; of others this is no verdict."""


@dataclasses.dataclass(frozen=True)
class Judged:
    verdict: Verdict
    note: str = ""
    seconds: float = 0.0
    requests: tuple[str, ...] = ()


@dataclasses.dataclass
class _Ending:
    result: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    is_late: bool = False


def judge(
    player: Named, work: Work, case: Case, scene: Scene, proxy: FaultProxy, *, deadline_s: float
) -> Judged:
    """Let `player` do `work` while `case` plays, and say what became of it."""
    work.prepare(scene)
    proxy.forget()
    _arm(proxy, case, work)
    ending = _ended(lambda: work.do(player, scene), proxy, deadline_s)
    proxy.disarm()
    verdict, note = _verdict(ending, work, case, scene, is_ours=player.name == "astrid")
    requests = tuple(f"{logged.operation}:{logged.fault or logged.status}" for logged in proxy.log)
    return Judged(verdict, note, ending.seconds, requests)


def _arm(proxy: FaultProxy, case: Case, work: Work) -> None:
    if case.play == "refused":
        proxy.refuse(REFUSED_S)
    else:
        proxy.arm(case.fault(work.main))


def _ended(do: Callable[[], Any], proxy: FaultProxy, deadline_s: float) -> _Ending:
    ending = _Ending()

    def run() -> None:
        try:
            ending.result = do()
        except BaseException as error:  # noqa: BLE001 - judged below
            ending.error = error

    started = time.monotonic()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(deadline_s)
    ending.is_late = thread.is_alive()
    ending.seconds = time.monotonic() - started
    if ending.is_late:  # let it go, so that the next case begins on a quiet proxy
        proxy.disarm()
        proxy.drop()
        thread.join(_AFTERWARDS_S)
    return ending


def _verdict(
    ending: _Ending, work: Work, case: Case, scene: Scene, *, is_ours: bool
) -> tuple[Verdict, str]:
    if ending.is_late:
        return Verdict.HANG, f"still busy after {ending.seconds:.1f} s"
    if ending.error is None:
        return _verdict_on_success(ending.result, work, scene)
    note = f"{type(ending.error).__name__}: {ending.error}"
    if not is_ours:
        took_effect = work.is_done is not None and work.is_done(scene)
        return (Verdict.FALSE_FAILURE if took_effect else Verdict.TOLD), note
    if not isinstance(ending.error, AstridError):
        return Verdict.FOREIGN, note
    return _verdict_on_error(ending.error, work, case, scene), note


def _verdict_on_success(result: Any, work: Work, scene: Scene) -> tuple[Verdict, str]:
    expected = work.answer(scene)
    if result != expected:
        return Verdict.SILENT, f"returned {str(result)[:60]!r}"
    if work.is_done is not None and not work.is_done(scene):
        return Verdict.SILENT, "acknowledged, but it is not so"
    return Verdict.SURVIVED, ""


def _verdict_on_error(error: AstridError, work: Work, case: Case, scene: Scene) -> Verdict:
    if work.is_done is not None and work.is_done(scene):
        is_honest = error.wrote is None and case.owed != SURVIVE
        return Verdict.TOLD if is_honest else Verdict.FALSE_FAILURE
    says_missing = isinstance(error, NotFoundError) and not case.play.startswith("NoSuch")
    if says_missing:
        return Verdict.FALSE_FAILURE
    return Verdict.GAVE_UP if case.owed == SURVIVE else Verdict.TOLD
