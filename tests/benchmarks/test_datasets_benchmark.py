"""The verdict that the datasets benchmark prints."""

from benchmarks.datasets import Timed, table
from benchmarks.servers import Traffic


def test_the_table_says_which_goals_are_met() -> None:
    slow, fast = Timed(10.0, 10.0, 9.0, 900.0), Timed(1.0, 3.0, 2.0, 200.0, Traffic(7, 8, 9))
    best = {
        **{f"{kind}: {job}": slow for kind in ("files", "file") for job in ("dvc add + push",)},
        **{f"{kind}: dvc pull": slow for kind in ("files", "file")},
        **{f"{kind}: {job}": fast for kind in ("files", "file") for job in ("add + push", "pull")},
        "files: pull": slow,
    }
    lines = list(table(best, floor_s=4.0))
    assert "files: add + push: 10.0 times as fast as dvc add + push, wanted 5: met" in lines
    assert "files: pull: 1.0 times as fast as dvc pull, wanted 5: NOT MET" in lines
    floor = "file: MD5 alone takes 4.00 s: 2.5 times is the most that add can reach"
    assert floor in lines
    assert "memory: 900 MiB at most, wanted under 300: NOT MET" in lines
