"""Every fault with every client, judged by what really stands in the bucket.

Owed by ours: never a success that is none, never a hang, never an error about something that
took effect, and success whenever the fault passes. What boto3 and obstore make of the same cases
is printed beside it at the end of the run, and is nobody's test.
"""

from pathlib import Path

import pytest
from faults.bench import ROWS, Bench
from faults.cases import CASES, SURVIVE, Case
from faults.judging import Judged, Verdict, judge
from faults.players import Ours, Player
from faults.works import WORKS, Scene

OURS_S = 12.0
OTHERS_S = 3.0
LEAST_CASES = 120


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_fault_makes_the_client_lie_hang_or_give_up(
    case: Case, place: tuple[Bench, Path], ours: Ours, request: pytest.FixtureRequest
) -> None:
    judged = _judged(ours, case, place, OURS_S)
    request.config.stash[ROWS].setdefault(case.id, {})[ours.name] = judged
    good = {Verdict.SURVIVED} if case.owed == SURVIVE else {Verdict.SURVIVED, Verdict.TOLD}
    assert judged.verdict in good, judged


def test_the_table_is_as_long_as_was_promised() -> None:
    assert len(CASES) >= LEAST_CASES


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_others_make_of_it_is_put_down(
    case: Case, place: tuple[Bench, Path], others: list[Player], request: pytest.FixtureRequest
) -> None:
    for player in others:
        row = request.config.stash[ROWS].setdefault(case.id, {})
        row[player.name] = _judged(player, case, place, OTHERS_S)


def _judged(player: Player, case: Case, place: tuple[Bench, Path], deadline_s: float) -> Judged:
    bench, folder = place
    scene = Scene(bench.truth, bench.prefix(), folder)
    return judge(player, WORKS[case.work], case, scene, bench.proxy, deadline_s=deadline_s)
