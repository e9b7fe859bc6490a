"""Making a dataset version may be killed anywhere: there is no half one, and a rerun makes it."""

from pathlib import Path

from kill.running import places_killed

LEAST_OPERATIONS = 8


def test_a_kill_at_any_operation_leaves_no_half_version_and_a_rerun_makes_it(
    tmp_path: Path,
) -> None:
    assert len(places_killed("dataset_sweep.py", tmp_path)) >= 2 * LEAST_OPERATIONS
