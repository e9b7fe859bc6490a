"""A process may be killed anywhere: nothing acknowledged is lost, and a rerun makes it good."""

import contextlib
import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kill.child import JOBS
from servers import MotoServer

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.outbox import Outbox
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.records import Record, RecordLog
from astrid_sdk.testing.fault_proxy import FaultProxy
from astrid_sdk.testing.faults import Fault, Play
from astrid_sdk.testing.r2_rules import R2Rules
from astrid_sdk.testing.wire import Answer, Request

HERE = Path(__file__).parent
LEAST_REQUESTS = 5


@pytest.mark.parametrize(
    ("job", "least"), [("store_data", 2), ("store_file", 11), ("store_files", 7), ("drain", 6)]
)
def test_a_kill_at_any_operation_loses_nothing_acknowledged(
    job: str, least: int, tmp_path: Path
) -> None:
    answer = subprocess.run(
        [sys.executable, str(HERE / "sweep.py"), job, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    killed = json.loads(answer.stdout)
    assert len(killed) >= 2 * least
    assert killed[-1].endswith(" after")


@pytest.mark.parametrize(
    ("job", "verbs"),
    [
        ("store_data", {"put"}),
        ("store_file", {"begin", "part", "complete"}),
        ("store_files", {"put"}),
        ("drain", {"put"}),
    ],
)
def test_a_kill_at_any_request_loses_nothing_acknowledged(
    job: str, verbs: set[str], moto_server: MotoServer, tmp_path: Path
) -> None:
    with bench(moto_server) as sweeper:
        requests = sweeper.sweep(job, tmp_path)
        made = {logged.operation for logged in sweeper.proxy.log}
    assert requests >= LEAST_REQUESTS
    assert verbs <= made


@dataclasses.dataclass
class Killer:
    """Kills a job's process at its request `number`: before the server got it, or after."""

    number: int
    side: str
    bucket: str
    folder: Path
    met: int = 0

    def fault(self) -> Fault:
        before, after = Play(early="reset"), Play(edit=self._killed_after)
        return Fault(before if self.side == "before" else after, when=self._meets)

    def _meets(self, request: Request) -> bool:
        if request.bucket != self.bucket:  # on its way since an earlier kill
            return False
        self.met += 1
        is_the_one = self.met == self.number
        if is_the_one and self.side == "before":
            self._kill()
        return is_the_one

    def _killed_after(self, _: Request, answer: Answer) -> Answer:
        self._kill()
        return answer

    def _kill(self) -> None:
        os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)


@dataclasses.dataclass
class Sweeper:
    """Kills jobs everywhere, and looks at the server past the proxy."""

    proxy: FaultProxy
    store: R2StorageClient
    child: "subprocess.Popen[str]"

    def sweep(self, job: str, root: Path) -> int:
        """Return how many requests the job makes, each of which it was killed at."""
        for number in itertools.count(1):
            for side in ("before", "after"):
                bucket = f"astrid-kill-{job.replace('_', '-')}-{number}-{side}"
                folder = root / f"{number}-{side}"
                folder.mkdir()
                self.store.create_bucket(bucket)
                if self._is_done(job, Killer(number, side, bucket, folder)):
                    assert side == "before"
                    return number - 1
                self._empty(bucket)
        raise AssertionError

    def _is_done(self, job: str, killer: Killer) -> bool:
        """Kill the job once, and run it again; return whether it ended before it was killed."""
        bucket, folder = killer.bucket, killer.folder
        if job == "drain":
            assert self._run("fill", bucket, folder) == "done"
        self.proxy.forget()  # with the bodies in its log
        self.proxy.arm(killer.fault())
        ended = self._run(job, bucket, folder)
        self.proxy.disarm()
        self._check_acknowledged(bucket, folder)
        if ended == "killed":
            assert self._run(job, bucket, folder) == "done"
        else:
            assert (ended, killer.met) == ("done", killer.number - 1)
        self._check_acknowledged(bucket, folder)
        self._check_complete(job, bucket, folder)
        return ended == "done"

    def _run(self, job: str, bucket: str, folder: Path) -> str:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{job} {bucket} {folder}\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def _check_acknowledged(self, bucket: str, folder: Path) -> None:
        """What was acknowledged is in the store or waits, and no record lacks its blob."""
        cas = ContentAddressedStorage(self.store, bucket)
        waiting = {
            sha256_hex(entry.body.read_bytes())
            for entry in Outbox(folder / "spool" / "outbox").entries()
        }
        for content_hash in _told(folder) - waiting:
            assert sha256_hex(cas.retrieve_data(content_hash)) == content_hash
        for record in itertools.chain(*self._packs(bucket)):
            content = cas.retrieve_data(record.content_hash, tier=record.tier)
            assert sha256_hex(content) == record.content_hash
            assert len(content) == record.size_bytes

    def _check_complete(self, job: str, bucket: str, folder: Path) -> None:
        """All is in the store with one record each, and nothing waits or is half there."""
        wanted = {sha256_hex(content) for content in JOBS[job][1]}
        packs = self._packs(bucket)
        records = list(itertools.chain(*packs))
        assert _told(folder) == wanted
        assert {record.content_hash for record in records} == wanted
        assert len({record.record_id for record in records}) == len(wanted)
        for pack in packs:
            assert len({record.record_id for record in pack}) == len(pack)
        if job == "drain":  # what was queued is brought as it is, however often it is tried
            assert len(records) == len(wanted)
            outbox = Outbox(folder / "spool" / "outbox")
            assert (outbox.entries(), outbox.refused()) == ([], [])

    def _packs(self, bucket: str) -> list[list[Record]]:
        log = RecordLog(self.store, bucket)
        return [log.read(pack) for pack in log.packs()]

    def _empty(self, bucket: str) -> None:
        """Let the server's memory go, uploads that a kill left behind included."""
        self.store.sweep_uploads(bucket, older_than_s=-60.0)
        self.store.delete_files(bucket, list(self.store.list_files(bucket, "")))


@contextlib.contextmanager
def bench(server: MotoServer) -> Iterator[Sweeper]:
    """A server, the strict proxy before it, and a process that runs jobs through the proxy."""
    store = R2StorageClient(server.config("astrid-kill"))
    with FaultProxy(server.endpoint_url, rules=R2Rules(writes_per_s=None)) as proxy:
        child = subprocess.Popen(
            [sys.executable, "-m", "kill.child"],
            cwd=HERE.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with child, contextlib.closing(store):
            assert child.stdin is not None
            config = {
                "r2_account_id": "test-account",
                "r2_access_key_id": server.access_key_id,
                "r2_secret_access_key": server.secret_access_key,
                "r2_endpoint_url": proxy.endpoint_url,
                "r2_bucket_name": "astrid-kill",
            }
            child.stdin.write(json.dumps(config) + "\n")
            yield Sweeper(proxy, store, child)


def _told(folder: Path) -> set[str]:
    told = folder / "told"
    return set(told.read_text().split()) if told.exists() else set()
