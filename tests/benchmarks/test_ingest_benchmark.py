"""The files that the ingest benchmark makes, and the verdict it prints."""

from pathlib import Path

import pytest

from astrid_sdk.catalog.ingest.look import look_into
from benchmarks.ingest import Timed, make_files, table


def test_each_file_is_a_usable_exposure_of_its_own(tmp_path: Path) -> None:
    make_files(tmp_path, 501)
    paths = sorted(tmp_path.rglob("*.fits"))
    looks = [look_into(path.name, path) for path in (paths[0], paths[1], paths[-1])]
    assert [path.stat().st_size for path in paths] == [8640] * 501
    assert [look.refusal for look in looks] == ["", "", ""]
    assert len({str(look.summaries[0]["observation_time"]) for look in looks}) == 3
    assert len({path.read_bytes()[2880:] for path in paths}) == 501


@pytest.mark.parametrize(("dvc_s", "verdict"), [(10.0, "NOT MET"), (50.5, "met")])
def test_the_table_says_whether_the_goal_is_met(dvc_s: float, verdict: str) -> None:
    best = {"dvc add": Timed(dvc_s, 90, ""), "ingest()": Timed(10.0, 300, "")}
    assert list(table(best))[-1].endswith(f": {verdict}")
