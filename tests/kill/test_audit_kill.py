"""A session may be killed anywhere: of every change there is an intent, and the chains hold."""

from pathlib import Path

from kill.running import places_killed

LEAST_OPERATIONS = 12


def test_a_kill_at_any_operation_leaves_an_intent_for_every_change(tmp_path: Path) -> None:
    assert len(places_killed("audit_sweep.py", tmp_path)) >= 2 * LEAST_OPERATIONS
