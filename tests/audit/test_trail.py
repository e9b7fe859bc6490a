"""What a trail promises: nothing written down is lost, whatever ends the process."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from audit.trails import Told, put
from clocks import Clock
from stores import BUCKET

from astrid_sdk.config import child_environment
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.audit import trail as trails
from astrid_sdk.storage.audit.journal import Journal
from astrid_sdk.storage.audit.trail import AuditTrail
from astrid_sdk.storage.audited import AuditedStorage
from astrid_sdk.testing.stores import Failure, FlakyStore

AWAY = StorageUnavailableError("away", kind="unreachable", wrote=None)
CHILD = """
import os, signal, sys
from pathlib import Path
from astrid_sdk.storage.audit.trail import AuditTrail
from astrid_sdk.storage.audited import AuditedStorage
from astrid_sdk.storage.local_client import LocalStorageClient
store = LocalStorageClient(Path(sys.argv[1]))
audited = AuditedStorage(store, AuditTrail(store, "astrid-storage", Path(sys.argv[2])))
for number in range(3):
    audited.upload_file("astrid-storage", f"artifacts/{number}", b"", "text/plain")
os.kill(os.getpid(), signal.SIGKILL)
"""


def journals(told: Told) -> list[Path]:
    return sorted((told.home / "audit").glob("*/*.ndjson"))


def test_what_a_killed_process_left_the_next_session_ships(told: Told, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path / "store"), str(told.home / "audit")]
    environment = child_environment({"PYTHONPATH": str(Path(__file__).parents[2])})
    killed = subprocess.run(command, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert told.segments() == []
    store = told.writer()
    put(store, "artifacts/mine")
    store.close()
    assert [key for _, key, _ in told.outcomes()] == [
        *(f"artifacts/{number}" for number in range(3)),
        "artifacts/mine",
    ]
    assert told.verified().is_sound
    assert journals(told) == []


def test_the_lines_of_a_living_writer_are_left_alone(told: Told) -> None:
    living, other = told.writer(), told.writer()
    put(living, "artifacts/a")
    put(other, "artifacts/b")
    other.close()
    assert [key for _, key, _ in told.outcomes()] == ["artifacts/b"]
    living.close()
    assert len(told.outcomes()) == 2
    assert told.verified().is_sound


def test_half_a_line_at_the_end_is_not_shipped(told: Told) -> None:
    store = told.writer()
    put(store, "artifacts/a")
    (journal,) = journals(told)
    with journal.open("ab") as file:
        file.write(b'{"kind":"intent","seq":4,"pre')
    del store
    told.writer().trail.recover()
    assert told.outcomes() == [("put", "artifacts/a", "done")]
    assert told.verified().is_sound


def test_what_could_not_be_shipped_is_shipped_later_in_order(told: Told) -> None:
    away = FlakyStore(told.store, [Failure(AWAY, verbs={"put"}, where="_audit/", times=2)])
    store = AuditedStorage(told.store, AuditTrail(away, BUCKET, told.home / "audit"))
    for number in range(2):
        put(store, f"artifacts/{number}")
        with pytest.raises(StorageUnavailableError):
            store.trail.ship()
    put(store, "artifacts/2")
    assert told.segments() == []
    store.trail.ship()
    assert len(told.segments()) == 3
    assert [key for _, key, _ in told.outcomes()] == [f"artifacts/{number}" for number in range(3)]
    assert told.verified().is_sound


def test_a_segment_whose_answer_was_lost_is_shipped_once(told: Told) -> None:
    lost = Failure(AWAY, verbs={"put"}, where="_audit/", takes_effect=True)
    trail = AuditTrail(FlakyStore(told.store, [lost]), BUCKET, told.home / "audit")
    store = AuditedStorage(told.store, trail)
    put(store, "artifacts/a")
    with pytest.raises(StorageUnavailableError):
        trail.ship()
    put(store, "artifacts/b")
    trail.ship()
    assert [key for _, key, _ in told.outcomes()] == ["artifacts/a", "artifacts/b"]
    assert told.verified().is_sound


def test_a_large_or_old_segment_is_shipped_by_itself(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    trail = AuditTrail(told.store, BUCKET, told.home / "audit", clock=clock)
    store = AuditedStorage(told.store, trail)
    put(store, "artifacts/a")
    assert told.segments() == []
    clock.now += trails.SEGMENT_S + 1
    put(store, "artifacts/b")
    assert len(told.segments()) == 1
    monkeypatch.setattr(trails, "SEGMENT_BYTES", 300)
    put(store, "artifacts/c")
    assert len(told.segments()) == 2


def test_a_writer_is_followed_by_another_after_a_day(told: Told) -> None:
    clock = Clock()
    trail = AuditTrail(told.store, BUCKET, told.home / "audit", clock=clock)
    store = AuditedStorage(told.store, trail)
    put(store, "artifacts/a")
    clock.now += trails.ROTATION_S + 1
    put(store, "artifacts/b", "artifacts/c")
    store.close()
    first, second = told.verified().writers
    assert (first.operations, second.operations) == (2, 1)
    assert first.anchored == first.last


def test_what_is_deleted_as_the_writer_ends_has_its_outcome(told: Told) -> None:
    clock = Clock()
    trail = AuditTrail(told.store, BUCKET, told.home / "audit", clock=clock)
    store = AuditedStorage(told.store, trail)
    put(store, "artifacts/a")
    clock.now += trails.ROTATION_S + 1
    store.delete_file(BUCKET, "artifacts/a")
    put(store, "artifacts/b")
    store.close()
    assert told.outcomes() == [
        ("put", "artifacts/a", "done"),
        ("delete", "artifacts/a", "done"),
        ("put", "artifacts/b", "done"),
    ]
    assert len(told.verified().writers) == 2


def test_a_full_disk_leaves_an_audit_that_is_sound(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = told.writer()
    put(store, "artifacts/a")
    with monkeypatch.context() as full:
        full.setattr(Journal, "append", _takes_nothing)
        with pytest.raises(StorageUnavailableError, match="cannot be written"):
            put(store, "artifacts/b")
    put(store, "artifacts/c")
    store.close()
    told.writer().trail.recover()
    assert told.outcomes() == [("put", "artifacts/a", "done"), ("put", "artifacts/c", "done")]
    assert told.verified().is_sound


def _takes_nothing(_journal: Journal, _lines: bytes, _first: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_looks_like_a_signature_in_a_key_is_masked(told: Told) -> None:
    store = told.writer()
    put(store, "artifacts/X-Amz-Signature%3dabcdef")
    store.close()
    (event,) = told.events()
    assert "abcdef" not in event.key


def test_a_process_that_was_forked_off_writes_a_chain_of_its_own(told: Told) -> None:
    store = told.writer()
    put(store, "artifacts/a")
    child = os.fork()
    if child == 0:
        put(store, "artifacts/b")
        store.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    put(store, "artifacts/c")
    store.close()
    assert {key for _, key, _ in told.outcomes()} == {f"artifacts/{each}" for each in "abc"}
    found = told.verified()
    assert (found.is_sound, len(found.writers)) == (True, 2)


def test_closing_while_the_store_is_away_keeps_all(told: Told) -> None:
    away = FlakyStore(told.store, [Failure(AWAY, where="_audit/", times=None)])
    store = AuditedStorage(told.store, AuditTrail(away, BUCKET, told.home / "audit"))
    put(store, "artifacts/a")
    store.close()
    assert len(journals(told)) == 1
    told.writer().trail.recover()
    assert told.outcomes() == [("put", "artifacts/a", "done")]
