"""The same for content-addressed storage: what is handed out, and acknowledged, is true."""

from pathlib import Path

import pytest
from faults.bench import ROWS, Bench
from faults.cases import OTHER_KEY, SURVIVE, Case
from faults.judging import Verdict, judge
from faults.players import Ours
from faults.stored_cases import STORED_CASES
from faults.stored_works import STORED_WORKS, Keeper
from faults.truth import Truth
from faults.works import OLD, Scene

from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

DEADLINE_S = 20.0


@pytest.mark.parametrize("case", STORED_CASES.values(), ids=STORED_CASES)
def test_no_fault_makes_contents_wrong_or_lost(
    case: Case, place: tuple[Bench, Path], ours: Ours, request: pytest.FixtureRequest
) -> None:
    bench, folder = place
    truth = Truth(bench.server_url, bench.new_bucket())
    truth.put(OTHER_KEY, OLD)
    unharmed = ContentAddressedStorage(ours.client, truth.bucket)
    scene = Scene(truth, "", folder, unharmed)
    keeper = Keeper(ContentAddressedStorage(ours.client, truth.bucket))
    work = STORED_WORKS[case.work]
    judged = judge(keeper, work, case, scene, bench.proxy, deadline_s=DEADLINE_S)
    request.config.stash[ROWS][case.id] = {keeper.name: judged}
    good = {Verdict.SURVIVED} if case.owed == SURVIVE else {Verdict.SURVIVED, Verdict.TOLD}
    assert judged.verdict in good, judged
